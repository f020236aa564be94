// Package archivetest is the one contract suite of what is kept outside the records: every
// implementation passes it.
package archivetest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// World is an implementation, empty, that shows at once what is appended.
type World struct {
	call.Archive
	archive.Keeper
}

// Run holds an implementation against the contract.
func Run(t *testing.T, open func(t *testing.T) World) {
	for _, c := range []struct {
		name string
		test func(*check)
	}{
		{"a timeline is read while it is written", (*check).live},
		{"a reader goes on after the line it knows", (*check).after},
		{"words survive byte for byte", (*check).words},
		{"a timeline has its bound, and says that it is cut", (*check).bound},
		{"a recording is shown when it is complete", (*check).recording},
		{"a recording that is not whole is never shown", (*check).notWhole},
		{"only what is wanted is kept", (*check).parts},
		{"each attempt is kept by itself", (*check).attempts},
		{"what is deleted is gone at once", (*check).deleted},
		{"what is abandoned is gone", (*check).abandoned},
		{"a name that is no call's is nothing kept", (*check).names},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&check{T: t, World: open(t)}) })
	}
}

type check struct {
	*testing.T
	World
}

// began is when the suite's conversations do.
var began = time.Date(2026, 3, 2, 17, 0, 0, 125e6, time.UTC)

const id = call.ID("Cq3-_x9ZkLmN0pQr")

func (c *check) begin(attempt int, recording bool) archive.Entry {
	c.Helper()
	e, err := c.Begin(c.Context(), id, attempt, began, archive.What{Timeline: true, Recording: recording})
	if err != nil {
		c.Fatal(err)
	}
	return e
}

func (c *check) append(e archive.Entry, lines ...call.Line) {
	c.Helper()
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Callee, lines[i].Agent = slices.Clone(lines[i].Callee), slices.Clone(lines[i].Agent)
	}
	if err := e.Append(c.Context(), lines); err != nil {
		c.Fatal(err)
	}
	for i := range lines { // as their owner may from now on
		for n := range lines[i].Callee {
			lines[i].Callee[n], lines[i].Agent[n] = -1, -1
		}
		lines[i] = call.Line{Kind: "another's"}
	}
}

func (c *check) complete(e archive.Entry, ms int64, whole bool) {
	c.Helper()
	if err := e.Complete(c.Context(), archive.End{DurationMS: ms, Recorded: whole}); err != nil {
		c.Fatal(err)
	}
}

func (c *check) read(attempt, after int) call.Timeline {
	c.Helper()
	t, err := c.Timeline(c.Context(), id, attempt, after)
	if err != nil {
		c.Fatal(err)
	}
	return t
}

func (c *check) nothing(id call.ID, attempt int) {
	c.Helper()
	if t, err := c.Timeline(c.Context(), id, attempt, 0); !errors.Is(err, call.ErrNotFound) {
		c.Errorf("a timeline of %q, %d: %+v, %v", id, attempt, t, err)
	}
	r, err := c.Recording(c.Context(), id, attempt)
	if !errors.Is(err, call.ErrNotFound) {
		c.Errorf("a recording of %q, %d: %v", id, attempt, err)
	}
	if err == nil {
		_ = r.Close() // an error is reported already
	}
}

func numbered(from int, lines ...call.Line) []call.Line {
	for i := range lines {
		lines[i].N = from + i
	}
	return lines
}

func (c *check) same(got, want []call.Line) {
	c.Helper()
	if !reflect.DeepEqual(got, want) {
		c.Errorf("lines\n%+v\nwant\n%+v", got, want)
	}
}

func (c *check) live() {
	e := c.begin(1, false)
	if t := c.read(1, 0); t.Attempt != 1 || !t.StartedAt.Equal(began) || t.Complete || t.Cut || t.DurationMS != 0 || len(t.Lines) != 0 {
		c.Errorf("before its first line: %+v", t)
	}
	first := []call.Line{{Kind: "started"}, {AtMS: 900, Kind: call.LineLevels, Callee: []int{0, 7, 100}, Agent: []int{0, 0, 1}}}
	c.append(e, first...)
	t := c.read(1, 0)
	c.same(t.Lines, numbered(1, first...))
	if t.Complete || t.DurationMS != 900 {
		c.Errorf("as far as it has come: %+v", t)
	}
	c.append(e, call.Line{AtMS: 1200, Kind: "tool_called", Name: "calendar_find_slots", Item: "call_1", Data: json.RawMessage(`{"a":[1,2]}`)})
	c.complete(e, 4321, false)
	t = c.read(1, 0)
	if len(t.Lines) != 3 || !t.Complete || t.Cut || t.DurationMS != 4321 || t.Lines[2].N != 3 || string(t.Lines[2].Data) != `{"a":[1,2]}` {
		c.Errorf("when it is complete: %+v", t)
	}
}

func (c *check) after() {
	e := c.begin(1, false)
	for i := range 20 {
		c.append(e, call.Line{AtMS: int64(i) * 100, Kind: "mark", Item: "item", MS: i})
	}
	for _, after := range []int{0, 1, 19, 20, 21} {
		t := c.read(1, after)
		if want := max(0, 20-after); len(t.Lines) != want || want > 0 && t.Lines[0].N != after+1 || t.DurationMS != 1900 {
			c.Errorf("after %d: %+v", after, t)
		}
	}
	c.complete(e, 2000, false)
	if t := c.read(1, 20); !t.Complete || len(t.Lines) != 0 {
		c.Errorf("the end is told to who has every line: %+v", t)
	}
}

// nasty is what somebody may say, or have the model write down.
var nasty = []string{
	`<script>alert("1")</script> & <b>&amp;</b>`, "שלום, אני רוצה תור ליום ג׳", "\u202Eevil\u202C \u2066x\u2069", "line\nbreak\r\n\ttab \\ \" \x00 \x1b[31m",
	"{\"complete\":true,\"durationMs\":1}\n", "👩‍⚕️ é é \u2028\u2029 \uFEFF", strings.Repeat("ü", 4000),
}

func (c *check) words() {
	e := c.begin(1, false)
	var lines []call.Line
	for _, text := range nasty {
		lines = append(lines, call.Line{AtMS: 1, Kind: "transcript", Speaker: "callee", Item: text, Name: text, Text: text})
	}
	c.append(e, lines...)
	c.same(c.read(1, 0).Lines, numbered(1, lines...))
	c.complete(e, 1, false)
	t := c.read(1, 0)
	c.same(t.Lines, numbered(1, lines...))
	if !t.Complete || t.Cut {
		c.Errorf("%+v", t)
	}
}

func (c *check) bound() {
	e := c.begin(1, false)
	line := call.Line{Kind: "transcript", Text: strings.Repeat("x", 1<<20-500)}
	for range archive.MaxBytes/len(line.Text) + 10 {
		c.append(e, line)
	}
	c.append(e, call.Line{Kind: "ended"})
	c.complete(e, 10, false)
	t := c.read(1, 0)
	last := t.Lines[len(t.Lines)-1]
	if !t.Complete || !t.Cut || t.DurationMS != 10 || last.Kind != "transcript" || last.N != len(t.Lines) || len(t.Lines) > archive.MaxBytes/len(line.Text) {
		c.Errorf("%d lines, complete %v, cut %v, the last %d %s", len(t.Lines), t.Complete, t.Cut, last.N, last.Kind)
	}
}

func (c *check) recording() {
	e := c.begin(1, true)
	sound := make([]byte, 3*archive.SampleRate*archive.Channels+2)
	for i := range sound {
		sound[i] = byte(i * 7)
	}
	for at := 0; at < len(sound); at += 1000 {
		if err := e.Record(sound[at:min(at+1000, len(sound))]); err != nil {
			c.Fatal(err)
		}
	}
	c.append(e)
	if _, err := c.Recording(c.Context(), id, 1); !errors.Is(err, call.ErrNotFound) {
		c.Errorf("before it is complete: %v", err)
	}
	c.complete(e, 3000, true)
	r, err := c.Recording(c.Context(), id, 1)
	if err != nil {
		c.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size))
	if err != nil || int64(len(all)) != r.Size || r.Size != int64(archive.HeaderSize+len(sound)) {
		c.Fatalf("%d bytes of %d, %v", len(all), r.Size, err)
	}
	if string(all[archive.HeaderSize:]) != string(sound) || string(all[:4])+string(all[8:12]) != "RIFFWAVE" {
		c.Error("it is not what was recorded")
	}
	if n := binary.LittleEndian.Uint32(all[archive.HeaderSize-4:]); int(n) != len(sound) {
		c.Errorf("its header says %d bytes", n)
	}
	part := make([]byte, 100)
	if n, err := r.ReadAt(part, r.Size-40); n != 40 || !errors.Is(err, io.EOF) || string(part[:40]) != string(all[len(all)-40:]) {
		c.Errorf("over its end: %d, %v", n, err)
	}
	if n, err := r.ReadAt(part, 1234); n != 100 || err != nil || string(part) != string(all[1234:1334]) {
		c.Errorf("in its middle: %d, %v", n, err)
	}
	if n, err := r.ReadAt(part, r.Size); n != 0 || !errors.Is(err, io.EOF) {
		c.Errorf("behind its end: %d, %v", n, err)
	}
}

func (c *check) notWhole() {
	e := c.begin(1, true)
	if err := e.Record([]byte("ab")); err != nil {
		c.Fatal(err)
	}
	c.append(e, call.Line{Kind: "started"})
	c.complete(e, 1, false)
	if _, err := c.Recording(c.Context(), id, 1); !errors.Is(err, call.ErrNotFound) {
		c.Errorf("%v", err)
	}
	if t := c.read(1, 0); !t.Complete || len(t.Lines) != 1 {
		c.Errorf("its timeline is: %+v", t)
	}
}

func (c *check) attempts() {
	for n := 1; n <= 3; n++ {
		e := c.begin(n, false)
		c.append(e, call.Line{Kind: "started", Name: fmt.Sprint(n)})
		c.complete(e, int64(n), false)
	}
	for n := 1; n <= 3; n++ {
		if t := c.read(n, 0); t.Attempt != n || t.DurationMS != int64(n) || t.Lines[0].Name != fmt.Sprint(n) {
			c.Errorf("%d: %+v", n, t)
		}
	}
	c.nothing(id, 4)
}

func (c *check) deleted() {
	for n := 1; n <= 2; n++ {
		e := c.begin(n, true)
		if err := e.Record(make([]byte, 160)); err != nil {
			c.Fatal(err)
		}
		c.complete(e, 10, true)
	}
	other, err := c.Begin(c.Context(), id+"x", 1, began, archive.What{Timeline: true}) // whose name begins with ours
	if err != nil {
		c.Fatal(err)
	}
	for range 2 { // the second time there is nothing
		if err := c.Delete(c.Context(), id); err != nil {
			c.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			c.nothing(id, n)
		}
	}
	if err := other.Complete(c.Context(), archive.End{DurationMS: 1}); err != nil {
		c.Fatal(err)
	}
	if t, err := c.Timeline(c.Context(), id+"x", 1, 0); err != nil || !t.Complete {
		c.Errorf("another call's: %+v, %v", t, err)
	}
}

func (c *check) abandoned() {
	e := c.begin(1, true)
	c.append(e, call.Line{Kind: "started"})
	if err := e.Abandon(c.Context()); err != nil {
		c.Fatal(err)
	}
	c.nothing(id, 1)
	other := c.begin(2, false)
	e = c.begin(3, true)
	c.complete(e, 10, true)
	c.complete(other, 10, false)
	if err := e.Abandon(c.Context()); err != nil {
		c.Fatal(err)
	}
	c.nothing(id, 3)
	if t := c.read(2, 0); !t.Complete {
		c.Errorf("another attempt's: %+v", t)
	}
}

func (c *check) parts() {
	for _, what := range []archive.What{{Recording: true}, {}} {
		e, err := c.Begin(c.Context(), id, 1, began, what)
		if err != nil {
			c.Fatal(err)
		}
		c.append(e, call.Line{Kind: "started"})
		if err := e.Record(make([]byte, 160)); err != nil {
			c.Fatal(err)
		}
		c.complete(e, 10, true)
		if t, err := c.Timeline(c.Context(), id, 1, 0); !errors.Is(err, call.ErrNotFound) {
			c.Errorf("%+v: a timeline %+v, %v", what, t, err)
		}
		r, err := c.Recording(c.Context(), id, 1)
		if what.Recording != (err == nil) {
			c.Errorf("%+v: a recording %v", what, err)
		}
		if err == nil {
			_ = r.Close() // it was only looked for
		}
		if err := c.Delete(c.Context(), id); err != nil {
			c.Fatal(err)
		}
	}
}

func (c *check) names() {
	for _, id := range []call.ID{"", ".", "..", "../x", "a/b", "/etc", "a\x00b", "a b", "é", call.ID(strings.Repeat("a", 65))} {
		c.nothing(id, 1)
		if err := c.Delete(c.Context(), id); err != nil {
			c.Errorf("delete %q: %v", id, err)
		}
		if _, err := c.Begin(context.Background(), id, 1, began, archive.What{Timeline: true, Recording: true}); err == nil {
			c.Errorf("something is kept of %q", id)
		}
	}
	c.nothing(id, 0)
	c.nothing(id, -1)
}
