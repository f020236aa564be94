package dynamo

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestWhatEachStepWrites shows, as golden text, which items each step of a whole life
// writes together, and under which conditions: what the correctness rests on.
func TestWhatEachStepWrites(t *testing.T) {
	s := New(Options{Table: "calls", Retention: 30 * 24 * 3600e9})
	c := storetest.NewCall(lifeID, lifeNumber)
	c.Version = 1
	w, _, err := s.creation(c, &lifeKey, lifeQuota)
	if err != nil {
		t.Fatal(err)
	}
	out := "Create\n" + describe(w)
	for _, e := range life(1) {
		was := record{call: c}
		was.live = c.Last() != nil && c.Last().Live()
		is, changed := storetest.Rules.Next(c, e)
		if !changed {
			continue
		}
		var q *call.Quota
		if _, claims := e.(call.Claimed); claims {
			q = &lifeQuota
		}
		if w, _, err = s.next(was, is, q); err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%T\n", e)[len("call."):] + describe(w)
		c = is
		c.Version++
	}
	const golden = "testdata/writes.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != out {
		t.Errorf("run the test with -update and read what changed (%v); the writes are\n%s", err, out)
	}
}

// describe says what is written, without the values.
func describe(w []action) string {
	var b strings.Builder
	for _, a := range w {
		fmt.Fprintf(&b, "  %s %s\n", text(a.key, AttrPK), text(a.key, AttrSK))
		switch {
		case a.set != nil:
			var names []string
			for name := range a.set {
				names = append(names, name)
			}
			slices.Sort(names)
			fmt.Fprintf(&b, "    put %s\n", strings.Join(names, ", "))
		case a.update != "":
			fmt.Fprintf(&b, "    %s\n", strings.Replace(a.update, setRecord, "SET the record", 1))
		default:
			b.WriteString("    delete\n")
		}
		if a.condition != "" {
			fmt.Fprintf(&b, "    if %s\n", a.condition)
		}
	}
	return b.String()
}

// Every value that a write has is used in its expressions, and every one used is there:
// DynamoDB refuses one too many or too few.
func TestValuesAreThoseOfTheExpressions(t *testing.T) {
	s := New(Options{Table: "calls"})
	c := storetest.NewCall(lifeID, lifeNumber)
	c.Version = 1
	w, _, err := s.creation(c, &lifeKey, lifeQuota)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range life(1) {
		is, changed := storetest.Rules.Next(c, e)
		if !changed {
			continue
		}
		for _, q := range []*call.Quota{nil, &lifeQuota, {Day: "2026-03-02"}} {
			more, _, err := s.next(record{call: c, live: true}, is, q)
			if err != nil {
				t.Fatal(err)
			}
			w = append(w, more...)
		}
		c = is
		c.Version++
	}
	for _, a := range w {
		used := map[string]bool{}
		for _, word := range strings.FieldsFunc(a.update+" "+a.condition, func(r rune) bool { return strings.ContainsRune(" ,()", r) }) {
			if strings.HasPrefix(word, ":") {
				used[word] = true
			}
		}
		for name := range a.values {
			if !used[name] {
				t.Errorf("%s is not used in %s if %s", name, a.update, a.condition)
			}
			delete(used, name)
		}
		if len(used) > 0 {
			t.Errorf("%v are missing in %s if %s", used, a.update, a.condition)
		}
	}
}
