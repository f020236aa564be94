package call

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fullCall is a record with everything in it that a record can hold.
func fullCall(t testing.TB) Call {
	for _, s := range states(t) {
		if s.name == "final, booked" {
			c, _ := s.rules.Next(s.call, Measured{Attempt: 1, StreamID: sid, Measures: testMeasures(1), At: s.at})
			return c
		}
	}
	t.Fatal("no state is called so")
	return Call{}
}

func TestAttributesOfANewerProgramSurviveARewrite(t *testing.T) {
	c := fullCall(t)
	raw, err := EncodeRecord(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	doc["mood"] = map[string]any{"deep": []any{1.5, "x"}}
	doc["attempts"].([]any)[0].(map[string]any)["carrier"] = "new"
	doc["request"].(map[string]any)["language"] = "fr"
	doc["request"].(map[string]any)["workingHours"].(map[string]any)["lunch"] = true
	doc["event"].(map[string]any)["room"] = "12"
	doc["attempts"].([]any)[0].(map[string]any)["measures"].(map[string]any)["cost"].(map[string]any)["tokens"].(map[string]any)["videoIn"] = 9
	stored, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeRecord(stored)
	if err != nil {
		t.Fatal(err)
	}
	read.LastError = "changed"
	read.Attempts = append(read.Attempts, Attempt{Number: len(read.Attempts) + 1, Status: Dialing, StartedAt: t0})
	again, err := EncodeRecord(read, stored)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"mood":{"deep":[1.5,"x"]}`, `"carrier":"new"`, `"language":"fr"`, `"lunch":true`, `"room":"12"`, `"videoIn":9`, `"audioIn":1`, `"lastError":"changed"`} {
		if strings.Count(string(again), want) != 1 {
			t.Errorf("%s is there %d times in %s", want, strings.Count(string(again), want), again)
		}
	}
	if _, err := DecodeRecord(again); err != nil {
		t.Error(err)
	}
}

func TestWhatIsDroppedOnPurposeDoesNotComeBack(t *testing.T) {
	c := fullCall(t)
	c.LastError, c.Waiting = "old", "old"
	stored, err := EncodeRecord(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored = []byte(strings.Replace(string(stored), `"lastError"`, `"LASTERROR"`, 1)) // decodes into the same field
	c.LastError, c.Waiting, c.Event, c.Attempts = "", "", nil, nil
	again, err := EncodeRecord(c, stored)
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeRecord(again)
	if err != nil || read.LastError != "" || read.Waiting != "" || read.Event != nil || len(read.Attempts) != 0 {
		t.Errorf("%v %s", err, again)
	}
}

func TestOnlyAHigherSchemaIsRefused(t *testing.T) {
	if _, err := DecodeRecord([]byte(`{"schema":2,"callId":"a"}`)); err == nil || !strings.Contains(err.Error(), "start the newer call agent") {
		t.Error(err)
	}
	for _, raw := range []string{`{"schema":1,"callId":"a","new":true}`, `{"callId":"a"}`} {
		if c, err := DecodeRecord([]byte(raw)); err != nil || c.ID != "a" {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// A rewrite over its own record is the record.
func TestARewriteOverItselfChangesNothing(t *testing.T) {
	all := states(t)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(all).Draw(t, "state").call
		raw, err := EncodeRecord(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := EncodeRecord(c, raw)
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeRecord(again)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := mustJSON(t, read), mustJSON(t, c); got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
	})
}

// A record with something unknown in it is the baseline.
func BenchmarkEncodeRecord(b *testing.B) {
	c := fullCall(b)
	stored, err := EncodeRecord(c, nil)
	if err != nil {
		b.Fatal(err)
	}
	unknown := append([]byte(`{"mood":"sunny",`), stored[1:]...)
	for _, with := range []struct {
		name   string
		stored []byte
	}{{"nothing stored", nil}, {"nothing unknown", stored}, {"something unknown", unknown}} {
		b.Run(with.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := EncodeRecord(c, with.stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"callId":"a","attempts":[{"number":1}]}`), []byte(`{"schema":1,"attempts":[{"x":1},2,null]}`))
	f.Add([]byte(`{}`), []byte(`null`))
	f.Add([]byte(`{"schema":9}`), []byte(`{"request":[]}`))
	f.Add([]byte(`{"VERSION":7,"due":"2026-03-02T09:00:00Z"}`), []byte(`{"lasterror":"x","mood":"sunny"}`))
	f.Add([]byte(`{"callId":"c"}`), []byte(`{"callId":"a"}{"callId":"b"}`))
	f.Add([]byte(`{"callId":"a"} `), []byte(`{"callId":"a"`))
	f.Add([]byte(`{"callId":"a"}`), []byte(`{"callId":7}`))
	f.Fuzz(func(t *testing.T, raw, stored []byte) {
		c, err := DecodeRecord(raw)
		var kept []any // a later record is read into the same buffer
		for _, record := range [][]byte{stored, raw, stored} {
			var want Call
			fresh := json.NewDecoder(bytes.NewReader(record))
			fresh.DisallowUnknownFields()
			known := fresh.Decode(&want) == nil && fresh.InputOffset() == int64(len(record))
			if got, all, err := DecodeAll(record); all != known || known && mustJSON(t, got) != mustJSON(t, want) {
				t.Fatalf("%s: %+v, all %v, %v", record, got, all, err)
			} else if kept = append(kept, got, mustJSON(t, got)); mustJSON(t, kept[0]) != kept[1] {
				t.Fatalf("%s changed what was read before: %s, was %s", record, mustJSON(t, kept[0]), kept[1])
			}
		}
		if err != nil {
			return
		}
		c.LastError = "rewritten"
		out, err := EncodeRecord(c, stored)
		if err != nil {
			return
		}
		again, err := DecodeRecord(out)
		if err != nil || again.LastError != "rewritten" || again.Version != c.Version {
			t.Fatalf("%s over %s became %s: %v", raw, stored, out, err)
		}
	})
}
