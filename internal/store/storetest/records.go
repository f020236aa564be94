package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func readsBack(t *testing.T, s call.Store) {
	c := NewCall("a", "+4930100001")
	created := Create(t, s, c)
	if created.Version != 1 {
		t.Errorf("version %d after one write", created.Version)
	}
	same(t, get(t, s, "a"), created)
	c.Version = created.Version
	same(t, created, c)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.Create(t.Context(), NewCall("a", "+4930100002"), nil, call.Quota{}); err == nil {
		t.Error("a second call took the id of the first")
	}
	same(t, get(t, s, "a"), created)
}

func notFound(t *testing.T, s call.Store) {
	if _, err := s.Get(t.Context(), "nobody"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := s.Update(t.Context(), NewCall("nobody", "+4930100001")); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("update: %v", err)
	}
	for _, id := range []string{"CAnobody", ""} {
		if _, err := s.ByProviderCall(t.Context(), id); !errors.Is(err, call.ErrNotFound) {
			t.Errorf("by provider call %q: %v", id, err)
		}
	}
}

func versions(t *testing.T, s call.Store) {
	first := Create(t, s, NewCall("a", "+4930100001"))
	second := first.Clone()
	second.LastError = "second"
	if err := s.Update(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	stored := get(t, s, "a")
	if stored.Version != first.Version+1 || stored.LastError != "second" {
		t.Errorf("version %d, %q", stored.Version, stored.LastError)
	}
	for _, version := range []int64{first.Version, stored.Version + 1} {
		stale := first.Clone()
		stale.Version, stale.LastError, stale.Due = version, "stale", nil
		if err := s.Update(t.Context(), stale); !errors.Is(err, call.ErrStale) {
			t.Errorf("update of version %d: %v, want ErrStale", version, err)
		}
	}
	same(t, get(t, s, "a"), stored)
	expectDue(t, s, Base, "a")
}

func isolation(t *testing.T, s call.Store) {
	c := NewCall("a", "+4930100001")
	created := Create(t, s, c)
	want := created.Clone()
	c.Request.Metadata["k"], *c.Due = "changed", Base.Add(time.Hour)
	created.Request.Metadata["k"], *created.Due = "changed", Base.Add(time.Hour)
	read := get(t, s, "a")
	same(t, read, want)
	read.Request.WorkingHours.Days[0] = 6
	same(t, get(t, s, "a"), want)
}

// atOnce runs n functions at one time and counts those that are true.
func atOnce(n int, fn func(i int) bool) int {
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			if fn(i) {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

// claim is one worker's claim, as the service makes it: read, decide, write, and again
// where somebody else wrote meanwhile.
func claim(ctx context.Context, s call.Store, id call.ID, name string) (bool, error) {
	for {
		c, err := s.Get(ctx, id)
		if err != nil {
			return false, err
		}
		next, changed := Rules.Next(c, call.Claimed{ClaimID: name, At: Base})
		if !changed {
			return false, nil
		}
		if err = s.Update(ctx, next); !errors.Is(err, call.ErrStale) {
			return err == nil, err
		}
	}
}

func oneClaim(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	won := atOnce(100, func(i int) bool {
		ok, err := claim(t.Context(), s, "a", fmt.Sprint("worker ", i))
		if err != nil {
			t.Errorf("claim: %v", err)
		}
		return ok
	})
	if c := get(t, s, "a"); won != 1 || len(c.Attempts) != 1 {
		t.Errorf("%d workers won and there are %d attempts", won, len(c.Attempts))
	}
}

func terminal(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	live := Apply(t, s, "a", Dialled("CA1")...)
	busy := call.Reported{Attempt: 1, At: Base.Add(5 * time.Second), Report: call.ProviderReport{ProviderCallID: "CA1", Status: call.Busy, Sequence: 2}}
	late, _ := Rules.Next(live, call.Reported{Attempt: 1, At: Base.Add(4 * time.Second), Report: call.ProviderReport{ProviderCallID: "CA1", Status: call.Ringing, Sequence: 1}})
	ended := Apply(t, s, "a", busy)
	if got := ended.Attempts[0].Status; got != call.Busy {
		t.Fatalf("attempt is %s", got)
	}
	if err := s.Update(t.Context(), late); !errors.Is(err, call.ErrStale) {
		t.Errorf("the late write: %v, want ErrStale", err)
	}
	if _, changed := Rules.Next(get(t, s, "a"), busy); changed {
		t.Error("the doubled callback changes the call as stored")
	}
	past := Apply(t, s, "a", call.Ticked{At: ended.Request.WindowEnd})
	if !past.Final() {
		t.Fatal("the call is not final after its window")
	}
	if err := s.Update(t.Context(), ended); !errors.Is(err, call.ErrStale) {
		t.Errorf("the write from before the end: %v, want ErrStale", err)
	}
	same(t, get(t, s, "a"), past)
}

func overContext(t *testing.T, s call.Store) {
	c := Create(t, s, NewCall("a", "+4930100001"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, created := s.Create(ctx, NewCall("b", "+4930100002"), nil, call.Quota{})
	_, got := s.Get(ctx, "a")
	_, found := s.ByProviderCall(ctx, "CA1")
	_, due := s.Due(ctx, Base, 10)
	for what, err := range map[string]error{
		"create": created, "get": got, "update": s.Update(ctx, c), "by provider call": found, "due": due, "ping": s.Ping(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", what, err)
		}
	}
	same(t, get(t, s, "a"), c)
	if _, err := s.Get(t.Context(), "b"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the call was created all the same: %v", err)
	}
}
