package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func repeats(t *testing.T, s call.Store) {
	k := *key("t", "k", "body")
	if _, err := s.Repeat(t.Context(), k, Base); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("an unknown key: %v", err)
	}
	_, err := createAt(t, s, "a", "+4930100001", 0, &k)
	must(t, call.Call{}, err)
	got, err := s.Repeat(t.Context(), k, Base.Add(call.IdempotencyTTL-time.Second))
	same(t, must(t, got, err), get(t, s, "a"))
	_, err = s.Repeat(t.Context(), *key("t", "k", "other body"), Base)
	conflict(t, err, "a")
	if _, err := s.Repeat(t.Context(), k, Base.Add(call.IdempotencyTTL)); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("an expired key: %v", err)
	}
}

func full(t *testing.T, err error, kind call.QuotaKind) {
	t.Helper()
	var q *call.QuotaError
	if !errors.As(err, &q) || q.Kind != kind {
		t.Errorf("got %v, want %v", err, (&call.QuotaError{Kind: kind}).Error())
	}
}

func callsPerDay(t *testing.T, s call.Store) {
	create := func(id string, k *call.IdempotencyKey, q call.Quota) error {
		_, err := s.Create(t.Context(), NewCall(id, "+49301"+id), k, q)
		return err
	}
	monday := call.Quota{Day: "2026-03-02", Calls: 2}
	for _, id := range []string{"a", "b"} {
		if err := create(id, key("t", id, "body"), monday); err != nil {
			t.Fatal(err)
		}
	}
	full(t, create("c", nil, monday), call.QuotaCalls)
	if _, err := s.Get(t.Context(), "c"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the refused call was stored: %v", err)
	}
	if err := create("d", key("t", "a", "body"), monday); err != nil {
		t.Errorf("a repeat is no further call: %v", err)
	}
	if err := create("e", nil, call.Quota{Day: "2026-03-03", Calls: 2}); err != nil {
		t.Errorf("the next day: %v", err)
	}
	if err := create("f", nil, call.Quota{Day: "2026-03-02"}); err != nil {
		t.Errorf("0 is no limit: %v", err)
	}
}

func callsAtOnce(t *testing.T, s call.Store) {
	made := atOnce(50, func(i int) bool {
		_, err := s.Create(t.Context(), NewCall(fmt.Sprint("call", i), fmt.Sprint("+49301000", i)), nil, call.Quota{Day: "2026-03-02", Calls: 7})
		if err != nil {
			full(t, err, call.QuotaCalls)
		}
		return err == nil
	})
	if made != 7 {
		t.Errorf("%d calls were made, want 7", made)
	}
}

// claimNext claims the next attempt of a stored call, at a time after Base.
func claimNext(t *testing.T, s call.Store, id call.ID, after time.Duration, q call.Quota) error {
	t.Helper()
	next, changed := Rules.Next(get(t, s, id), call.Claimed{ClaimID: "claim", At: Base.Add(after)})
	if !changed {
		t.Fatal("nothing is due")
	}
	return s.Claim(t.Context(), next, q)
}

// refused ends the live attempt, so that another may follow.
func refused(t *testing.T, s call.Store, id call.ID, after time.Duration) {
	t.Helper()
	n := len(get(t, s, id).Attempts)
	Apply(t, s, id,
		call.Intended{Attempt: n, ClaimID: "claim", At: Base.Add(after)},
		call.Refused{Attempt: n, Words: "try later", At: Base.Add(after)})
}

func attemptsPerNumber(t *testing.T, s call.Store) {
	monday, tuesday := call.Quota{Day: "2026-03-02", Attempts: 2}, call.Quota{Day: "2026-03-03", Attempts: 2}
	Create(t, s, NewCall("a", "+4930100001"))
	for i := range 2 {
		after := time.Duration(i) * time.Hour
		if err := claimNext(t, s, "a", after, monday); err != nil {
			t.Fatal(err)
		}
		refused(t, s, "a", after)
	}
	before := get(t, s, "a")
	full(t, claimNext(t, s, "a", 5*time.Hour, monday), call.QuotaAttempts)
	same(t, get(t, s, "a"), before)
	Create(t, s, NewCall("other", "+4930100002"))
	if err := claimNext(t, s, "other", 0, monday); err != nil {
		t.Errorf("another number: %v", err)
	}
	stale, _ := Rules.Next(before, call.Claimed{ClaimID: "late", At: Base.Add(6 * time.Hour)})
	if err := claimNext(t, s, "a", 24*time.Hour, tuesday); err != nil {
		t.Errorf("the next day: %v", err)
	}
	if err := s.Claim(t.Context(), stale, tuesday); !errors.Is(err, call.ErrStale) {
		t.Errorf("a stale claim: %v", err)
	}
}

func livePlaces(t *testing.T, s call.Store) {
	q := call.Quota{Day: "2026-03-02", Live: 2}
	for _, id := range []string{"a", "b", "c"} {
		Create(t, s, NewCall(id, "+49301"+id))
	}
	for _, id := range []call.ID{"a", "b"} {
		if err := claimNext(t, s, id, 0, q); err != nil {
			t.Fatal(err)
		}
	}
	full(t, claimNext(t, s, "c", 0, q), call.QuotaLive)
	Apply(t, s, "a", call.Intended{Attempt: 1, ClaimID: "claim", At: Base}, call.Bound{Attempt: 1, ProviderCallID: "CA1", At: Base})
	full(t, claimNext(t, s, "c", 0, q), call.QuotaLive)
	Apply(t, s, "a", call.Reported{Attempt: 1, At: Base, Report: call.ProviderReport{ProviderCallID: "CA1", Status: call.Busy, Sequence: -1}})
	if err := claimNext(t, s, "c", 0, q); err != nil {
		t.Errorf("a place was given back: %v", err)
	}
	Apply(t, s, "b", call.Ticked{At: Base.Add(time.Minute)}) // a claim that came to nothing
	if err := claimNext(t, s, "b", time.Hour, q); err != nil {
		t.Errorf("a dropped claim gives its place back: %v", err)
	}
	full(t, claimNext(t, s, "a", 2*time.Hour, q), call.QuotaLive)
	if err := claimNext(t, s, "a", 2*time.Hour, call.Quota{Day: "2026-03-02"}); err != nil {
		t.Errorf("0 is no limit: %v", err)
	}
}

func livesAtOnce(t *testing.T, s call.Store) {
	const calls = 50
	for i := range calls {
		Create(t, s, NewCall(fmt.Sprint("call", i), fmt.Sprint("+49301000", i)))
	}
	live := atOnce(calls, func(i int) bool {
		err := claimNext(t, s, call.ID(fmt.Sprint("call", i)), 0, call.Quota{Day: "2026-03-02", Live: 5})
		if err != nil {
			full(t, err, call.QuotaLive)
		}
		return err == nil
	})
	if live != 5 {
		t.Errorf("%d attempts are live, want 5", live)
	}
}
