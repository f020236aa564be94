package archive

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Bounds of one timeline. A conversation of two hours with a turn every five seconds takes
// some 22,000 lines and 2 MB; past a bound the timeline ends, and says so ([call.Timeline].Cut).
const (
	MaxLines = 50_000
	MaxBytes = 8 << 20
	// spare is what is left for the last line.
	spare = 256
)

// head is a timeline's first line, foot its last; between them stand its [call.Line]s.
type head struct {
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"startedAt"`
}

type foot struct {
	Complete   bool  `json:"complete"`
	DurationMS int64 `json:"durationMs"`
	Cut        bool  `json:"cut,omitempty"`
}

// Text is a timeline as it is written, one JSON value a line. Not safe for concurrent use.
type Text struct {
	lines, size int // so far
	waiting     int // the most that may wait for Written
	cut, ended  bool
	buf         bytes.Buffer
	json        *json.Encoder // into buf
}

// NewText begins a timeline. At most waiting bytes of it are held for Written; 0 is all.
func NewText(attempt int, startedAt time.Time, waiting int) *Text {
	if waiting <= 0 {
		waiting = MaxBytes
	}
	t := &Text{waiting: waiting}
	t.json = json.NewEncoder(&t.buf)
	t.append(head{attempt, startedAt.UTC()})
	return t
}

// Add numbers lines, in their place, and appends them. At the first that is past a bound, or
// has no JSON form, the timeline is cut: nothing more of the conversation is appended.
func (t *Text) Add(lines []call.Line) {
	for i := range lines {
		if t.cut || t.ended {
			return
		}
		l := &lines[i]
		l.N = t.lines + 1
		if l.N > MaxLines || !t.append(l) {
			t.cut = true
			return
		}
		t.lines++
	}
}

// End appends the last line, once.
func (t *Text) End(end End) {
	if !t.ended {
		t.append(foot{true, end.DurationMS, t.cut || end.Cut})
		t.ended = true
	}
}

// append adds a line, false where there is no room for it; there is always room for the last.
func (t *Text) append(v any) bool {
	before := t.buf.Len()
	if err := t.json.Encode(v); err != nil {
		return false // of which nothing was written
	}
	size := t.size + t.buf.Len() - before
	if _, last := v.(foot); !last && (size > MaxBytes-spare || t.buf.Len() > t.waiting-spare) {
		t.buf.Truncate(before)
		return false
	}
	t.size = size
	return true
}

// Unwritten is what was appended since Written; valid until the next call of a method.
func (t *Text) Unwritten() []byte { return t.buf.Bytes() }

// Written lets go of what Unwritten returned.
func (t *Text) Written() { t.buf.Reset() }
