package call_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

func preview(t *testing.T, w *calltest.World, r call.Request) call.Preview {
	t.Helper()
	p, err := w.Service.Preview(t.Context(), "clawdbot", r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestADryRunSaysWhatTheCallWouldBeAndDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Service.Rules.Policy.CallsPerDay = 1
		r := calltest.Request(time.Now())
		r.CalleeTimezone = "America/New_York"
		for range 3 {
			p := preview(t, w, r)
			if p.To != "+1******0123" || p.Opening != "Hello, this is an AI assistant calling on behalf of Ann Lee." || p.Business != r.Goal {
				t.Errorf("%+v", p)
			}
			if p.Window.Owner.Timezone != "America/Los_Angeles" || p.Window.Owner.Start != "1999-12-31T16:00:00-08:00" || p.Window.Callee.Start != "1999-12-31T19:00:00-05:00" {
				t.Errorf("%+v", p.Window)
			}
			if len(p.Slots) != 5 || !strings.HasSuffix(p.Slots[0].Spoken, "New York time") || p.Calendar != "" {
				t.Errorf("%+v %s", p.Slots, p.Calendar)
			}
			if p.Cost.WorstCaseUSD != nil || p.Cost.Reason == "" || p.Cost.Attempts != 3 || p.Cost.MaxCallSeconds != 600 || p.Policy.Verdict != call.PolicyAllowed {
				t.Errorf("%+v %+v", p.Cost, p.Policy)
			}
		}
		if len(w.Telephony.Dials())+len(w.Notifier.Posts())+len(w.Scheduler.Wakes())+len(w.Media.Reserved()) != 0 {
			t.Error("a dry run had effects")
		}
		place(t, w) // the day's one call is still free, and so is the number
	})
}

func TestADryRunNamesTheHighestPriceOrWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		r := calltest.Request(time.Now())
		usd, minute := 2.0, 0.01
		talk := call.TalkCost{AsOf: "2026-11-23", Missing: "prices.models has no price of x"}
		w.Service.TalkCost = func(d time.Duration) call.TalkCost {
			if d != w.Service.Rules.MaxCall {
				t.Errorf("a talk of %s", d)
			}
			return talk
		}
		if c := preview(t, w, r).Cost; c.WorstCaseUSD != nil || !strings.HasPrefix(c.Reason, talk.Missing) {
			t.Errorf("%+v", c)
		}
		talk.USD, talk.Missing = &usd, ""
		if c := preview(t, w, r).Cost; c.WorstCaseUSD != nil || !strings.HasPrefix(c.Reason, "prices.phone_minute") {
			t.Errorf("%+v", c)
		}
		w.Service.Rules.PhoneMinute = &minute
		if c := preview(t, w, r).Cost; c.WorstCaseUSD == nil || *c.WorstCaseUSD != 6.3 || c.Reason != "" || c.PricesAsOf != "2026-11-23" {
			t.Errorf("%+v", c)
		}
	})
}

func TestADryRunIsRefusedAsTheCallWouldBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		r := calltest.Request(time.Now())
		w.Service.Rules.Policy.Countries = []string{"DE"}
		if _, err := w.Service.Preview(t.Context(), "clawdbot", r); code(err) != call.Forbidden {
			t.Errorf("%v", err)
		}
		w.Service.Rules.Policy = call.Policy{Dialling: false}
		if _, err := w.Service.Preview(t.Context(), "clawdbot", r); code(err) != call.Forbidden {
			t.Errorf("%v", err)
		}
	})
}

func TestADryRunSaysUntilWhenACallWouldWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Service.Rules.Policy.Hours = call.CallingHours{Start: 8 * 60, End: 12 * 60} // it is 16:00 there
		p := preview(t, w, calltest.Request(time.Now()))
		if p.Policy.Verdict != call.PolicyWaits || p.Policy.Reason == "" || p.Policy.Until == nil || !p.Policy.Until.Equal(time.Date(2000, 1, 1, 16, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", p.Policy)
		}
	})
}

func TestADryRunKnowsACalendarThatIsDownFromOneThatIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		r := calltest.Request(time.Now())
		w.Calendar.OnFind = func(context.Context, call.FindSlots) error {
			return &call.CalendarError{Err: errors.New("secret stack trace")}
		}
		p := preview(t, w, r)
		if b, err := json.Marshal(p); err != nil || !strings.Contains(string(b), `"slots":null`) || p.Calendar == "" || strings.Contains(string(b), "secret") {
			t.Errorf("%s, %v", b, err)
		}
		w.Calendar.OnFind = func(ctx context.Context, _ call.FindSlots) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		if p = preview(t, w, r); p.Slots != nil || time.Since(began) > 6*time.Second {
			t.Errorf("%+v after %s", p.Slots, time.Since(began))
		}
		w.Calendar.OnFind = nil
		w.Calendar.Busy(call.Slot{Start: r.WindowStart, End: r.WindowEnd})
		if p = preview(t, w, r); p.Slots == nil || len(p.Slots) != 0 || p.Calendar == "" {
			t.Errorf("%+v %s", p.Slots, p.Calendar)
		}
	})
}

func TestADryRunIsAskedForByTheBareWordTrue(t *testing.T) {
	for body, want := range map[string]bool{
		`{"dryRun":true}`: true, `{"dryRun": true }`: true, `{"dryRun":false}`: false, `{}`: false, ``: false, `[]`: false,
		`{"dryRun":"true"}`: false, `{"dryRun":1}`: false, `{"dryRun":null}`: false, `{"metadata":{"dryRun":true}}`: false,
	} {
		if got := call.IsDryRun([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
