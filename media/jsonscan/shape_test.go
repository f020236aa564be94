package jsonscan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// texts are those of a message's members, by their numbers; nil where one is no string.
func texts(msg string, names ...string) (data []byte, found [][]byte) {
	data, found = []byte(msg), make([][]byte, len(names))
	s := Object(data)
	for {
		key, value, ok := s.Next()
		if !ok {
			return data, found
		}
		for i, name := range names {
			if string(key) == name {
				found[i], _ = String(value)
			}
		}
	}
}

func TestAShapeIsThatOfTheNextMessage(t *testing.T) {
	data, found := texts(`{"type":"x", "a":"1","n":0,"b":"","c":"three"}`, "c", "none", "a", "b")
	shape := Learn(data, found, 0)
	got := make([][]byte, 4)
	if !shape.Match(data, got) || !reflect.DeepEqual(got, found) {
		t.Errorf("its own message: %q", got)
	}
	long := strings.Repeat("A", 100)
	if got = make([][]byte, 4); !shape.Match([]byte(`{"type":"x", "a":"22","n":0,"b":"two","c":"`+long+`"}`), got) {
		t.Fatal("the next is not of the shape")
	}
	if string(got[0]) != long || got[1] != nil || string(got[2]) != "22" || string(got[3]) != "two" {
		t.Errorf("its texts are %q", got)
	}
	for _, other := range []string{
		``, `{`, `{"type":"y", "a":"1","n":0,"b":"","c":"3"}`, `{"type":"x", "a":"1","n":1,"b":"","c":"3"}`, `{"type":"x", "a":"1","n":0,"b":"","c":"3"} `, `{"type":"x", "a":"1","n":0,"b":"","c":"3`,
		`{"type":"x", "a":"1\\","n":0,"b":"","c":"3"}`, `{"type":"x", "a":"` + long + `","n":0,"b":"","c":"3"}`, `{"type":"x", "a":"ä","n":0,"b":"","c":"3"}`, "{\"type\":\"x\", \"a\":\"\n\",\"n\":0,\"b\":\"\",\"c\":\"3\"}", `{"type":"x","a":"1","n":0,"b":"","c":"3"}`,
	} {
		if shape.Match([]byte(other), got) {
			t.Errorf("%q is taken to be of the shape: %q", other, got)
		}
	}
}

// FuzzShape: what is of a shape means to encoding/json what its texts say.
func FuzzShape(f *testing.F) {
	data, found := texts(`{"type":"x","a":"1","n":0,"b":{"c":1},"d":"three"}`, "a", "d")
	shape := Learn(data, found, 1)
	f.Add(string(data))
	f.Add(`{"type":"x","a":"\",","n":0,"b":{"c":1},"d":"three"}`)
	f.Fuzz(func(t *testing.T, msg string) {
		got := make([][]byte, 2)
		if !shape.Match([]byte(msg), got) || !unescaped(got[1]) {
			return // its taker would refuse it
		}
		var want struct{ Type, A, D string }
		if err := json.Unmarshal([]byte(msg), &want); err != nil || want.Type != "x" || want.A != string(got[0]) || want.D != string(got[1]) {
			t.Errorf("%q: %q; %+v, %v", msg, got, want, err)
		}
	})
}

func TestMatchingAllocatesNothing(t *testing.T) {
	data, found := texts(`{"a":"1","b":"2"}`, "a", "b")
	shape := Learn(data, found, 0)
	if n := testing.AllocsPerRun(100, func() {
		var got [2][]byte
		if !shape.Match(data, got[:]) {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// TestWhatIsLearnedIsBounded: of a peer that builds every message in another way; who comes later
// knows what was learned last.
func TestWhatIsLearnedIsBounded(t *testing.T) {
	var (
		latest Latest
		known  Known
		got    [1][]byte
	)
	for n := range 3 * mostLearned {
		data, found := texts(`{`+strings.Repeat(" ", n)+`"a":"1"}`, "a")
		known.Learn(&latest, data, found, 0)
		if learned := new(Known).Match(&latest, data, got[:]); learned != (n < mostLearned) {
			t.Errorf("message %d: learned is %t", n, learned)
		}
	}
}
