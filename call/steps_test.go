package call_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// story is a call's events as "id event/attempt".
func story(c call.Call, after int) string {
	var all []string
	for _, s := range c.StepsAfter(after) {
		all = append(all, fmt.Sprintf("%d %s/%d", s.ID, s.Event, s.Attempt))
	}
	return strings.Join(all, ", ")
}

func TestAListenerIsToldOfEveryStageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		busy := call.ProviderReport{ProviderCallID: "CA0001", Status: call.Busy, Sequence: 2}
		for range 2 { // callbacks come twice
			if err := w.Service.ProviderStatus(t.Context(), id, 1, busy); err != nil {
				t.Fatal(err)
			}
		}
		waiting := get(t, w, id)
		if steps := waiting.StepsAfter(2); len(steps) != 1 || steps[0].EndReason != call.EndBusy || steps[0].NextAttemptAt == nil {
			t.Errorf("%+v", steps)
		}
		sweepUntil(t, w, 2*time.Minute)
		ringing := call.ProviderReport{ProviderCallID: "CA0002", Status: call.Ringing, Sequence: 1}
		if err := w.Service.ProviderStatus(t.Context(), id, 2, ringing); err != nil {
			t.Fatal(err)
		}
		live := talking(t, w)
		desk := call.NewDesk(live)
		slots := desk.Use(t.Context(), call.ToolFindSlots, []byte(`{}`)).Slots
		desk.Use(t.Context(), call.ToolFindSlots, []byte(`{}`))
		if a := desk.Use(t.Context(), call.ToolCreateEvent, fmt.Appendf(nil, `{"start":%q}`, slots[0].Start)); !is(a.Booked, true) {
			t.Fatalf("%+v", a)
		}
		if err := live.End(t.Context(), call.SessionEnd{Reason: call.EndBooked, FarewellPlayed: true}); err != nil {
			t.Fatal(err)
		}
		c := get(t, w, id)
		want := "1 queued/0, 2 dialing/1, 3 retry/1, 4 dialing/2, 5 ringing/2, 6 answered/2, 7 proposing/2, 8 booked/2, 9 ended/2"
		if got := story(c, 0); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := story(c, 7); got != "8 booked/2, 9 ended/2" {
			t.Errorf("resumed: %s", got)
		}
		if got := story(c, 99) + story(c, 9); got != "" {
			t.Errorf("past the end: %s", got)
		}
		last := c.StepsAfter(7)
		if b := last[0]; b.Start == nil || b.Start.Format(time.RFC3339) == "" || b.Timezone != "America/Los_Angeles" || !b.Start.Equal(c.Event.Start) {
			t.Errorf("%+v", b)
		}
		if e := last[1]; e.Status != call.Completed || e.Outcome != call.Booked || e.EndReason != call.EndBooked {
			t.Errorf("%+v", e)
		}
	})
}

// A step that cannot be written costs the callee nothing, and comes with the next offer.
func TestTheDeskOffersAlsoWhereNobodyCanBeTold(t *testing.T) {
	withDesk(t, func(t *testing.T, d *desk) {
		d.w.Store.FailWith(func(operation string, _ call.Call) error {
			if operation == "update" {
				return errors.New("disk full")
			}
			return nil
		})
		if a := d.use(call.ToolFindSlots, `{}`); len(a.Slots) == 0 {
			t.Errorf("%+v", a)
		}
		d.w.Store.FailWith(nil)
		d.use(call.ToolFindSlots, `{}`)
		if got := story(d.call(), 0); !strings.Contains(got, "proposing/1") {
			t.Error(got)
		}
	})
}

// A record of an older program has no steps, and is listened to all the same.
func TestARecordWithoutStepsHasABeginningAndAnEnd(t *testing.T) {
	at := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	old := call.Call{CreatedAt: at, CompletedAt: &at, Status: call.Busy, Outcome: call.NotBooked, Attempts: []call.Attempt{{Number: 1, Status: call.Busy}}}
	if got := story(old, -3); got != "1 queued/0, 2 ended/1" {
		t.Error(got)
	}
}
