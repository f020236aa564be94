//go:build !race

// Two hours of a session are long under the race detector; what runs in it side by side is
// tested with it on shorter ones.

package stream

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/folder"
	"github.com/clawdbot/call-agent/media"
)

// counted is a keeper whose recordings are only counted.
type counted struct {
	archive.Keeper
	sound int
}

type countedEntry struct {
	archive.Entry
	of *counted
}

func (c *counted) Begin(ctx context.Context, id call.ID, attempt int, at time.Time, what archive.What) (archive.Entry, error) {
	e, err := c.Keeper.Begin(ctx, id, attempt, at, archive.What{Timeline: what.Timeline})
	return countedEntry{e, c}, err
}

func (e countedEntry) Record(stereo []byte) error { e.of.sound += len(stereo); return nil }

// TestTwoHoursAreKept with a turn every five seconds, in bounded memory and space.
func TestTwoHoursAreKept(t *testing.T) {
	const length = 2 * time.Hour
	dir := t.TempDir()
	kept, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	to := &counted{Keeper: kept}
	var heap int64
	var id call.ID
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		id = w.token.CallID
		w.h.o.Keep.To = to
		p := newTalker()
		s, err := media.New(media.Config{
			Instructions: "Talk.", Disclosure: "Hello, this is an AI assistant.", MaxLength: 3 * time.Hour, TranscriptionModel: "x", Tape: w.hears(),
		}, p, p, nil, media.ObserverFunc(w.observe))
		if err != nil {
			t.Fatal(err)
		}
		outcome := make(chan media.Outcome)
		go func() { outcome <- *s.Run(t.Context()) }()
		time.Sleep(10 * time.Second)
		before := heapNow()
		for n := range int(length/(5*time.Second)) - 2 {
			p.turn(n)
			time.Sleep(4 * time.Second)
			if n%100 == 0 {
				heap = max(heap, heapNow()-before)
			}
		}
		s.HangUp(media.EndHostLost)
		out := <-outcome
		w.close(out)
		if d := out.EndedAt.Sub(out.StartedAt); to.sound != int(d.Milliseconds())*archive.BytesPerMS || d < length-10*time.Second {
			t.Errorf("%d bytes were recorded of %v", to.sound, d)
		}
		if log := w.world.Log.String(); strings.Contains(log, "not kept") || strings.Contains(log, "not in what is kept") {
			t.Error(log)
		}
	})
	tl, size := wholeTimeline(t, kept, dir, id, length)
	if heap > 4<<20 {
		t.Errorf("the heap grew by %d bytes", heap)
	}
	t.Logf("%d lines, %d bytes; the heap grew by %d bytes at most", len(tl.Lines), size, heap)
}

// wholeTimeline is what was kept of a conversation with a turn every five seconds: all of it,
// far from the bounds.
func wholeTimeline(t *testing.T, kept *folder.Folder, dir string, id call.ID, length time.Duration) (tl call.Timeline, size int64) {
	t.Helper()
	tl, err := kept.Timeline(t.Context(), id, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	levels, kinds := counts(t, tl)
	info, err := os.Stat(filepath.Join(dir, string(id), "1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !tl.Complete || tl.Cut || levels != int(tl.DurationMS/100) {
		t.Errorf("complete %v, cut %v, %d values of loudness in %d ms", tl.Complete, tl.Cut, levels, tl.DurationMS)
	}
	if turns := int(length/(5*time.Second)) - 2; kinds["agent_started"] < turns || kinds["agent_stopped"] != kinds["agent_started"] || kinds["transcript"] < 2*turns {
		t.Errorf("%v in %d turns", kinds, turns)
	}
	if info.Size() > archive.MaxBytes/2 || len(tl.Lines) > archive.MaxLines/2 {
		t.Errorf("%d lines, %d bytes: not far from the bounds", len(tl.Lines), info.Size())
	}
	return tl, info.Size()
}

// counts are how many values of loudness a timeline has, without a gap, and lines by kind.
func counts(t *testing.T, tl call.Timeline) (levels int, kinds map[string]int) {
	t.Helper()
	kinds = map[string]int{}
	for i, l := range tl.Lines {
		if l.N != i+1 {
			t.Fatalf("line %d is numbered %d", i+1, l.N)
		}
		if kinds[l.Kind]++; l.Kind == call.LineLevels {
			if int(l.AtMS) != levels*100 || len(l.Callee) != len(l.Agent) {
				t.Fatalf("loudness of %d and %d values from %d ms on, after %d values", len(l.Callee), len(l.Agent), l.AtMS, levels)
			}
			levels += len(l.Callee)
		}
	}
	return levels, kinds
}

// heapNow is what is alive.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
