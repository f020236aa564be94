package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"
)

// members are those of a text, nil where it is refused.
func members(text string) map[string]string {
	out := map[string]string{}
	s := Object([]byte(text))
	for {
		key, value, ok := s.Next()
		if !ok {
			break
		}
		out[string(key)] = string(value)
	}
	if !s.Whole() {
		return nil
	}
	return out
}

func TestItReadsWhatItKnows(t *testing.T) {
	long := strings.Repeat("A", 100)
	got := members(` { "event" : "media" , "n":0,"m":120, "t":true,"f":false,"z":null,"o":{"x":{"y":"` + long + `"},"e":{}}, "p":"` + long + `"} `)
	want := map[string]string{"event": `"media"`, "n": "0", "m": "120", "t": "true", "f": "false", "z": "null", "o": `{"x":{"y":"` + long + `"},"e":{}}`, "p": `"` + long + `"`}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %s", k, got[k])
		}
	}
	if text, ok := String([]byte(got["event"])); !ok || string(text) != "media" {
		t.Errorf("%q, %t", text, ok)
	}
	if _, ok := String([]byte("12")); ok {
		t.Error("a number is no string")
	}
	if got := members(`{}`); got == nil || len(got) != 0 {
		t.Errorf("the empty object: %v", got)
	}
}

func TestItRefusesTheRest(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`, `"x"`, `{"a":1`, `{"a":1}x`, `{"a":1,}`, `{,"a":1}`, `{"a" 1}`, `{"a":}`, `{"a":01}`, `{"a":-1}`, `{"a":1.5}`, `{"a":tru}`, `{"a":[1]}`,
		`{"a":"\n"}`, `{"a":"` + "\x01" + `"}`, `{"a":"ä"}`, `{"ä":1}`, `{"\u0061":1}`, `{a:1}`, `{"a":"x}`, `{"a":{"b":1}`, `{"a":{"b":1,}}`, `{"a":{"b" 1}}`, `{"a":{1}}`,
		`{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}`, `{"a":{"b":"` + strings.Repeat("ä", 50) + `"}}`, `{"` + strings.Repeat("k", 70) + `":1}`, `{"a":{"` + strings.Repeat("k", 70) + `":1}}`,
	} {
		if got := members(text); got != nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

// FuzzAgainstTheDecoder: what is accepted means the same to encoding/json.
func FuzzAgainstTheDecoder(f *testing.F) {
	for _, seed := range []string{`{"a":"b","c":{"d":1}}`, `{"a":1,"a":2}`, ` {} `, `{"a":null}`, `{"a":00}`, `{"a":{"b":{}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := members(text)
		if got == nil {
			return
		}
		for _, v := range got {
			if s, ok := String([]byte(v)); ok && len(s) > longest && !plain(s) {
				return // its taker would refuse it
			}
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if len(want) != len(got) {
			t.Errorf("%q: %v", text, got)
		}
		for k, v := range got {
			if string(want[k]) != v {
				t.Errorf("%q: %s is %s", text, k, v)
			}
		}
	})
}

func TestItAllocatesNothing(t *testing.T) {
	data := []byte(`{"event":"media","sequenceNumber":"3","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"` + strings.Repeat("/", 216) + `"},"streamSid":"MZ"}`)
	n := testing.AllocsPerRun(100, func() {
		s := Object(data)
		for ok := true; ok; {
			_, _, ok = s.Next()
		}
		if !s.Whole() {
			t.Fatal("refused")
		}
	})
	if n != 0 {
		t.Errorf("%g allocations", n)
	}
}
