package realtime

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/jsonscan"
)

const delta = `{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"/////w=="}`

// short reads a message by the short way, twice: the second time by the shape that it learned
// the first time. Ways says how often it was read.
func short(msg string) (ev media.AgentAudio, ways int) {
	latest = jsonscan.Latest{} // of other tests' messages it knows nothing
	var a Agent
	f := &frame{}
	f.text.WriteString(msg)
	got, ok := a.delta(f)
	if !ok {
		return ev, 0
	}
	ev = *got
	ev.Decoded = slices.Clone(ev.Decoded)
	var t [texts][]byte
	if again, ok := a.delta(f); !ok || !a.shape.Match(&latest, []byte(msg), t[:]) || !reflect.DeepEqual(*again, ev) {
		return ev, 1
	}
	return ev, 2
}

// long reads a message by the long way; nil if it is no speech.
func long(msg string) *media.AgentAudio {
	ev, err := Decode([]byte(msg))
	if err != nil {
		return nil
	}
	audio, _ := translate(ev).(*media.AgentAudio)
	if audio != nil {
		audio.Decoded, _ = base64.StdEncoding.DecodeString(audio.Audio)
	}
	return audio
}

// TestTheUsualDeltaTakesTheShortWay: and what the short way reads, the long way reads in the same way.
func TestTheUsualDeltaTakesTheShortWay(t *testing.T) {
	change := func(from, to string) string { return strings.Replace(delta, from, to, 1) }
	for _, msg := range []string{delta, change(`"event_id":"event_1",`, ``), change(`,"content_index":0`, `, "content_index" : 0 `), change(`resp_1`, ``+strings.Repeat("r", 60))} {
		if got, ways := short(msg); ways != 2 || !reflect.DeepEqual(&got, long(msg)) {
			t.Errorf("%s: %+v, %d ways; %+v", msg, got, ways, long(msg))
		}
	}
	for _, msg := range []string{
		`{}`, delta + " x", change(`_audio.`, `_text.`), change(`"type":"response.output_audio.delta",`, ``), change(`"output_index":0`, `"output_index":1`), change(`"content_index":0`, `"content_index":1`),
		change(`"item_1"`, `7`), change(`"item_1"`, `""`), change(`"item_id"`, `"response_id"`), change(`"item_1"`, `"\u0041"`), change(`/////w==`, `/////w=`), change(`/////w==`, ``), change(`"event_1"`, `7`), change(`}`, `,"obfuscation":"x"}`),
	} {
		if got, ways := short(msg); ways > 0 {
			t.Errorf("%s was read as %+v", msg, got)
		}
	}
}

// TestAServiceThatBuildsEveryMessageInAnotherWay is still understood.
func TestAServiceThatBuildsEveryMessageInAnotherWay(t *testing.T) {
	var a Agent
	for n := range 30 {
		f := &frame{}
		f.text.WriteString(strings.Replace(delta, `:0`, `:`+strings.Repeat(" ", n)+`0`, 1))
		if ev, ok := a.delta(f); !ok || ev.ItemID != "item_1" || string(ev.Decoded) != "\xff\xff\xff\xff" {
			t.Fatalf("message %d: %+v, %t", n, ev, ok)
		}
	}
}

// FuzzDelta: the short way never reads what the long way reads otherwise.
func FuzzDelta(f *testing.F) {
	f.Add(delta)
	f.Add(strings.Replace(delta, "event_1", `e\"1`, 1))
	f.Add(strings.Replace(delta, "resp_1", strings.Repeat("r", 65)+"\x85", 1))
	f.Add(strings.Replace(delta, "resp_1", strings.Repeat("r", 65)+`\u0041`, 1))
	var known Agent
	sample := &frame{}
	sample.text.WriteString(delta)
	known.delta(sample)
	f.Fuzz(func(t *testing.T, msg string) {
		if got, ways := short(msg); ways > 0 && !reflect.DeepEqual(&got, long(msg)) {
			t.Errorf("%s: %+v, %d ways; %+v", msg, got, ways, long(msg))
		}
		m := &frame{}
		m.text.WriteString(msg)
		if got, ok := known.delta(m); ok && !reflect.DeepEqual(got, long(msg)) {
			t.Errorf("%s, by the shape of the sample: %+v; %+v", msg, got, long(msg))
		}
	})
}

// BenchmarkDelta is 20 ms of speech, by both ways.
func BenchmarkDelta(b *testing.B) {
	msg := strings.Replace(delta, "/////w==", base64.StdEncoding.EncodeToString(make([]byte, 160)), 1)
	b.Run("baseline: decoder", func(b *testing.B) {
		for b.Loop() {
			if long(msg) == nil {
				b.Fatal("not read")
			}
		}
	})
	b.Run("delta", func(b *testing.B) {
		a, f := Agent{}, &frame{}
		f.text.WriteString(msg)
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := a.delta(f); !ok {
				b.Fatal("not read")
			}
		}
	})
}
