package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func key(token, name, body string) *call.IdempotencyKey {
	return &call.IdempotencyKey{Token: token, Key: name, BodyHash: body, Expires: Base.Add(call.IdempotencyTTL)}
}

// createAt creates a call at a time after Base, under a key.
func createAt(t *testing.T, s call.Store, id, to string, after time.Duration, k *call.IdempotencyKey) (call.Call, error) {
	c := NewCall(id, to)
	c.CreatedAt = Base.Add(after)
	return s.Create(t.Context(), c, k, call.Quota{})
}

func must(t *testing.T, c call.Call, err error) call.Call {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sameKey(t *testing.T, s call.Store) {
	_, err := createAt(t, s, "a", "+4930100001", 0, key("t", "k", "body"))
	must(t, call.Call{}, err)
	Apply(t, s, "a", Ended()...) // final: it is the key that answers, not the number's lock
	again, err := createAt(t, s, "b", "+4930100001", call.IdempotencyTTL-time.Second, key("t", "k", "body"))
	same(t, must(t, again, err), get(t, s, "a"))
	if _, err := s.Get(t.Context(), "b"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the repeat made a call: %v", err)
	}
}

func otherBody(t *testing.T, s call.Store) {
	_, err := createAt(t, s, "a", "+4930100001", 0, key("t", "k", "body"))
	must(t, call.Call{}, err)
	_, err = createAt(t, s, "b", "+4930100002", 0, key("t", "k", "other body"))
	conflict(t, err, "a")
	if _, err := s.Get(t.Context(), "b"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the refused request made a call: %v", err)
	}
}

func keyPerToken(t *testing.T, s call.Store) {
	keys := []*call.IdempotencyKey{key("t", "k", "body"), key("u", "k", "body"), key("tk", "", "body"), key("", "tk", "body"), nil}
	for i, k := range keys {
		id := fmt.Sprint("call", i)
		c, err := createAt(t, s, id, fmt.Sprint("+493010000", i), 0, k)
		if must(t, c, err).ID != call.ID(id) {
			t.Errorf("key %d led to %s", i, c.ID)
		}
	}
}

func expiredKey(t *testing.T, s call.Store) {
	_, err := createAt(t, s, "a", "+4930100001", 0, key("t", "k", "body"))
	must(t, call.Call{}, err)
	again := key("t", "k", "other body")
	again.Expires = Base.Add(2 * call.IdempotencyTTL)
	c, err := createAt(t, s, "b", "+4930100002", call.IdempotencyTTL, again)
	if must(t, c, err).ID != "b" {
		t.Errorf("an expired key led to %s", c.ID)
	}
	c, err = createAt(t, s, "c", "+4930100003", call.IdempotencyTTL+time.Hour, again)
	if must(t, c, err).ID != "b" {
		t.Errorf("the key's new call is %s", c.ID)
	}
}

func oneCreate(t *testing.T, s call.Store) {
	made := atOnce(50, func(i int) bool {
		id := fmt.Sprint("call", i)
		c, err := createAt(t, s, id, "+4930100001", 0, key("t", "k", "body"))
		if err != nil {
			t.Errorf("create: %v", err)
		}
		return c.ID == call.ID(id)
	})
	if made != 1 {
		t.Errorf("%d calls were made", made)
	}
}

func numberLock(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	_, err := createAt(t, s, "b", "+4930100001", 0, nil)
	conflict(t, err, "a")
	Create(t, s, NewCall("other", "+4930100002"))
	ended := Apply(t, s, "a", Ended()...)
	if !ended.Final() {
		t.Fatal("the call is not final")
	}
	Create(t, s, NewCall("b", "+4930100001"))
	// What is written of the first call later must not free the second one's number.
	Apply(t, s, "a", call.NoticeSending{Body: []byte("{}"), Until: Base.Add(time.Minute), At: Base.Add(3 * time.Second)})
	_, err = createAt(t, s, "c", "+4930100001", 0, nil)
	conflict(t, err, "b")
}

func refusedLeavesNothing(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	_, err := createAt(t, s, "b", "+4930100001", 0, key("t", "k", "body"))
	conflict(t, err, "a")
	expectDue(t, s, Base, "a")
	c, err := createAt(t, s, "c", "+4930100002", 0, key("t", "k", "other body"))
	if must(t, c, err).ID != "c" {
		t.Errorf("the refused request's key leads to %s", c.ID)
	}
}

func providerIndex(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	Apply(t, s, "a", Dialled("CA1")...)
	Create(t, s, NewCall("b", "+4930100002"))
	Apply(t, s, "b", Dialled("CA2")...)
	Apply(t, s, "a",
		call.Reported{Attempt: 1, At: Base.Add(5 * time.Second), Report: call.ProviderReport{ProviderCallID: "CA1", Status: call.Busy, Sequence: 2}},
		call.Claimed{ClaimID: "again", At: Base.Add(time.Hour)},
		call.Intended{Attempt: 2, ClaimID: "again", At: Base.Add(time.Hour)},
		call.Bound{Attempt: 2, ProviderCallID: "CA3", At: Base.Add(time.Hour)})
	for provider, want := range map[string]call.ID{"CA1": "a", "CA2": "b", "CA3": "a"} {
		if id, err := s.ByProviderCall(t.Context(), provider); err != nil || id != want {
			t.Errorf("%s leads to %q, %v; want %s", provider, id, err, want)
		}
	}
}

func expectDue(t *testing.T, s call.Store, at time.Time, want ...call.ID) {
	t.Helper()
	got, err := s.Due(t.Context(), at, 100)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("due at %v: %v, %v; want %v", at, got, err, want)
	}
}

func dueIndex(t *testing.T, s call.Store) {
	east := time.FixedZone("east", 14*3600)
	for i, due := range map[string]*time.Time{
		"later": ptr(Base.Add(time.Nanosecond)), "now": &Base, "tenth": ptr(Base.Add(-900 * time.Millisecond)), "east": ptr(Base.Add(-time.Second).In(east)),
		"longest": ptr(Base.Add(-400 * 24 * time.Hour)), "never": nil,
	} {
		c := NewCall(i, "+49301"+i)
		c.Due = due
		Create(t, s, c)
	}
	expectDue(t, s, Base, "longest", "east", "tenth", "now")
	expectDue(t, s, Base.In(east), "longest", "east", "tenth", "now")
	expectDue(t, s, Base.Add(-500*24*time.Hour))
	for limit, want := range map[int][]call.ID{2: {"longest", "east"}, 1: {"longest"}, 0: nil} {
		if got, err := s.Due(t.Context(), Base, limit); err != nil || !slices.Equal(got, want) {
			t.Errorf("limit %d: %v, %v", limit, got, err)
		}
	}
}

func dueFollows(t *testing.T, s call.Store) {
	c := Create(t, s, NewCall("a", "+4930100001"))
	for i, due := range []*time.Time{ptr(Base.Add(time.Hour)), ptr(Base.Add(-time.Hour)), nil, &Base} {
		c.Due = due
		if err := s.Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		c = get(t, s, "a")
		var want []call.ID
		if due != nil {
			want = []call.ID{"a"}
			expectDue(t, s, due.Add(-time.Nanosecond))
		}
		expectDue(t, s, Base.Add(time.Duration(i+2)*time.Hour), want...)
	}
}

func ptr[T any](v T) *T { return &v }
