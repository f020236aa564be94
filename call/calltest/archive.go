package calltest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Archive keeps timelines and recordings in memory. The zero value is empty, and ready.
type Archive struct {
	mu         sync.Mutex
	timelines  map[kept]call.Timeline
	recordings map[kept][]byte
	fail       func(op string, id call.ID) error
}

// kept is one attempt of one call.
type kept struct {
	id      call.ID
	attempt int
}

// FailWith is asked before every operation ("timeline", "recording", "delete"); the error
// it returns is the operation's. Nil: nothing fails.
func (a *Archive) FailWith(f func(op string, id call.ID) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail = f
}

// Say adds lines to an attempt's timeline, and numbers them.
func (a *Archive) Say(id call.ID, attempt int, started time.Time, lines ...call.Line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timelines == nil {
		a.timelines = map[kept]call.Timeline{}
	}
	t := a.timelines[kept{id, attempt}]
	t.Attempt, t.StartedAt = attempt, started
	for _, l := range lines {
		l.N = len(t.Lines) + 1
		t.Lines = append(slices.Clone(t.Lines), l)
		t.DurationMS = max(t.DurationMS, l.AtMS)
	}
	a.timelines[kept{id, attempt}] = t
}

// Complete says that an attempt's timeline has all its lines.
func (a *Archive) Complete(id call.ID, attempt int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.timelines[kept{id, attempt}]
	t.Complete = true
	a.timelines[kept{id, attempt}] = t
}

// Record keeps an attempt's recording.
func (a *Archive) Record(id call.ID, attempt int, wav []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recordings == nil {
		a.recordings = map[kept][]byte{}
	}
	a.recordings[kept{id, attempt}] = wav
}

func (a *Archive) ask(ctx context.Context, op string, id call.ID) error {
	if err := ctx.Err(); err != nil || a.fail == nil {
		return err
	}
	return a.fail(op, id)
}

// Timeline implements [call.Archive].
func (a *Archive) Timeline(ctx context.Context, id call.ID, attempt, after int) (call.Timeline, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ask(ctx, "timeline", id); err != nil {
		return call.Timeline{}, err
	}
	t, ok := a.timelines[kept{id, attempt}]
	if !ok {
		return call.Timeline{}, call.ErrNotFound
	}
	t.Lines = slices.Clone(t.Lines[min(max(after, 0), len(t.Lines)):])
	return t, nil
}

// Recording implements [call.Archive].
func (a *Archive) Recording(ctx context.Context, id call.ID, attempt int) (call.Recording, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ask(ctx, "recording", id); err != nil {
		return call.Recording{}, err
	}
	wav, ok := a.recordings[kept{id, attempt}]
	if !ok {
		return call.Recording{}, call.ErrNotFound
	}
	return call.Recording{ReaderAt: bytes.NewReader(wav), Closer: nothing{}, Size: int64(len(wav))}, nil
}

type nothing struct{}

func (nothing) Close() error { return nil }

// Delete implements [call.Archive].
func (a *Archive) Delete(ctx context.Context, id call.ID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ask(ctx, "delete", id); err != nil {
		return err
	}
	for k := range a.timelines {
		if k.id == id {
			delete(a.timelines, k)
		}
	}
	for k := range a.recordings {
		if k.id == id {
			delete(a.recordings, k)
		}
	}
	return nil
}
