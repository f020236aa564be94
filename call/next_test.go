package call

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEveryEventIsDefinedInEveryState(t *testing.T) {
	for _, s := range states(t) {
		t.Run(s.name, func(t *testing.T) {
			before := mustJSON(t, s.call)
			for _, after := range []time.Duration{-time.Minute, time.Second, time.Hour, 30 * 24 * time.Hour} {
				for _, e := range events(s.at.Add(after)) {
					quickStep(t, s.rules, s.call, e)
				}
			}
			if after := mustJSON(t, s.call); after != before {
				t.Errorf("an event changed its input:\n%s\n%s", before, after)
			}
		})
	}
}

func TestPairsOfEventsKeepTheInvariants(t *testing.T) {
	const stride = 13 // of all pairs, a different thirteenth for each first event
	for _, s := range states(t) {
		seconds := events(s.at.Add(2*time.Minute + time.Second))
		for i, first := range events(s.at.Add(2 * time.Minute)) {
			c, changed := s.rules.Next(s.call, first)
			for j := i % stride; changed && j < len(seconds); j += stride {
				if next, again := s.rules.Next(c, seconds[j]); again {
					checkStep(t, c, next, seconds[j])
				}
			}
		}
	}
}

// An event that is added to the package must be added to the list above.
func TestTheListOfEventsIsComplete(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range events(t0) {
		listed[reflect.TypeOf(e).Name()] = true
	}
	declared := declaredEvents(t)
	if len(declared) < 20 {
		t.Fatalf("only %d events found in the source; has apply been renamed?", len(declared))
	}
	for name := range declared {
		if !listed[name] {
			t.Errorf("event %s is not tested: add it to events()", name)
		}
	}
}

// declaredEvents are the types with a method apply(Rules, *Call) bool in the package's source.
func declaredEvents(t *testing.T) map[string]bool {
	found := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		src, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range src.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "apply" {
				continue
			}
			if receiver, ok := fn.Recv.List[0].Type.(*ast.Ident); ok {
				found[receiver.Name] = true
			}
		}
	}
	return found
}

// Every state of the list is another one, or the list is longer than it looks.
func TestTheStatesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, s := range states(t) {
		key := mustJSON(t, s.call)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q are the same state", s.name, other)
		}
		seen[key] = s.name
		checkCall(t, s.rules, s.call, nil)
	}
}
