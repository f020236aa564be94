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

// placeTo places a call to a number of its own.
func placeTo(t *testing.T, w *calltest.World, to string) (call.Answer, error) {
	t.Helper()
	r := calltest.Request(time.Now())
	r.To = to
	return w.Service.Place(t.Context(), "clawdbot", r, nil)
}

func TestWithDiallingOffNothingIsTakenAndWhatWaitsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Media.Down(&call.MediaError{Words: "the model does not answer"})
		a, err := placeTo(t, w, "+14155550123")
		if err != nil || a.Status != call.Queued {
			t.Fatalf("%+v %v", a, err)
		}
		w.Media.Down(nil)
		w.Service.Rules.Policy.Dialling = false
		if _, err := placeTo(t, w, "+14155550124"); code(err) != call.Forbidden || !strings.Contains(err.Error(), "switched off") {
			t.Errorf("placing: %v", err)
		}
		sweepUntil(t, w, 20*time.Minute)
		if n := len(w.Telephony.Dials()); n != 0 {
			t.Errorf("%d dials", n)
		}
		if c := get(t, w, a.CallID); c.Final() || !strings.Contains(c.Document().LastError, "policy.dialling") {
			t.Errorf("%s: %q", c.Status, c.Document().LastError)
		}
		w.Service.Rules.Policy.Dialling = true
		sweepUntil(t, w, 10*time.Minute)
		if n := len(w.Telephony.Dials()); n == 0 {
			t.Error("switched on again, and nothing is dialled")
		}
	})
}

func TestNothingIsDialledWhileTheMediaPlaneCannotHoldACall(t *testing.T) {
	for _, down := range []error{&call.MediaError{Words: "the model does not answer", Err: errors.New("EOF")}, errors.New("connection refused")} {
		synctest.Test(t, func(t *testing.T) {
			w := calltest.NewWorld()
			w.Media.Down(down)
			a, err := placeTo(t, w, "+14155550123")
			if err != nil || a.Status != call.Queued || !strings.Contains(a.LastError, "The call waits: the m") || strings.Contains(a.LastError, "EOF") {
				t.Fatalf("%+v %v", a, err)
			}
			sweepUntil(t, w, 5*time.Minute)
			if n := len(w.Telephony.Dials()); n != 0 {
				t.Fatalf("%d dials", n)
			}
			w.Media.Down(nil)
			sweepUntil(t, w, 2*time.Minute)
			if c := get(t, w, a.CallID); len(w.Telephony.Dials()) != 1 || c.Attempts[0].Number != 1 || c.Document().LastError != "" {
				t.Errorf("%d dials; %+v", len(w.Telephony.Dials()), c)
			}
			if got := fmt.Sprint(w.Media.Reserved()); got != fmt.Sprintf("[%s/1]", a.CallID) {
				t.Errorf("reserved: %s", got)
			}
		})
	}
}

func TestAPlaceIsGivenBackWhenItsAttemptIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		if err := w.Service.ProviderStatus(t.Context(), c.ID, 1, call.ProviderReport{ProviderCallID: c.Attempts[0].ProviderCallID, Status: call.Busy, Sequence: -1}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(w.Media.Reserved(), w.Media.Released()); got != fmt.Sprintf("[] [%s/1]", c.ID) {
			t.Error(got)
		}
		w.Service.Rules.Policy.AttemptsPerNumber = 1
		sweepUntil(t, w, 3*time.Minute)
		if got := w.Media.Reserved(); len(got) != 0 {
			t.Errorf("a postponed attempt keeps %v", got)
		}
	})
}

func TestADayHasItsCallsAndARepeatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Service.Rules.Policy.CallsPerDay = 2
		key := &call.IdempotencyKey{Token: "t", Key: "k", BodyHash: "b", Expires: time.Now().Add(call.IdempotencyTTL)}
		first, err := w.Service.Place(t.Context(), "t", calltest.Request(time.Now()), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := placeTo(t, w, "+14155550124"); err != nil {
			t.Fatal(err)
		}
		_, err = placeTo(t, w, "+14155550125")
		var e *call.Error
		if !errors.As(err, &e) || e.Code != call.RateLimited || e.RetryAfter != 24*time.Hour {
			t.Errorf("the third: %v, retry after %v", err, e.RetryAfter) // the bubble's clock starts at midnight UTC
		}
		if again, found, err := w.Service.Repeat(t.Context(), key); err != nil || !found || again.CallID != first.CallID {
			t.Errorf("the repeat: %+v %t %v", again, found, err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := placeTo(t, w, "+14155550126"); err != nil {
			t.Errorf("the next day: %v", err)
		}
	})
}

func TestANumberIsDialledSoOftenADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Service.Rules.Policy.AttemptsPerNumber = 2
		c := place(t, w)
		for n := range 2 {
			c = get(t, w, c.ID)
			report := call.ProviderReport{ProviderCallID: c.Attempts[n].ProviderCallID, Status: call.Busy, Sequence: -1}
			if err := w.Service.ProviderStatus(t.Context(), c.ID, n+1, report); err != nil {
				t.Fatal(err)
			}
			sweepUntil(t, w, 10*time.Minute)
		}
		c = get(t, w, c.ID)
		if len(w.Telephony.Dials()) != 2 || c.Final() || !strings.Contains(c.Document().LastError, "max_attempts_per_number_per_day") {
			t.Fatalf("%d dials, %s, %q", len(w.Telephony.Dials()), c.Status, c.Document().LastError)
		}
		sweepUntil(t, w, 24*time.Hour)
		if len(w.Telephony.Dials()) != 3 {
			t.Errorf("%d dials on the next day", len(w.Telephony.Dials())-2)
		}
	})
}

func TestSoManyAttemptsAreLiveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Service.Rules.Policy.Concurrent = 2
		var answers []call.Answer
		for i := range 3 {
			a, err := placeTo(t, w, fmt.Sprint("+1415555012", i))
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, a)
		}
		if answers[1].Status != call.Dialing || answers[2].Status != call.Queued || !strings.Contains(answers[2].LastError, "policy.max_concurrent") {
			t.Fatalf("%+v", answers)
		}
		c := get(t, w, answers[0].CallID)
		if err := w.Service.ProviderStatus(t.Context(), c.ID, 1, call.ProviderReport{ProviderCallID: c.Attempts[0].ProviderCallID, Status: call.Busy, Sequence: -1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Second) // before the first call's retry
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := get(t, w, answers[2].CallID); c.Status != call.Dialing {
			t.Errorf("a place was given back, and the third is %s", c.Status)
		}
	})
}

func TestARequestOutsideCallingHoursWaitsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld() // midnight UTC on a Saturday, 16:00 in Los Angeles
		w.Service.Rules.Policy.Hours = call.CallingHours{Start: 8 * 60, End: 15 * 60}
		a, err := placeTo(t, w, "+14155550123")
		if err != nil || a.Status != call.Queued || !strings.Contains(a.LastError, "calling hours (08:00–15:00, America/Los_Angeles)") {
			t.Fatalf("%+v %v", a, err)
		}
		sweepUntil(t, w, 15*time.Hour)
		if len(w.Telephony.Dials()) != 0 {
			t.Error("dialled at night")
		}
		sweepUntil(t, w, 2*time.Hour)
		if len(w.Telephony.Dials()) == 0 {
			t.Error("not dialled in the morning")
		}
		r := calltest.Request(time.Now())
		r.To, r.WindowStart, r.WindowEnd = "+14155550124", time.Now(), time.Now().Add(time.Hour)
		w.Service.Rules.Policy.Hours = call.CallingHours{Start: 23 * 60, End: 23*60 + 30}
		if _, err := w.Service.Place(t.Context(), "t", r, nil); code(err) != call.InvalidRequest {
			t.Errorf("a window that ends before the callee may be called: %v", err)
		}
	})
}

func TestAForeignCountryIsForbidden(t *testing.T) {
	w := calltest.NewWorld()
	w.Service.Rules.Policy.Countries = []string{"US"}
	r := calltest.Request(time.Now())
	r.Country = "GB"
	if _, err := w.Service.Place(t.Context(), "t", r, nil); code(err) != call.Forbidden || !strings.Contains(err.Error(), "policy.allowed_countries") {
		t.Error(err)
	}
}

// A call whose provider cannot be asked must not keep the sweep from the others.
func TestCallsThatCannotBeHelpedDoNotStandInTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		const stuck = 300 // more than one batch of the due index
		for i := range stuck {
			if _, err := placeTo(t, w, fmt.Sprintf("+1415556%04d", i)); err != nil {
				t.Fatal(err)
			}
		}
		w.Telephony.OnLookUp = func(call.LookUp) error { return errors.New("the provider is away") }
		time.Sleep(3 * time.Minute)
		w.Media.Down(&call.MediaError{Words: "busy"})
		a, err := placeTo(t, w, "+14155550123")
		if err != nil {
			t.Fatal(err)
		}
		w.Media.Down(nil)
		time.Sleep(time.Minute)
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := get(t, w, a.CallID); c.Status != call.Dialing {
			t.Errorf("the newest call is still %s", c.Status)
		}
		if due, err := w.Store.Due(t.Context(), time.Now(), 1000); err != nil || len(due) != 0 {
			t.Errorf("%d calls are due again at once, %v", len(due), err)
		}
	})
}
