// Package storetest is the one contract suite that every call.Store must pass.
//
// It owns what call.Store promises, as tests, and knows no store: what only one kind of
// store can show (a reopened file, a raw record) is handed in by that store's tests. It
// is imported by tests alone.
package storetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Base is the time at which the suite's calls are created.
var Base = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Rules are those of the suite's calls.
var Rules = call.Rules{
	MaxAttempts: 3, InitialDelay: time.Minute, BackoffFactor: 2,
	RetryStatuses: []call.Status{call.Busy, call.NoAnswer, call.Failed},
	RingTimeout:   25 * time.Second, MaxCall: 10 * time.Minute, StreamPatience: 85 * time.Second, Notify: true,
	Policy: call.Policy{Dialling: true},
}

// Run holds a store against the contract; each part gets an empty store from open.
func Run(t *testing.T, open func(t *testing.T) call.Store) {
	parts := []struct {
		name string
		test func(t *testing.T, s call.Store)
	}{
		{"a created call is read back as it was", readsBack},
		{"an unknown call is not found", notFound},
		{"an update is the next version, and a stale one changes nothing", versions},
		{"what a caller does to its copy, the store does not see", isolation},
		{"of a hundred claims at once one wins", oneClaim},
		{"of a hundred counted claims at once one wins and one counts", oneCountedClaim},
		{"a repeat under the same key is the same call", sameKey},
		{"a key under another body is a conflict", otherBody},
		{"a key is its token's own", keyPerToken},
		{"an expired key is forgotten", expiredKey},
		{"of fifty repeats at once one makes the call", oneCreate},
		{"a number is held until its call is final", numberLock},
		{"a refused call leaves nothing behind", refusedLeavesNothing},
		{"a key finds its call without making one", repeats},
		{"a day has room for so many calls and no more", callsPerDay},
		{"of fifty calls at once a day takes as many as it may", callsAtOnce},
		{"a number is claimed so often on a day and no more", attemptsPerNumber},
		{"live attempts have so many places, and give them back", livePlaces},
		{"of fifty claims at once as many are live as may be", livesAtOnce},
		{"a place is given back once, however often it is said", placesOnce},
		{"a provider's call id leads to its call", providerIndex},
		{"a provider's call id stays with its first call", firstBinding},
		{"due is what is due and nothing else, longest due first", dueIndex},
		{"due follows every write", dueFollows},
		{"after many steps of many calls, due is what the records say", dueOfMany},
		{"a final call is left by no late, doubled or stale write", terminal},
		{"a write that is made again changes nothing", lateWrites},
		{"an end is never left, whatever comes doubled, shuffled and late", neverLeft},
		{"a list has the newest first, in pages without a gap", pages},
		{"a list has what is asked for and nothing else", filters},
		{"a list follows every write", listFollows},
		{"a deleted call is nowhere", deleted},
		{"a call that is not final is not deleted", notDeleted},
		{"a deleted call is not written again", deletedStays},
		{"what a deleted call's ids lead to by now is left alone", deletesItsOwn},
		{"of twenty deletions at once the call is gone once", deletedAtOnce},
		{"a context that is over starts nothing", overContext},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.test(t, open(t)) })
	}
}

// NewCall is a call that is due at once, to a number of its own.
func NewCall(id, to string) call.Call {
	due, next := Base, Base
	return call.Call{
		Schema: call.SchemaVersion, ID: call.ID(id), Owner: "tests",
		Request: call.Request{
			To: to, Goal: "a check-up", DurationMinutes: 30, Timezone: "Europe/Berlin", CalleeTimezone: "Europe/Berlin",
			WindowStart: Base, WindowEnd: Base.Add(14 * 24 * time.Hour),
			WorkingHours: call.WorkingHours{Start: "09:00", End: "17:00", Days: []int{1, 2, 3, 4, 5}},
			CalendarID:   "primary", Origin: &call.Origin{Channel: "telegram", To: "telegram:1"},
			Metadata: map[string]string{"k": "v"},
		},
		Status: call.Queued, Outcome: call.Pending, MaxAttempts: Rules.MaxAttempts,
		NextAttemptAt: &next, Due: &due, CreatedAt: Base, UpdatedAt: Base,
	}
}

// Create stores a new call or fails the test.
func Create(t testing.TB, s call.Store, c call.Call) call.Call {
	t.Helper()
	c, err := s.Create(t.Context(), c, nil, call.Quota{})
	if err != nil {
		t.Fatalf("create %s: %v", c.ID, err)
	}
	return c
}

// Apply lets an event happen to a stored call, which must change it, and returns the
// call as it is stored then.
func Apply(t testing.TB, s call.Store, id call.ID, events ...call.Event) call.Call {
	t.Helper()
	c := get(t, s, id)
	for _, e := range events {
		next, changed := Rules.Next(c, e)
		if !changed {
			t.Fatalf("%T changes nothing", e)
		}
		if err := s.Update(t.Context(), next); err != nil {
			t.Fatalf("update after %T: %v", e, err)
		}
		c = get(t, s, id)
	}
	return c
}

// Dialled are the events that bring a new call to a bound first attempt.
func Dialled(providerCallID string) []call.Event {
	return []call.Event{
		call.Claimed{ClaimID: "claim", At: Base},
		call.Intended{Attempt: 1, ClaimID: "claim", At: Base.Add(time.Second)},
		call.Bound{Attempt: 1, ProviderCallID: providerCallID, At: Base.Add(2 * time.Second)},
	}
}

// Ended are the events that bring a new call to its end: refused for good.
func Ended() []call.Event {
	return []call.Event{
		call.Claimed{ClaimID: "claim", At: Base},
		call.Intended{Attempt: 1, ClaimID: "claim", At: Base.Add(time.Second)},
		call.Refused{Attempt: 1, Permanent: true, Words: "no such number", At: Base.Add(2 * time.Second)},
	}
}

func get(t testing.TB, s call.Store, id call.ID) call.Call {
	t.Helper()
	c, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	return c
}

// same compares calls as they are written: instants by their text, not by their zone's pointer.
func same(t testing.TB, got, want call.Call) {
	t.Helper()
	g, err1 := json.Marshal(got)
	w, err2 := json.Marshal(want)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

// conflict fails the test unless err is a Conflict about the call.
func conflict(t testing.TB, err error, about call.ID) {
	t.Helper()
	var refused *call.Error
	if !errors.As(err, &refused) || refused.Code != call.Conflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	if refused.CallID != about || refused.Message == "" {
		t.Errorf("the conflict is about %q (%q), want %q", refused.CallID, refused.Message, about)
	}
}
