package archive

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

var began = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)

// whole is a timeline of some lines, as it is written.
func whole(lines ...call.Line) []byte {
	t := NewText(2, began, 0)
	t.Add(lines)
	t.End(End{DurationMS: 1234})
	return t.Unwritten()
}

// TestATimelineIsReadAsFarAsItIsWritten: cut off at any byte, it is a beginning of itself.
func TestATimelineIsReadAsFarAsItIsWritten(t *testing.T) {
	text := whole(call.Line{Kind: "started"}, call.Line{AtMS: 10, Kind: "transcript", Text: "<é\n>"}, call.Line{AtMS: 20, Kind: call.LineLevels, Callee: []int{1, 2}, Agent: []int{0, 3}})
	lines := 0
	for n := range len(text) + 1 {
		tl, err := Parse(text[:n], 0, true)
		if n <= bytes.IndexByte(text, '\n') {
			if err == nil {
				t.Fatalf("%d bytes have a beginning", n)
			}
			continue
		}
		if err != nil || tl.Attempt != 2 || !tl.Complete || len(tl.Lines) < lines || tl.Cut != (n < len(text)) {
			t.Fatalf("%d bytes: %+v, %v", n, tl, err)
		}
		lines = len(tl.Lines)
	}
	if lines != 3 {
		t.Errorf("%d lines", lines)
	}
}

func TestWhatIsBehindALineThatIsNoneIsMissing(t *testing.T) {
	text := strings.Replace(string(whole(call.Line{Kind: "a"}, call.Line{Kind: "b"}, call.Line{Kind: "c"})), `"kind":"b"`, `"kind":b`, 1)
	tl, err := Parse([]byte(text), 0, false)
	if err != nil || len(tl.Lines) != 1 || !tl.Complete || !tl.Cut {
		t.Errorf("%+v, %v", tl, err)
	}
}

func TestWhatWaitsForTheDiskHasABound(t *testing.T) {
	text := NewText(1, began, 10<<10)
	for range 1000 {
		text.Add([]call.Line{{Kind: "transcript", Text: strings.Repeat("x", 1000)}})
	}
	text.Written()
	text.Add([]call.Line{{Kind: "ended"}}) // there is room again, but what is in between is lost
	text.End(End{DurationMS: 5})
	text.End(End{DurationMS: 6})
	if got := string(text.Unwritten()); got != `{"complete":true,"durationMs":5,"cut":true}`+"\n" {
		t.Errorf("%s", got)
	}
	lost := NewText(1, began, 0)
	lost.End(End{Cut: true})
	if tl, err := Parse(lost.Unwritten(), 0, false); err != nil || !tl.Cut {
		t.Errorf("%+v, %v", tl, err)
	}
}

func TestManyLinesHaveABound(t *testing.T) {
	text := NewText(1, began, 0)
	lines := make([]call.Line, MaxLines+1)
	text.Add(lines)
	text.End(End{})
	tl, err := Parse(text.Unwritten(), MaxLines-1, false)
	if err != nil || len(tl.Lines) != 1 || tl.Lines[0].N != MaxLines || !tl.Cut {
		t.Errorf("%+v, %v", tl, err)
	}
}

func TestAHeaderSaysWhatFollows(t *testing.T) {
	h := Header(16000)
	if len(h) != HeaderSize {
		t.Fatalf("%d bytes", len(h))
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(h[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(h[at:])) }
	for what, is := range map[string]bool{
		"RIFF": string(h[:4]) == "RIFF" && u32(4) == HeaderSize-8+16000, "WAVE": string(h[8:16]) == "WAVEfmt " && u32(16) == 18,
		"mu-law, stereo": u16(20) == 7 && u16(22) == 2, "8 kHz": u32(24) == 8000 && u32(28) == 16000 && u16(32) == 2 && u16(34) == 8,
		"one second": string(h[38:42]) == "fact" && u32(42) == 4 && u32(46) == 8000, "data": string(h[50:54]) == "data" && u32(54) == 16000,
	} {
		if !is {
			t.Errorf("not %s: % x", what, h)
		}
	}
}

// FuzzParse: whatever stands in a file, reading it ends, and what is read can be told.
func FuzzParse(f *testing.F) {
	f.Add(whole(call.Line{Kind: "started"}, call.Line{AtMS: 10, Kind: "mark", Data: json.RawMessage(`{"a":1}`)}), 1, true)
	f.Add([]byte("{\"attempt\":1,\"startedAt\":\"2026-03-02T17:00:00Z\"}\n{\"n\":1,\"atMs\":99999999999999999999,\n"), 0, false)
	f.Fuzz(func(t *testing.T, text []byte, after int, stale bool) {
		tl, err := Parse(text, after, stale)
		if err != nil {
			return
		}
		if _, err := json.Marshal(tl); err != nil {
			t.Error(err)
		}
		if stale && !tl.Complete {
			t.Errorf("%+v", tl)
		}
	})
}
