package call_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// desk is a session in synctest's year 2000; monday is its first working day, at 10:00.
type desk struct {
	t      *testing.T
	w      *calltest.World
	live   *call.Live
	desk   *call.Desk
	monday time.Time
}

func withDesk(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		place(t, w)
		d := &desk{t: t, w: w, live: talking(t, w), monday: time.Date(2000, 1, 3, 18, 0, 0, 0, time.UTC)}
		d.desk = call.NewDesk(d.live)
		test(t, d)
	})
}

func (d *desk) use(tool, args string) call.ToolAnswer {
	d.t.Helper()
	a := d.desk.Use(d.t.Context(), tool, []byte(args))
	b, err := json.Marshal(a)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, secret := range []string{"minister", "stack trace", "html"} {
		if strings.Contains(string(b), secret) {
			d.t.Errorf("%s reaches the model: %s", secret, b)
		}
	}
	return a
}

func (d *desk) at(tool string, start time.Time) call.ToolAnswer {
	d.t.Helper()
	return d.use(tool, fmt.Sprintf(`{"start":%q,"title":"Check-up"}`, start.Format(time.RFC3339)))
}

func (d *desk) call() call.Call { return get(d.t, d.w, d.live.Call().ID) }

func is(v *bool, want bool) bool { return v != nil && *v == want }

func TestTheDeskOffersAtMostFiveSlotsOverSeveralDays(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.w.Calendar.Busy(call.Slot{Start: time.Now(), End: time.Now().Add(time.Hour)}) // Friday's last hour
		a := d.use(call.ToolFindSlots, `{}`)
		if len(a.Slots) != 5 || a.Timezone != "America/Los_Angeles" || a.Slots[0].Start != "2000-01-03T09:00:00-08:00" ||
			a.Slots[0].Spoken != "Monday, 3 January 2000 at 9:00 AM" || !strings.HasPrefix(a.Slots[2].Start, "2000-01-04") {
			t.Errorf("%+v", a)
		}
		if q := d.w.Calendar.Finds()[0]; q.DurationMinutes != 30 || q.CalendarIDs[0] != "primary" || q.WorkingHours.Start != "09:00" {
			t.Errorf("%+v", q)
		}
		if a := d.use(call.ToolFindSlots, `{"from":"2000-01-05","to":"2000-01-05"}`); len(a.Slots) != 5 || !strings.HasPrefix(a.Slots[0].Start, "2000-01-05T09:00") {
			t.Errorf("one day, named by its date: %+v", a)
		}
		if a := d.use(call.ToolFindSlots, `{"from":"2000-01-05T15:00:00","to":"2000-01-05T16:00"}`); len(a.Slots) != 2 || a.Slots[0].Start != "2000-01-05T15:00:00-08:00" {
			t.Errorf("without an offset: %+v", a)
		}
		for _, args := range []string{`{"from":"2000-01-08","to":"2000-01-09"}`, `{"from":"2000-01-05T15:00","to":"2000-01-05T15:10"}`, `{"from":"2030-01-01T00:00:00Z"}`} {
			if a := d.use(call.ToolFindSlots, args); len(a.Slots) != 0 || !strings.Contains(a.Message, "Nothing is free") {
				t.Errorf("%s: %+v", args, a)
			}
		}
		for _, args := range []string{``, `[]`, `{"from":7}`, `{"from":"soon"}`, `{"to":"later"}`} {
			if a := d.use(call.ToolFindSlots, args); a.Error == "" {
				t.Errorf("%s: %+v", args, a)
			}
		}
		if a := d.use("send_money", `{}`); !strings.Contains(a.Error, "no tool") {
			t.Errorf("%+v", a)
		}
	})
}

func TestTheDeskRefusesInUsableWords(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		busy := call.Slot{Start: d.monday, End: d.monday.Add(time.Hour)}
		d.w.Calendar.Busy(busy)
		for _, c := range []struct{ name, tool, args, words string }{
			{"past", call.ToolCheckSlot, `{"start":"1999-12-31T10:00:00-08:00"}`, "past"},
			{"outside the window", call.ToolCheckSlot, `{"start":"2000-02-01T10:00:00-08:00"}`, "window"},
			{"outside the hours", call.ToolCheckSlot, `{"start":"2000-01-03T08:00:00-08:00"}`, "hours"},
			{"busy", call.ToolCheckSlot, `{"start":"2000-01-03T10:30:00-08:00"}`, "busy"},
			{"no time", call.ToolCheckSlot, `{"start":"ten"}`, "RFC 3339"},
			{"nothing", call.ToolCheckSlot, `{}`, "start"},
			{"never offered", call.ToolCreateEvent, `{"start":"2000-01-03T13:00:00-08:00"}`, "never offered"},
			{"booking outside the hours", call.ToolCreateEvent, `{"start":"2000-01-03T18:00:00-08:00"}`, "hours"},
			{"booking no time", call.ToolCreateEvent, `{"start":"ten"}`, "RFC 3339"},
			{"title is no text", call.ToolCreateEvent, `{"start":"2000-01-03T13:00:00-08:00","title":7}`, "title"},
		} {
			a := d.use(c.tool, c.args)
			if !strings.Contains(a.Message+a.Error, c.words) || is(a.Free, true) || is(a.Booked, true) {
				t.Errorf("%s: %+v", c.name, a)
			}
			if c.tool == call.ToolCreateEvent && !is(a.Booked, false) {
				t.Errorf("%s: does not say that it is not booked", c.name)
			}
		}
		if len(d.w.Calendar.Asked()) != 0 {
			t.Error("the bridge was asked to book")
		}
	})
}

func TestAnOccupiedTimeIsRefusedWhateverTheCalendarSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		r := calltest.Request(time.Now())
		monday := time.Date(2000, 1, 3, 18, 0, 0, 0, time.UTC)
		r.Occupied = []call.Slot{{Start: monday, End: monday.Add(time.Hour)}}
		r.CalleeTimezone = "America/New_York"
		if _, err := w.Service.Place(t.Context(), "clawdbot", r, nil); err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, w: w, live: talking(t, w)}
		d.desk = call.NewDesk(d.live)
		if a := d.at(call.ToolCheckSlot, monday); !is(a.Free, false) || len(w.Calendar.Checks()) != 0 {
			t.Errorf("%+v", a)
		}
		a := d.at(call.ToolCheckSlot, monday.Add(time.Hour))
		if !is(a.Free, true) || a.Slot.Spoken != "Monday, 3 January 2000 at 2:00 PM New York time" || a.Timezone != "America/New_York" {
			t.Errorf("%+v", a.Slot)
		}
	})
}

func TestASlotIsBookedOnceAndTheRecordKnowsBeforeTheModel(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		if a := d.at(call.ToolCheckSlot, d.monday); !is(a.Free, true) {
			t.Fatalf("%+v", a)
		}
		d.w.Calendar.OnCreate = func(context.Context, call.Booking) error {
			if c := d.call(); c.Booking == nil || c.Outcome != call.Pending {
				t.Errorf("the intent is not on record before the request: %+v", c.Booking)
			}
			return nil
		}
		a := d.use(call.ToolCreateEvent, `{"start":"2000-01-03T10:00:00.4","title":"Check-up\nhttps://x.example","description":"Bring\tcard"}`)
		if !is(a.Booked, true) || a.Slot.Start != "2000-01-03T10:00:00-08:00" {
			t.Fatalf("%+v", a)
		}
		c, e := d.call(), d.w.Calendar.Events()
		if c.Outcome != call.Booked || c.Event.EventID != "event-1" || len(e) != 1 || e[0].Title != "Check-up" || e[0].Description != "Bring card" || !e[0].Start.Equal(d.monday) {
			t.Errorf("%s, %+v", c.Outcome, e)
		}
		if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, true) || len(d.w.Calendar.Asked()) != 1 {
			t.Errorf("the same again: %+v", a)
		}
		d.at(call.ToolCheckSlot, d.monday.Add(time.Hour))
		if a := d.at(call.ToolCreateEvent, d.monday.Add(time.Hour)); !is(a.Booked, false) || !strings.Contains(a.Error, "already booked") {
			t.Errorf("another slot: %+v", a)
		}
		if c := d.call(); c.Outcome != call.Unconfirmed || len(d.w.Calendar.Events()) != 1 {
			t.Errorf("a change of mind: %s", c.Outcome)
		}
	})
}

func TestAnEventWithoutATitleIsNamedAfterTheCallee(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		d.use(call.ToolCreateEvent, `{"start":"2000-01-03T10:00:00-08:00"}`)
		if e := d.w.Calendar.Events(); len(e) != 1 || e[0].Title != "Appointment: Bright Dental" {
			t.Errorf("%+v", e)
		}
	})
}

func TestASlotTakenSinceIsNotBooked(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		d.w.Calendar.Busy(call.Slot{Start: d.monday, End: d.monday.Add(30 * time.Minute)})
		a := d.at(call.ToolCreateEvent, d.monday)
		if !is(a.Booked, false) || !strings.Contains(a.Error, "just been taken") || len(a.Alternatives) != 1 || d.call().Booking != nil {
			t.Errorf("seen by the check: %+v", a)
		}
		next := d.monday.Add(time.Hour)
		d.at(call.ToolCheckSlot, next)
		d.w.Calendar.OnCreate = func(context.Context, call.Booking) error {
			return &call.CalendarError{Kind: call.CalendarTaken, Err: errors.New("dinner with the minister")}
		}
		if a := d.at(call.ToolCreateEvent, next); !is(a.Booked, false) || !strings.Contains(a.Error, "just been taken") || d.call().Booking != nil {
			t.Errorf("seen by the bridge: %+v", a)
		}
		d.w.Calendar.OnCreate = func(context.Context, call.Booking) error {
			return &call.CalendarError{Kind: call.CalendarRefused, Err: errors.New("stack trace")}
		}
		if a := d.at(call.ToolCreateEvent, next); !is(a.Booked, false) || !strings.Contains(a.Error, "refused") || d.call().Booking != nil {
			t.Errorf("refused: %+v", a)
		}
		d.w.Calendar.OnCreate = nil
		if a := d.at(call.ToolCreateEvent, next); !is(a.Booked, true) {
			t.Errorf("a refusal must leave the way open: %+v", a)
		}
	})
}

func TestACalendarThatIsDownOrSlowIsSaidSoInTime(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return &call.CalendarError{Kind: call.CalendarDown, Err: ctx.Err()}
	}
	for name, fail := range map[string]func(context.Context) error{"down": func(context.Context) error { return calltest.Down() }, "slow": hang} {
		t.Run(name, func(t *testing.T) {
			withDesk(t, func(t *testing.T, d *desk) {
				d.at(call.ToolCheckSlot, d.monday)
				d.w.Calendar.OnFind = func(ctx context.Context, _ call.FindSlots) error { return fail(ctx) }
				d.w.Calendar.OnCheck = func(ctx context.Context, _ call.CheckSlot) error { return fail(ctx) }
				for _, tool := range []string{call.ToolFindSlots, call.ToolCheckSlot, call.ToolCreateEvent} {
					began := time.Now()
					a := d.at(tool, d.monday)
					if !strings.Contains(a.Error, "cannot be reached") || is(a.Booked, true) || time.Since(began) > 6*time.Second {
						t.Errorf("%s after %v: %+v", tool, time.Since(began), a)
					}
				}
				if c := d.call(); c.Booking != nil || c.Status != call.InProgress {
					t.Errorf("%s %+v", c.Status, c.Booking)
				}
				d.w.Calendar.OnCheck = nil
				d.w.Calendar.OnCreate = func(ctx context.Context, _ call.Booking) error { return fail(ctx) }
				began := time.Now()
				if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, false) || !strings.Contains(a.Error, "did not confirm") || time.Since(began) > 10*time.Second {
					t.Errorf("after %v: %+v", time.Since(began), a)
				}
				if c := d.call(); c.Booking == nil || c.Outcome != call.Pending {
					t.Error("the intent is forgotten while its answer is unknown")
				}
			})
		})
	}
}

func TestASlotThatBeginsWhileTheCalendarIsAskedIsNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		r := calltest.Request(time.Now())
		r.WorkingHours = call.WorkingHours{Start: "00:00", End: "24:00", Days: []int{0, 1, 2, 3, 4, 5, 6}}
		if _, err := w.Service.Place(t.Context(), "clawdbot", r, nil); err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, w: w, live: talking(t, w)}
		d.desk = call.NewDesk(d.live)
		w.Calendar.OnCheck = func(context.Context, call.CheckSlot) error { time.Sleep(5 * time.Second); return nil }
		if a := d.at(call.ToolCheckSlot, time.Now().Add(2*time.Second)); !is(a.Free, false) || !strings.Contains(a.Message, "past") {
			t.Errorf("%+v", a)
		}
	})
}

func TestOfTwoBookingsAtOnceOneIsMade(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		d.w.Calendar.OnCreate = func(context.Context, call.Booking) error { time.Sleep(time.Second); return nil }
		answers := make(chan call.ToolAnswer, 2)
		for range 2 {
			go func() { answers <- d.at(call.ToolCreateEvent, d.monday) }()
		}
		a, b := <-answers, <-answers
		if is(a.Booked, true) == is(b.Booked, true) || !strings.Contains(a.Error+b.Error, "under way") {
			t.Errorf("%+v %+v", a, b)
		}
		if len(d.w.Calendar.Events()) != 1 || len(d.w.Calendar.Asked()) != 1 {
			t.Errorf("%d events", len(d.w.Calendar.Events()))
		}
	})
}

// The process dies between the bridge's answer and our record: the record has the
// intent, the calendar the event.
func TestABookingWhoseRecordWasLostIsRepeatedUnderItsKey(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		failed := 0
		d.w.Store.FailWith(func(op string, c call.Call) error {
			if op == "update" && c.Event != nil && failed == 0 {
				failed++
				return errors.New("killed")
			}
			return nil
		})
		if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, false) || failed != 1 {
			t.Fatalf("%+v", a)
		}
		sweepUntil(t, d.w, 3*time.Minute)
		asked, c := d.w.Calendar.Asked(), d.call()
		if len(asked) != 2 || asked[0].Key != asked[1].Key || len(d.w.Calendar.Events()) != 1 || c.Outcome != call.Booked || len(d.w.Telephony.Dials()) != 1 {
			t.Errorf("%d requests, %d events, %s", len(asked), len(d.w.Calendar.Events()), c.Outcome)
		}
	})
}

func TestAnUnknownBookingIsRepeatedAloneUntilItIsUnconfirmed(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		d.at(call.ToolCheckSlot, d.monday.Add(time.Hour))
		d.w.Calendar.LoseAnswer = func(call.Booking) error { return calltest.Down() }
		d.at(call.ToolCreateEvent, d.monday)
		if a := d.at(call.ToolCreateEvent, d.monday.Add(time.Hour)); !is(a.Booked, false) || len(d.w.Calendar.Asked()) != 1 {
			t.Errorf("another slot was tried: %+v", a)
		}
		if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, false) || len(d.w.Calendar.Asked()) != 2 {
			t.Errorf("the same slot again: %+v", a)
		}
		if err := d.live.End(t.Context(), call.SessionEnd{Reason: call.EndUnclear, ModelReason: call.EndUnclear}); err != nil {
			t.Fatal(err)
		}
		if c := d.call(); c.Status != call.Queued || c.NextAttemptAt != nil || c.Final() {
			t.Errorf("%s, next attempt %v", c.Status, c.NextAttemptAt)
		}
		sweepUntil(t, d.w, 20*time.Minute)
		asked, c := d.w.Calendar.Asked(), d.call()
		for _, b := range asked {
			if b.Key != asked[0].Key {
				t.Errorf("another request was made: %+v", b)
			}
		}
		if len(asked) < 10 || c.Outcome != call.Unconfirmed || !c.Final() || len(d.w.Telephony.Dials()) != 1 || len(d.w.Calendar.Events()) != 1 {
			t.Errorf("%d requests, %s", len(asked), c.Outcome)
		}
		if p := d.w.Notifier.Posts(); len(p) != 1 || !strings.Contains(p[0].Body, "NOT confirmed") {
			t.Errorf("%+v", p)
		}
	})
}

// The sweep waits for a bridge no longer than the desk does, or one bridge would hold every call.
func TestARepeatedBookingIsNotWaitedForEndlessly(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		d.w.Calendar.OnCreate = func(ctx context.Context, _ call.Booking) error {
			<-ctx.Done()
			return &call.CalendarError{Kind: call.CalendarDown, Err: ctx.Err()}
		}
		d.at(call.ToolCreateEvent, d.monday)
		time.Sleep(30 * time.Second)
		began := time.Now()
		if err := d.w.Service.Sweep(t.Context()); err != nil || time.Since(began) > 10*time.Second || len(d.w.Calendar.Asked()) != 2 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestTheModelsWordsAfterABookingCount(t *testing.T) {
	for said, want := range map[call.EndReason]call.Outcome{call.EndBooked: call.Booked, "": call.Booked, call.EndRefused: call.Unconfirmed, call.EndUnclear: call.Unconfirmed} {
		withDesk(t, func(t *testing.T, d *desk) {
			d.at(call.ToolCheckSlot, d.monday)
			d.at(call.ToolCreateEvent, d.monday)
			if err := d.live.End(t.Context(), call.SessionEnd{Reason: call.EndCalleeHangup, ModelReason: said}); err != nil {
				t.Fatal(err)
			}
			if c := d.call(); c.Outcome != want || !c.Final() {
				t.Errorf("%q: %s", said, c.Outcome)
			}
		})
	}
	withDesk(t, func(t *testing.T, d *desk) { // and without one they claim nothing
		if err := d.live.End(t.Context(), call.SessionEnd{Reason: call.EndBooked, ModelReason: call.EndBooked}); err != nil {
			t.Fatal(err)
		}
		if c := d.call(); c.Outcome != call.NotBooked {
			t.Errorf("booked by the model's claim alone: %s", c.Outcome)
		}
	})
}

func TestADeskWithoutItsRecordBooksNothing(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.at(call.ToolCheckSlot, d.monday)
		for _, op := range []string{"get", "update"} {
			d.w.Store.FailWith(func(o string, _ call.Call) error {
				if o == op {
					return errors.New("down")
				}
				return nil
			})
			if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, false) || a.Error == "" {
				t.Errorf("%s: %+v", op, a)
			}
		}
		d.w.Store.FailWith(nil)
		if len(d.w.Calendar.Asked()) != 0 {
			t.Error("booked without the intent on record")
		}
		sweepUntil(t, d.w, 2*time.Minute) // the lease runs out: the attempt is over
		if a := d.at(call.ToolCreateEvent, d.monday); !is(a.Booked, false) || len(d.w.Calendar.Asked()) != 0 {
			t.Errorf("a session that is over books: %+v", a)
		}
	})
}
