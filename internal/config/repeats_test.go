package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestANameThatStandsTwiceIsAFault(t *testing.T) {
	for doc, want := range map[string]string{
		`{"openai":{"model":"a","model":"b"}}`:                        "openai.model",
		`{"openai":{"model":"a"},"openai":{"voice":"b"}}`:             "openai",
		`{"openai":{"model":"a"},"openai":{"model":"b"}}`:             "openai",
		`{"tools":{"tokens":[{"name":"a","name":"b"},{"name":"c"}]}}`: "tools.tokens.name",
		`{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}`:             "",
		`{"a":1,"a":2,"a":3,"b":[[{"c":1,"c":1}]]}`:                   "a b.c",
		`{"":1,"":2}`:        `""`,
		`{"a":1,"a":`:        "a",
		`["a","a"]`:          "",
		``:                   "",
		`{"\u0061":1,"a":2}`: "a",
		strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat("}", 5000):                "",
		`{"disclosure":"a","Disclosure":"b","disclosure ":"c","policy":{"x":[1,1,1]}}`: "",
	} {
		if got := strings.Join(keysOf(Repeats([]byte(doc))), " "); got != want {
			t.Errorf("%.60s: %q, want %q", doc, got, want)
		}
	}
}

// TestDecodingRefusesRepeats: the last one must not win without a word, wherever it stands.
func TestDecodingRefusesRepeats(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for doc, want := range map[string]string{
		`{"openai":{"model":"a","model":"b"}}`:                                                           "openai.model",
		`{"max_sessions":1,"max_sessions":2}`:                                                            "max_sessions",
		`{"openai":{"model":"a"},"openai":{"voice":"b"}}`:                                                "openai",
		`{"tools":{"tokens":[{"name":"a","sha256":"` + sum + `","scopes":["read"],"scopes":["call"]}]}}`: "tools.tokens",
		`{"tools":{"tokens":[{"name":"a","sha256":"` + sum + `","Scopes":["read"]}]}}`:                   "tools.tokens",
		`{"tools":{"tokens":[{"name":"a","sha256":"` + sum + `","scopes":["read"]}]}}`:                   "",
	} {
		c := New()
		if got := strings.Join(keysOf(c.DecodeJSON([]byte(doc))), " "); got != want {
			t.Errorf("%.70s: faults %q, want %q", doc, got, want)
		}
	}
}

// FuzzRepeats: a tree, written anew, has no repeats; whatever a document is, twice under one name it is a repeat.
func FuzzRepeats(f *testing.F) {
	f.Add([]byte(readExample(f)))
	f.Add([]byte(`{"a":1,"a":{"b":[{"c":1,"c":2}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := Repeats(data)
		var tree any
		if json.Unmarshal(data, &tree) != nil {
			return
		}
		again, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if Repeats(again) != nil {
			t.Fatalf("a tree has repeats: %s", again)
		}
		twice := slices.Concat([]byte(`{"x":`), again, []byte(`,"x":`), data, []byte(`}`))
		if keys := keysOf(Repeats(twice)); !slices.Contains(keys, "x") || (found != nil && len(keys) < 2) {
			t.Fatalf("%s: %q", twice, keys)
		}
	})
}
