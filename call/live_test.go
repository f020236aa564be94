package call_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

func TestAStreamIsOpenedOnceByItsOwnCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		raw := w.Telephony.Dials()[0].StreamToken
		token, err := w.Service.CheckStream(t.Context(), raw)
		if err != nil || token.CallID != c.ID || token.Attempt != 1 {
			t.Fatalf("%+v, %v", token, err)
		}
		if _, err := w.Service.OpenStream(t.Context(), token, "ACother", "CA0001"); !errors.Is(err, call.ErrStreamTaken) {
			t.Errorf("another account: %v", err)
		}
		if _, err := w.Service.OpenStream(t.Context(), token, calltest.Account, "CA9999"); !errors.Is(err, call.ErrStreamTaken) {
			t.Errorf("another call: %v", err)
		}
		live, err := w.Service.OpenStream(t.Context(), token, calltest.Account, "CA0001")
		if err != nil || live.Attempt() != 1 || live.Call().ID != c.ID {
			t.Fatal(err)
		}
		if _, err := w.Service.OpenStream(t.Context(), token, calltest.Account, "CA0001"); !errors.Is(err, call.ErrStreamTaken) {
			t.Errorf("replayed: %v", err)
		}
		if _, err := w.Service.CheckStream(t.Context(), raw); !errors.Is(err, call.ErrStreamTaken) {
			t.Errorf("replayed before the upgrade: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := w.Service.CheckStream(t.Context(), raw); !errors.Is(err, call.ErrTokenExpired) {
			t.Errorf("expired: %v", err)
		}
		gone := call.StreamToken{CallID: "nope", Attempt: 1, Expires: time.Now().Add(time.Minute)}
		if _, err := w.Service.CheckStream(t.Context(), gone.Sign(w.Service.StreamSecret)); !errors.Is(err, call.ErrBadToken) {
			t.Errorf("a call that is gone: %v", err)
		}
	})
}

func TestWithoutAProviderAccountAnyCallIDWillDo(t *testing.T) {
	w := calltest.NewWorld()
	w.Service.StreamAccount = ""
	place(t, w)
	token, err := w.Service.CheckStream(t.Context(), w.Telephony.Dials()[0].StreamToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.OpenStream(t.Context(), token, "AC?", "whatever"); err != nil {
		t.Error(err)
	}
	if _, err := w.Service.OpenStream(t.Context(), call.StreamToken{CallID: "nope"}, "", ""); err == nil {
		t.Error("opened for a call that is gone")
	}
}

func TestASessionsEndIsOnRecordBeforeTheLineGoesDown(t *testing.T) {
	w := calltest.NewWorld()
	c := place(t, w)
	live := talking(t, w)
	w.Telephony.OnEnd = func(string) error {
		if a := get(t, w, c.ID).Attempts[0]; a.EndReason != call.EndRefused || !a.FarewellPlayed {
			t.Errorf("hung up before the record: %+v", a)
		}
		return nil
	}
	end := call.SessionEnd{Reason: call.EndRefused, ModelReason: call.EndRefused, FarewellPlayed: true, Report: call.Report{
		Summary: "They\nsaid https://evil.example no.", NextSteps: []string{" ", strings.Repeat("x", 600)},
		Evidence: []call.Quote{{Quote: "No.", AtMS: 1200}, {Quote: "www.x.example"}},
	}}
	if err := live.End(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	got := get(t, w, c.ID)
	if got.Outcome != call.NotBooked || got.Attempts[0].LineDownAt == nil || len(w.Telephony.Ended()) != 1 {
		t.Errorf("%+v", got)
	}
	r := got.Report
	if r.Summary != "They said no." || len(r.NextSteps) != 1 || len([]rune(r.NextSteps[0])) != 500 || len(r.Evidence) != 1 || r.Evidence[0].AtMS != 1200 {
		t.Errorf("%+v", r)
	}
	if err := live.End(t.Context(), end); err != nil || len(w.Telephony.Ended()) != 1 {
		t.Errorf("a second end hung up again: %v", err)
	}
}

func TestASessionsEndSurvivesAStoreThatIsAwayForHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		live := talking(t, w)
		back := time.Now().Add(30 * time.Second)
		w.Store.FailWith(func(string, call.Call) error {
			if time.Now().Before(back) {
				return errors.New("away")
			}
			return nil
		})
		// Nobody speaks on the line meanwhile: it is put down long before the store is back.
		w.Telephony.OnEnd = func(string) error {
			if wait := 30*time.Second - time.Until(back); wait > 10*time.Second && wait < 30*time.Second {
				t.Errorf("put down after %v", wait)
			}
			return nil
		}
		if err := live.End(t.Context(), call.SessionEnd{Reason: call.EndRefused, Report: call.Report{Summary: "No."}}); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Telephony.Ended()); n != 2 { // and once more when the end is on record
			t.Errorf("hung up %d times", n)
		}
		if got := get(t, w, c.ID); !got.Final() || got.Status != call.Completed {
			t.Errorf("%s", got.Status)
		}
		w.Store.FailWith(func(string, call.Call) error { return errors.New("away") })
		if err := live.End(t.Context(), call.SessionEnd{Reason: call.EndRefused}); err == nil {
			t.Error("an end that is not on record is said to be")
		}
	})
}

func TestALostHostEndsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		live := talking(t, w)
		for range 6 {
			time.Sleep(call.LeaseLength / 3)
			if over, err := live.Renew(t.Context()); over || err != nil {
				t.Fatal(over, err)
			}
		}
		if err := w.Service.Sweep(t.Context()); err != nil || get(t, w, c.ID).Attempts[0].EndedAt != nil {
			t.Fatalf("a living session was ended: %v", err)
		}
		sweepUntil(t, w, 3*time.Minute)
		got := get(t, w, c.ID)
		if a := got.Attempts[0]; a.Status != call.Failed || a.EndReason != call.EndHostLost || a.LineDownAt == nil || got.Final() {
			t.Errorf("%+v", a)
		}
		if over, err := live.Renew(t.Context()); !over || err != nil {
			t.Error("the lost host goes on")
		}
	})
}

func TestAHangUpThatFailedIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		live := talking(t, w)
		tries := 0
		w.Telephony.OnEnd = func(string) error {
			if tries++; tries < 4 {
				return errors.New("503")
			}
			return nil
		}
		if err := live.End(t.Context(), call.SessionEnd{Reason: call.EndRefused}); err == nil {
			t.Error("a line that is up is said to be down")
		}
		sweepUntil(t, w, 6*time.Minute)
		if got := get(t, w, c.ID); tries != 4 || got.Attempts[0].LineDownAt == nil || got.Due != nil {
			t.Errorf("%d tries, due %v", tries, got.Due)
		}
	})
}

func TestAnAnsweredCallWhoseStreamNeverOpensIsPutDownAndRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		if _, err := w.Service.Voice(t.Context(), call.VoiceRequest{CallID: c.ID, Attempt: 1, Report: call.ProviderReport{ProviderCallID: "CA0001"}}); err != nil {
			t.Fatal(err)
		}
		w.Telephony.Set("CA0001", call.InProgress)
		sweepUntil(t, w, 6*time.Minute)
		a := get(t, w, c.ID).Attempts[0]
		if len(w.Telephony.Ended()) == 0 || a.Status != call.Failed || a.EndReason != call.EndGreetingUnheard || len(w.Telephony.Dials()) < 2 {
			t.Errorf("%+v, ended %v", a, w.Telephony.Ended())
		}
	})
}

func TestANoticeIsResentByteForByteUntilItIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Notifier.OnSend = func(context.Context, calltest.Post) error {
			if len(w.Notifier.Posts()) < 5 {
				return &call.NotifyError{Retry: true, Err: errors.New("503")}
			}
			return nil
		}
		c := ended(t, w)
		sweepUntil(t, w, time.Hour)
		posts := w.Notifier.Posts()
		if len(posts) != 5 || len(w.Notifier.Composed()) != 1 || posts[0].Key != string(c.ID)+":not_booked" {
			t.Fatalf("%d posts, %d composed", len(posts), len(w.Notifier.Composed()))
		}
		for _, p := range posts {
			if p != posts[0] {
				t.Errorf("%+v differs", p)
			}
		}
		if n := get(t, w, c.ID).Notice; n.State != call.NoticeDelivered || n.Tries != 5 || n.LastError != "" {
			t.Errorf("%+v", n)
		}
	})
}

// ended places a call and ends it without a booking.
func ended(t *testing.T, w *calltest.World) call.Call {
	t.Helper()
	c := place(t, w)
	if err := talking(t, w).End(t.Context(), call.SessionEnd{Reason: call.EndRefused, FarewellPlayed: true}); err != nil {
		t.Fatal(err)
	}
	return get(t, w, c.ID)
}

func TestANoticeIsGivenUpWhereItMustBe(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		wait     time.Duration
		min, max int
	}{
		{"refused", &call.NotifyError{Err: errors.New("401")}, time.Hour, 1, 1},
		{"refused with and without routing", &call.NotifyError{WithoutRouting: true, Err: errors.New("400")}, time.Hour, 2, 2},
		{"down for a day", &call.NotifyError{Retry: true, Err: errors.New("503")}, 25 * time.Hour, 96, 220},
		{"an error of no kind", errors.New("EOF"), 25 * time.Hour, 96, 220},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := calltest.NewWorld()
				w.Notifier.OnSend = func(context.Context, calltest.Post) error { return c.err }
				id := ended(t, w).ID
				sweepUntil(t, w, c.wait)
				n, posts := get(t, w, id).Notice, w.Notifier.Posts()
				if n.State != call.NoticeGivenUp || n.LastError == "" || len(posts) < c.min || len(posts) > c.max {
					t.Errorf("%d posts, %s %q", len(posts), n.State, n.LastError)
				}
				if c.max == 2 && (!strings.HasSuffix(posts[1].Key, ":plain") || !strings.Contains(posts[1].Body, `"Plain":true`)) {
					t.Errorf("%+v", posts[1])
				}
			})
		})
	}
}

func TestANoticeThatNobodyCanSendAnyMoreDoesNotStayDueForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := ended(t, w).ID
		w.Service.Notifier = nil
		sweepUntil(t, w, 25*time.Hour)
		if c := get(t, w, id); c.Notice.State != call.NoticeGivenUp || c.Due != nil {
			t.Errorf("%+v", c.Notice)
		}
	})
}

func TestASchedulerThatFailsCostsNothingButTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Scheduler.Err = errors.New("throttled")
		id := ended(t, w).ID
		sweepUntil(t, w, 2*time.Minute)
		if get(t, w, id).Notice.State != call.NoticeDelivered || len(w.Scheduler.Wakes()) == 0 {
			t.Error("not delivered, or no nudge asked for")
		}
	})
}

func TestASweepThatCannotReadSaysSo(t *testing.T) {
	w := calltest.NewWorld()
	if err := w.Service.Attend(t.Context(), "nope"); err != nil {
		t.Errorf("a call that is gone: %v", err)
	}
	c := place(t, w)
	w.Store.FailWith(func(string, call.Call) error { return errors.New("down") })
	if err := w.Service.Sweep(t.Context()); err == nil {
		t.Error("a sweep that read nothing is content")
	}
	if err := w.Service.Attend(t.Context(), c.ID); err == nil {
		t.Error("attended without the record")
	}
}
