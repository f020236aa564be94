package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// apply lets an event happen as the service does: read, decide, write, and again where
// somebody else wrote meanwhile.
func apply(ctx context.Context, s call.Store, id call.ID, e call.Event) error {
	for {
		c, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		next, changed := Rules.Next(c, e)
		if !changed {
			return nil
		}
		if err := s.Update(ctx, next); !errors.Is(err, call.ErrStale) {
			return err
		}
	}
}

// oneCountedClaim: of a hundred claims under quotas one wins, and one is counted.
func oneCountedClaim(t *testing.T, s call.Store) {
	q := call.Quota{Day: "2026-03-02", Attempts: 2, Live: 2}
	Create(t, s, NewCall("a", "+4930100001"))
	won := atOnce(100, func(i int) bool {
		for {
			c := get(t, s, "a")
			next, changed := Rules.Next(c, call.Claimed{ClaimID: fmt.Sprint("worker ", i), At: Base})
			if !changed {
				return false
			}
			if err := s.Claim(t.Context(), next, q); !errors.Is(err, call.ErrStale) {
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				return err == nil
			}
		}
	})
	c := get(t, s, "a")
	if won != 1 || len(c.Attempts) != 1 {
		t.Fatalf("%d workers won and there are %d attempts", won, len(c.Attempts))
	}
	if err := apply(t.Context(), s, "a", call.Ticked{At: Base.Add(time.Minute)}); err != nil { // the claim came to nothing
		t.Fatal(err)
	}
	if err := claimNext(t, s, "a", time.Hour, q); err != nil {
		t.Errorf("the number's second attempt of two: %v", err)
	}
	if err := apply(t.Context(), s, "a", call.Ticked{At: Base.Add(time.Hour + time.Minute)}); err != nil {
		t.Fatal(err)
	}
	full(t, claimNext(t, s, "a", 5*time.Hour, q), call.QuotaAttempts)
}

// callbacks are what a provider reports of a first attempt that is answered, and then busy for us.
func callbacks(providerCallID string) []call.Event {
	var all []call.Event
	for i, status := range []call.Status{call.Queued, call.Ringing, call.InProgress, call.NoAnswer} {
		all = append(all, call.Reported{
			Attempt: 1, At: Base.Add(time.Duration(i+3) * time.Second),
			Report: call.ProviderReport{ProviderCallID: providerCallID, Status: status, Sequence: i},
		})
	}
	return append(all, call.Answered{Attempt: 1, ProviderCallID: providerCallID, At: Base.Add(5 * time.Second)})
}

// neverLeft: callbacks come doubled, shuffled, all at once and again after the end; who
// watches never sees a version go back, an attempt leave its end, or a call its own.
func neverLeft(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	Apply(t, s, "a", Dialled("CA1")...)
	ctx, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { watchEnds(ctx, t, s, "a") })
	storm := func() {
		atOnce(12, func(i int) bool {
			events := append(callbacks("CA1"), callbacks("CA1")...)
			rnd := rand.New(rand.NewPCG(7, uint64(i)))
			rnd.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			for _, e := range events {
				if err := apply(t.Context(), s, "a", e); err != nil {
					t.Errorf("%T: %v", e, err)
				}
			}
			return true
		})
	}
	storm()
	if got := get(t, s, "a").Attempts[0].Status; got != call.NoAnswer {
		t.Errorf("the attempt is %s", got)
	}
	if err := apply(t.Context(), s, "a", call.Ticked{At: get(t, s, "a").Request.WindowEnd}); err != nil {
		t.Fatal(err)
	}
	ended := get(t, s, "a")
	if !ended.Final() {
		t.Fatal("the call is not final after its window")
	}
	storm()
	same(t, get(t, s, "a"), ended)
	stop()
	watch.Wait()
}

func watchEnds(ctx context.Context, t *testing.T, s call.Store, id call.ID) {
	var last call.Call
	for ctx.Err() == nil {
		c, err := s.Get(ctx, id)
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("watch: %v", err)
			}
			return
		}
		if c.Version < last.Version || (last.Final() && !c.Final()) {
			t.Errorf("version %d (final: %v) follows version %d (final: %v)", c.Version, c.Final(), last.Version, last.Final())
		}
		for i, a := range last.Attempts {
			if a.Status.Terminal() && (i >= len(c.Attempts) || c.Attempts[i].Status != a.Status) {
				t.Errorf("attempt %d left its end, %s", a.Number, a.Status)
			}
		}
		last = c
	}
}

// lateWrites: every write that was ever made is made again, all at once, and none does anything.
func lateWrites(t *testing.T, s call.Store) {
	c := Create(t, s, NewCall("a", "+4930100001"))
	var writes []call.Call
	for _, e := range append(Dialled("CA1"), callbacks("CA1")[3], call.Ticked{At: c.Request.WindowEnd}) {
		next, changed := Rules.Next(c, e)
		if !changed {
			t.Fatalf("%T changes nothing", e)
		}
		writes = append(writes, next)
		if err := s.Update(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		c = get(t, s, "a")
	}
	Create(t, s, NewCall("b", "+4930100001")) // has the number now
	atOnce(4*len(writes), func(i int) bool {
		if err := s.Update(t.Context(), writes[i%len(writes)]); !errors.Is(err, call.ErrStale) {
			t.Errorf("write %d again: %v, want ErrStale", i%len(writes), err)
		}
		return true
	})
	same(t, get(t, s, "a"), c)
	if id, err := s.ByProviderCall(t.Context(), "CA1"); err != nil || id != "a" {
		t.Errorf("CA1 leads to %q, %v", id, err)
	}
	_, err := createAt(t, s, "c", "+4930100001", 0, nil)
	conflict(t, err, "b")
	expectDue(t, s, Base, "b")
}

// placesOnce: a place that is given back is given back once, however often it is said.
func placesOnce(t *testing.T, s call.Store) {
	q := call.Quota{Day: "2026-03-02", Live: 1}
	for _, id := range []string{"a", "b", "c"} {
		Create(t, s, NewCall(id, "+49301"+id))
	}
	if err := claimNext(t, s, "a", 0, q); err != nil {
		t.Fatal(err)
	}
	dropped, _ := Rules.Next(get(t, s, "a"), call.Ticked{At: Base.Add(time.Minute)})
	atOnce(10, func(int) bool {
		if err := s.Update(t.Context(), dropped); err != nil && !errors.Is(err, call.ErrStale) {
			t.Error(err)
		}
		return true
	})
	if err := claimNext(t, s, "b", 0, q); err != nil {
		t.Fatal(err)
	}
	again := get(t, s, "a") // not live: gives back, again, what it has not
	again.LastError = "again"
	if err := s.Update(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), dropped); !errors.Is(err, call.ErrStale) {
		t.Errorf("the doubled write: %v", err)
	}
	full(t, claimNext(t, s, "c", 0, q), call.QuotaLive)
}

// firstBinding: a provider's call id stays with the first call that has it.
func firstBinding(t *testing.T, s call.Store) {
	for i, id := range []call.ID{"a", "b"} {
		Create(t, s, NewCall(string(id), fmt.Sprint("+493010000", i)))
		if c := Apply(t, s, id, Dialled("CA1")...); c.Attempts[0].ProviderCallID != "CA1" {
			t.Errorf("call %s was not written", id)
		}
	}
	if id, err := s.ByProviderCall(t.Context(), "CA1"); err != nil || id != "a" {
		t.Errorf("CA1 leads to %q, %v", id, err)
	}
}

// dueOfMany: after many steps of many calls the index says what the records say.
func dueOfMany(t *testing.T, s call.Store) {
	const calls, steps = 20, 120
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range calls {
		Create(t, s, NewCall(fmt.Sprint("call", i), fmt.Sprint("+49301000", i)))
	}
	for i := range steps {
		id := call.ID(fmt.Sprint("call", rnd.IntN(calls)))
		c := get(t, s, id)
		n, at := max(len(c.Attempts), 1), Base.Add(time.Duration(i*i)*time.Second)
		events := []call.Event{
			call.Claimed{ClaimID: "c", At: at},
			call.Intended{Attempt: n, ClaimID: "c", At: at},
			call.Refused{Attempt: n, Permanent: rnd.IntN(8) == 0, At: at},
			call.DialLost{Attempt: n, At: at},
			call.Ticked{At: at},
		}
		for _, e := range events[rnd.IntN(len(events)):] {
			if err := apply(t.Context(), s, id, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, until := range []time.Duration{0, time.Hour, 4 * time.Hour, 30 * 24 * time.Hour} {
		dueAsRecorded(t, s, calls, Base.Add(until))
	}
}

// dueAsRecorded compares the index with the records of call0, call1 and so on.
func dueAsRecorded(t *testing.T, s call.Store, calls int, until time.Time) {
	t.Helper()
	due, err := s.Due(t.Context(), until, calls+1)
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for _, id := range due {
		c := get(t, s, id)
		if c.Due == nil || c.Due.After(until) || c.Due.Before(last) {
			t.Errorf("%s, due at %v, is listed after %v and until %v", id, c.Due, last, until)
			continue
		}
		last = *c.Due
	}
	for i := range calls {
		c := get(t, s, call.ID(fmt.Sprint("call", i)))
		if c.Due != nil && !c.Due.After(until) && !slices.Contains(due, c.ID) {
			t.Errorf("%s, due at %v, is not listed until %v", c.ID, c.Due, until)
		}
	}
}
