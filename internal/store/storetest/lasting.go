package storetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Persists holds a store against its promise of durability: every call of reopen returns
// the same store as a new process would find it.
func Persists(t *testing.T, reopen func(t *testing.T) call.Store) {
	s := reopen(t)
	c := NewCall("a", "+4930100001")
	if _, err := s.Create(t.Context(), c, key("t", "k", "body"), call.Quota{}); err != nil {
		t.Fatal(err)
	}
	want := Apply(t, s, "a", Dialled("CA1")...)
	s = reopen(t)
	same(t, get(t, s, "a"), want)
	if id, err := s.ByProviderCall(t.Context(), "CA1"); err != nil || id != "a" {
		t.Errorf("the provider index leads to %q, %v", id, err)
	}
	expectDue(t, s, *want.Due, "a")
	_, err := createAt(t, s, "b", "+4930100001", 0, nil)
	conflict(t, err, "a")
	again, err := createAt(t, s, "b", "+4930100001", time.Hour, key("t", "k", "body"))
	same(t, must(t, again, err), want)
}

// Raw reaches into a store, past the domain.
type Raw struct {
	// Get returns a call's record as a JSON object, Put replaces it.
	Get func(t *testing.T, id call.ID) map[string]json.RawMessage
	Put func(t *testing.T, id call.ID, record map[string]json.RawMessage)
}

// KeepsUnknown holds a store against its promise to keep what a newer program of the
// same schema wrote into a record.
func KeepsUnknown(t *testing.T, s call.Store, raw Raw) {
	Create(t, s, NewCall("a", "+4930100001"))
	record := raw.Get(t, "a")
	record["mood"], record["costs"] = json.RawMessage(`"sunny"`), json.RawMessage(`{"rate":null,"deep":[1,2.50]}`)
	record["request"] = into(t, record["request"], "language", `"fr"`)
	raw.Put(t, "a", record)
	Apply(t, s, "a", Dialled("CA1")...)
	after := raw.Get(t, "a")
	for _, name := range []string{"mood", "costs"} {
		if string(after[name]) != string(record[name]) {
			t.Errorf("%s is %s after a rewrite, was %s", name, after[name], record[name])
		}
	}
	var attempts []json.RawMessage
	if err := json.Unmarshal(after["attempts"], &attempts); err != nil || len(attempts) != 1 {
		t.Fatal(len(attempts), err)
	}
	after["attempts"] = json.RawMessage("[" + string(into(t, attempts[0], "carrier", `"new"`)) + "]")
	raw.Put(t, "a", after)
	// A known attribute that became empty must not come back from the old record.
	Apply(t, s, "a", call.Reported{Attempt: 1, At: Base.Add(5 * time.Second), Report: call.ProviderReport{ProviderCallID: "CA1", Status: call.Busy}})
	if c := Apply(t, s, "a", call.Claimed{ClaimID: "again", At: Base.Add(time.Hour)}); c.NextAttemptAt != nil {
		t.Errorf("nextAttemptAt came back: %v", c.NextAttemptAt)
	}
	// To the call's end: both programs write it in turn, and each leaves the other's alone.
	if c := Apply(t, s, "a", call.Ticked{At: NewCall("a", "").Request.WindowEnd}); !c.Final() {
		t.Fatal("the call is not final after its window")
	}
	end := raw.Get(t, "a")
	for where, want := range map[string]string{"request": `"language":"fr"`, "attempts": `"carrier":"new"`, "costs": `2.50`} {
		if strings.Count(string(end[where]), want) != 1 {
			t.Errorf("%s is not once in %s: %s", want, where, end[where])
		}
	}
}

// into adds an attribute to a JSON object.
func into(t *testing.T, object json.RawMessage, name, value string) json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		t.Fatal(err)
	}
	all[name] = json.RawMessage(value)
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// RefusesNewer holds a store against its promise not to touch records of a newer schema.
func RefusesNewer(t *testing.T, s call.Store, raw Raw) {
	c := Create(t, s, NewCall("a", "+4930100001"))
	record := raw.Get(t, "a")
	record["schema"] = json.RawMessage(`99`)
	raw.Put(t, "a", record)
	if _, err := s.Get(t.Context(), "a"); err == nil {
		t.Error("a record of a newer schema was read")
	}
	if err := s.Update(t.Context(), c); err == nil {
		t.Error("a record of a newer schema was overwritten")
	}
	if got := raw.Get(t, "a"); string(got["schema"]) != "99" {
		t.Errorf("its schema is %s now", got["schema"])
	}
}
