package call_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// place stores a call and dials it, and fails the test if it cannot.
func place(t *testing.T, w *calltest.World) call.Call {
	t.Helper()
	a, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return get(t, w, a.CallID)
}

func get(t *testing.T, w *calltest.World, id call.ID) call.Call {
	t.Helper()
	c, err := w.Store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens the stream of the latest attempt, as a provider does.
func open(t *testing.T, w *calltest.World) *call.Live {
	t.Helper()
	dials := w.Telephony.Dials()
	token, err := w.Service.CheckStream(t.Context(), dials[len(dials)-1].StreamToken)
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.Service.OpenStream(t.Context(), token, calltest.Account, fmt.Sprintf("CA%04d", len(dials)))
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func talking(t *testing.T, w *calltest.World) *call.Live {
	t.Helper()
	live := open(t, w)
	for _, err := range []error{live.GreetingHeard(t.Context()), live.CalleeSpoke(t.Context())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return live
}

// sweepUntil sweeps every minute for a while.
func sweepUntil(t *testing.T, w *calltest.World, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(call.SweepEvery) {
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func code(err error) call.Code {
	var e *call.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestPlaceAnswersWhatTheProviderSaid(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status call.Status
		final  bool
	}{
		{"accepted", nil, call.Dialing, false},
		{"refused for good", &call.DialError{Kind: call.DialRefusedForGood, Code: "21211", Words: "No such number; check it."}, call.Failed, true},
		{"refused for now", &call.DialError{Kind: call.DialRefusedForNow, Code: "20429", Words: "Too many requests."}, call.Queued, false},
		{"answer lost", &call.DialError{Kind: call.DialUnknown, Words: "The answer was lost."}, call.Queued, false},
		{"an error of no kind", errors.New("EOF"), call.Queued, false},
		{"a kind that nobody knows", &call.DialError{Kind: 99, Words: "?"}, call.Queued, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := calltest.NewWorld()
			if c.err != nil {
				w.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) { return call.Started{}, c.err }
			}
			a, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil)
			if err != nil || !a.OK || a.Status != c.status || (a.LastError == "") != (c.err == nil) {
				t.Fatalf("%+v, %v", a, err)
			}
			if got := get(t, w, a.CallID); got.Final() != c.final || len(w.Telephony.Dials()) != 1 {
				t.Errorf("final %v, %d dials", got.Final(), len(w.Telephony.Dials()))
			}
			if strings.Contains(w.Log.String(), "4155550123") {
				t.Error("the number is logged")
			}
		})
	}
}

// A callback may overtake the answer to the request that it belongs to.
func TestAnAcceptedDialIsAnsweredAsDialing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Telephony.OnStart = func(_ context.Context, d call.Dial) (call.Started, error) {
			s := w.Telephony.Accept(d)
			ringing := call.ProviderReport{ProviderCallID: s.ProviderCallID, Status: call.Ringing, Sequence: 1}
			if err := w.Service.ProviderStatus(t.Context(), d.CallID, 1, ringing); err != nil {
				t.Error(err)
			}
			return s, nil
		}
		key := call.IdempotencyKey{Token: "clawdbot", Key: "k", BodyHash: "h", Expires: time.Now().Add(call.IdempotencyTTL)}
		first, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), &key)
		if err != nil || first.Status != call.Dialing {
			t.Errorf("%+v, %v", first, err)
		}
		if again, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), &key); err != nil || again != first {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestARepeatedRequestGetsTheFirstAnswerAndPlacesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Telephony.OnStart = func(_ context.Context, d call.Dial) (call.Started, error) {
			s := w.Telephony.Accept(d)
			s.Hint, s.StreamURL = "hint", d.StreamURL
			return s, nil
		}
		key := call.IdempotencyKey{Token: "clawdbot", Key: "k", BodyHash: "h", Expires: time.Now().Add(call.IdempotencyTTL)}
		first, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), &key)
		if err != nil || first.Hint != "hint" || !strings.HasPrefix(first.StreamURL, "wss://media.example/voice/stream/") {
			t.Fatalf("%+v, %v", first, err)
		}
		if err := w.Service.ProviderStatus(t.Context(), first.CallID, 1, call.ProviderReport{ProviderCallID: "CA0001", Status: call.Ringing, Sequence: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if again, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), &key); err != nil || again != first {
			t.Errorf("%+v, %v", again, err)
		}
		other := key
		other.BodyHash = "another body"
		if _, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), &other); code(err) != call.Conflict {
			t.Errorf("another body: %v", err)
		}
		var e *call.Error
		if _, err := w.Service.Place(t.Context(), "eve", calltest.Request(time.Now()), nil); !errors.As(err, &e) || e.Code != call.Conflict || e.CallID != first.CallID {
			t.Errorf("the same number again: %v", err)
		}
		if len(w.Telephony.Dials()) != 1 {
			t.Errorf("%d dials", len(w.Telephony.Dials()))
		}
	})
}

func TestAStoreThatFailsIsNeverAskedToDialTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		broken := errors.New("disk full")
		w.Store.FailWith(func(op string, _ call.Call) error {
			if op == "create" {
				return broken
			}
			return nil
		})
		if _, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil); code(err) != call.Unavailable || len(w.Telephony.Dials()) != 0 {
			t.Fatalf("%v, %d dials", err, len(w.Telephony.Dials()))
		}
		w.Store.FailWith(func(op string, c call.Call) error { // the answer of the create request is not kept
			if op == "update" && c.Last() != nil && c.Last().ProviderCallID != "" {
				return broken
			}
			return nil
		})
		a, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil)
		if err != nil || a.CallID == "" || a.Status != call.Queued || a.LastError == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		w.Store.FailWith(nil)
		w.Telephony.Set("CA0001", call.Ringing)
		sweepUntil(t, w, 3*time.Minute)
		if c := get(t, w, a.CallID); len(w.Telephony.Dials()) != 1 || c.Last().ProviderCallID != "CA0001" || c.Status != call.Ringing {
			t.Errorf("%d dials, %+v", len(w.Telephony.Dials()), c.Last())
		}
	})
}

func TestALostAnswerOfTheCreateRequestIsReconciled(t *testing.T) {
	lost := func(w *calltest.World, placed bool) {
		first := true
		w.Telephony.OnStart = func(_ context.Context, d call.Dial) (call.Started, error) {
			if !first {
				return w.Telephony.Accept(d), nil
			}
			first = false
			if placed {
				w.Telephony.Accept(d)
			}
			return call.Started{}, &call.DialError{Kind: call.DialUnknown, Words: "time-out"}
		}
	}
	t.Run("by a callback", func(t *testing.T) {
		w := calltest.NewWorld()
		lost(w, true)
		c := place(t, w)
		if err := w.Service.ProviderStatus(t.Context(), c.ID, 1, call.ProviderReport{ProviderCallID: "CA0001", Status: call.Ringing, Sequence: 0}); err != nil {
			t.Fatal(err)
		}
		if c = get(t, w, c.ID); c.Status != call.Ringing || c.Last().Unknown {
			t.Errorf("%+v", c.Last())
		}
	})
	t.Run("by a look-up that finds it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := calltest.NewWorld()
			lost(w, true)
			c := place(t, w)
			w.Telephony.Set("CA0001", call.Busy)
			sweepUntil(t, w, 3*time.Minute)
			if c = get(t, w, c.ID); c.Attempts[0].Status != call.Busy || c.Attempts[0].ProviderCallID != "CA0001" || len(w.Telephony.LookUps()) == 0 {
				t.Errorf("%+v", c.Attempts)
			}
		})
	})
	t.Run("by a look-up that finds nothing, and then again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := calltest.NewWorld()
			lost(w, false)
			c := place(t, w)
			sweepUntil(t, w, time.Minute)
			if len(w.Telephony.Dials()) != 1 || len(w.Telephony.LookUps()) != 0 {
				t.Fatal("asked or dialled before the ring limit")
			}
			sweepUntil(t, w, 4*time.Minute)
			if c = get(t, w, c.ID); c.Attempts[0].EndReason != call.EndDialUnknown || len(w.Telephony.Dials()) != 2 || w.Telephony.Dials()[1].Attempt != 2 {
				t.Errorf("%d dials, %+v", len(w.Telephony.Dials()), c.Attempts)
			}
		})
	})
	t.Run("never", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := calltest.NewWorld()
			lost(w, true)
			w.Telephony.OnLookUp = func(call.LookUp) error { return errors.New("503") }
			c := place(t, w)
			sweepUntil(t, w, 2*time.Hour)
			if c = get(t, w, c.ID); !c.Final() || c.Outcome != call.NotBooked || len(w.Notifier.Posts()) != 1 {
				t.Errorf("%s %s, %d notices", c.Status, c.Outcome, len(w.Notifier.Posts()))
			}
		})
	})
}

func TestManyServicesOverOneStoreDialEachAttemptOnce(t *testing.T) {
	w := calltest.NewWorld()
	w.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) {
		return call.Started{}, &call.DialError{Kind: call.DialRefusedForNow, Words: "429"}
	}
	now := time.Now()
	clock := func() time.Time { return now }
	w.Service.Now = clock
	c := place(t, w)
	for range 3 {
		now = now.Add(10 * time.Minute)
		var wg sync.WaitGroup
		for range 6 {
			s := w.Another()
			s.Now = clock
			wg.Go(func() {
				if err := s.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	seen := map[int]bool{}
	for _, d := range w.Telephony.Dials() {
		if seen[d.Attempt] {
			t.Errorf("attempt %d was dialled twice", d.Attempt)
		}
		seen[d.Attempt] = true
	}
	if c = get(t, w, c.ID); len(seen) != 3 || !c.Final() {
		t.Errorf("%d attempts dialled, final %v", len(seen), c.Final())
	}
	if n := len(w.Notifier.Posts()); n != 1 {
		t.Errorf("%d notices", n)
	}
}

func TestACallIsShownToItsOwnerOnly(t *testing.T) {
	w := calltest.NewWorld()
	c := place(t, w)
	for _, x := range []struct {
		owner string
		all   bool
		id    call.ID
		want  call.Code
	}{{"clawdbot", false, c.ID, ""}, {"eve", false, c.ID, call.NotFound}, {"eve", true, c.ID, ""}, {"clawdbot", false, "nope", call.NotFound}} {
		if got, err := w.Service.Get(t.Context(), x.owner, x.all, x.id); code(err) != x.want || x.want == "" && got.ID != c.ID {
			t.Errorf("%+v: %v", x, err)
		}
	}
	w.Store.FailWith(func(string, call.Call) error { return errors.New("down") })
	if _, err := w.Service.Get(t.Context(), "clawdbot", false, c.ID); code(err) != call.Unavailable {
		t.Error(err)
	}
}

func TestVoiceIsDecidedByTheRecord(t *testing.T) {
	w := calltest.NewWorld()
	c := place(t, w)
	ask := func(v call.VoiceRequest) call.VoiceReply {
		t.Helper()
		r, err := w.Service.Voice(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ours := call.VoiceRequest{CallID: c.ID, Attempt: 1, Report: call.ProviderReport{ProviderCallID: "CA0001"}}
	first := ask(ours)
	if first.Kind != call.VoiceConnect || !strings.HasSuffix(first.StreamURL, w.Telephony.Dials()[0].StreamToken) || !strings.HasSuffix(first.AfterURL, "&attempt=1&after=stream") {
		t.Fatalf("%+v", first)
	}
	if ask(ours) != first {
		t.Error("a repeat got another answer")
	}
	foreign, unknown, other, future := ours, ours, ours, ours
	foreign.Report.Foreign, unknown.CallID, other.Report.ProviderCallID, future.Attempt = true, "nope", "CA9999", 2
	after := ours
	after.AfterStream = true
	lostAfter := after
	lostAfter.CallID = "nope"
	for name, v := range map[string]call.VoiceRequest{"foreign": foreign, "unknown": unknown, "other call": other, "no such attempt": future, "unknown, after the stream": lostAfter} {
		if got := ask(v); got.Kind != call.VoiceHangUp {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := ask(call.VoiceRequest{}); got.Kind != call.VoiceInbound {
		t.Errorf("rung back: %+v", got)
	}
	live := talking(t, w)
	if got := ask(after); got.Kind != call.VoiceApology {
		t.Errorf("the stream broke: %+v", got)
	}
	if err := live.End(t.Context(), call.SessionEnd{Reason: call.EndRefused, FarewellPlayed: true}); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]call.VoiceRequest{"finished": ours, "farewell played": after} {
		if got := ask(v); got.Kind != call.VoiceHangUp {
			t.Errorf("%s: %+v", name, got)
		}
	}
	w.Store.FailWith(func(string, call.Call) error { return errors.New("down") })
	for _, v := range []call.VoiceRequest{ours, after} {
		if _, err := w.Service.Voice(t.Context(), v); err == nil {
			t.Error("answered without the record")
		}
	}
}

func TestASupersededAttemptIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		c := place(t, w)
		if err := w.Service.ProviderStatus(t.Context(), c.ID, 1, call.ProviderReport{ProviderCallID: "CA0001", Status: call.Busy, Sequence: 1}); err != nil {
			t.Fatal(err)
		}
		sweepUntil(t, w, 3*time.Minute)
		if len(w.Telephony.Dials()) != 2 {
			t.Fatal("no second attempt")
		}
		r, err := w.Service.Voice(t.Context(), call.VoiceRequest{CallID: c.ID, Attempt: 1, Report: call.ProviderReport{ProviderCallID: "CA0001"}})
		if err != nil || r.Kind != call.VoiceHangUp {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := w.Service.CheckStream(t.Context(), w.Telephony.Dials()[0].StreamToken); err == nil {
			t.Error("its stream may still be opened")
		}
	})
}

func TestAMachineIsHungUpOnWithoutAWord(t *testing.T) {
	w := calltest.NewWorld()
	c := place(t, w)
	verdict := func(r call.ProviderReport) {
		t.Helper()
		if err := w.Service.MachineVerdict(t.Context(), c.ID, 1, r); err != nil {
			t.Fatal(err)
		}
	}
	verdict(call.ProviderReport{ProviderCallID: "CA0001"})
	verdict(call.ProviderReport{ProviderCallID: "CA0001", Machine: true, Foreign: true})
	if err := w.Service.MachineVerdict(t.Context(), "nope", 1, call.ProviderReport{ProviderCallID: "CA0001", Machine: true}); err != nil {
		t.Errorf("an unknown call must be answered like any other: %v", err)
	}
	if get(t, w, c.ID).Attempts[0].EndedAt != nil {
		t.Fatal("ended without a verdict of ours")
	}
	live := open(t, w)
	verdict(call.ProviderReport{ProviderCallID: "CA0001", Machine: true})
	verdict(call.ProviderReport{ProviderCallID: "CA0001", Machine: true})
	a := get(t, w, c.ID).Attempts[0]
	if a.Status != call.NoAnswer || a.EndReason != call.EndMachine || a.LineDownAt == nil || len(w.Telephony.Ended()) != 1 {
		t.Errorf("%+v, ended %v", a, w.Telephony.Ended())
	}
	if over, err := live.Renew(t.Context()); err != nil || !over {
		t.Errorf("the session goes on: %v, %v", over, err)
	}
	r, err := w.Service.Voice(t.Context(), call.VoiceRequest{CallID: c.ID, Attempt: 1, AfterStream: true, Report: call.ProviderReport{ProviderCallID: "CA0001"}})
	if err != nil || r.Kind != call.VoiceHangUp {
		t.Errorf("an apology to a machine: %+v, %v", r, err)
	}
}

func TestCallbacksOfAnotherAccountChangeNothing(t *testing.T) {
	w := calltest.NewWorld()
	c := place(t, w)
	for _, id := range []call.ID{c.ID, "nope"} {
		if err := w.Service.ProviderStatus(t.Context(), id, 1, call.ProviderReport{ProviderCallID: "CA0001", Status: call.Busy, Foreign: id == c.ID}); err != nil {
			t.Error(err)
		}
	}
	if now := get(t, w, c.ID); now.Version != c.Version {
		t.Errorf("%+v", now)
	}
}
