package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/clawdbot/call-agent/call"
)

// errNoHead: what should be a timeline does not begin like one.
var errNoHead = errors.New("the timeline has no beginning")

// Parse reads a timeline as far as it is written, from the line after that one. A last
// line that is not whole is being written, or never will be: stale says that nobody
// writes any more. Whatever stands behind a line that is none is missing.
func Parse(text []byte, after int, stale bool) (call.Timeline, error) {
	first, rest, whole := bytes.Cut(text, []byte{'\n'})
	var h head
	if err := json.Unmarshal(first, &h); err != nil || !whole || h.StartedAt.IsZero() {
		return call.Timeline{}, errNoHead
	}
	t := call.Timeline{Attempt: h.Attempt, StartedAt: h.StartedAt, Lines: []call.Line{}}
	for !t.Complete {
		line, more, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole {
			break
		}
		rest = more
		if err := take(&t, line, after); err != nil {
			t.Complete, t.Cut = true, true
		}
	}
	if !t.Complete && stale {
		t.Complete, t.Cut = true, true
	}
	return t, nil
}

// take adds one line to a timeline. A reader that follows a conversation has had most of
// them, and those are not decoded again.
func take(t *call.Timeline, line []byte, after int) error {
	n, rest, ok := number(line, `{"n":`)
	atMS, _, timed := number(rest, `,"atMs":`)
	if !ok || !timed {
		return foots(t, line)
	}
	t.DurationMS = max(t.DurationMS, atMS)
	if n <= int64(after) {
		return nil
	}
	var l call.Line
	if err := json.Unmarshal(line, &l); err != nil {
		return fmt.Errorf("line %d: %w", n, err)
	}
	t.Lines = append(t.Lines, l)
	return nil
}

// foots takes the last line.
func foots(t *call.Timeline, line []byte) error {
	var f foot
	if err := json.Unmarshal(line, &f); err != nil || !f.Complete {
		return fmt.Errorf("the line after %d ms is none", t.DurationMS)
	}
	t.Complete, t.Cut, t.DurationMS = true, f.Cut, f.DurationMS
	return nil
}

// number reads the digits that follow a prefix.
func number(line []byte, prefix string) (n int64, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(line, []byte(prefix))
	digits := len(rest) - len(bytes.TrimLeft(rest, "0123456789"))
	n, err := strconv.ParseInt(string(rest[:digits]), 10, 64)
	return n, rest[digits:], ok && err == nil
}
