// Package local composes the call agent for one host: bbolt store, local scheduler,
// all handlers in one process. It decides nothing; it joins what the configuration
// asks for. Host owns what outlives a configuration (store, scheduler, live calls),
// App is one configuration over it.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	schedule "github.com/clawdbot/call-agent/internal/schedule/local"
	store "github.com/clawdbot/call-agent/internal/store/local"
)

// storeFile is the call store's name in the data folder.
const storeFile = "calls.db"

// Options are what a Host needs.
type Options struct {
	// Dir is the data folder; it is created.
	Dir string
	// Now is the clock of everything but the audio; nil is the wall clock.
	Now func() time.Time
	Log *slog.Logger
	// WrapStore replaces the store the service sees; tests inject faults with it. May be nil.
	WrapStore func(call.Store) call.Store
}

// Host is the store, the scheduler and the live calls of one data folder. Open
// starts it; Close ends everything it started and waits.
type Host struct {
	options  Options
	store    *store.Store
	seen     call.Store
	schedule *schedule.Scheduler
	sessions *stream.Sessions
	// current is the service of the newest configuration: it attends to due calls.
	current atomic.Pointer[call.Service]

	ctx    context.Context //nolint:containedctx // a host is the owner of its scheduler's lifetime
	cancel context.CancelCauseFunc
	start  sync.Once
	done   chan error // the scheduler's end; nil before Activate
}

// errHostClosed is the cause with which everything a Host started is ended.
var errHostClosed = errors.New("the call agent's host is closed")

// errNotActive: no configuration has been activated yet, so nothing can be attended to.
var errNotActive = errors.New("no configuration is active yet")

// Open opens the store. Nothing runs before Activate.
func Open(o Options) (*Host, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := store.Open(filepath.Join(o.Dir, storeFile), store.Options{})
	if err != nil {
		return nil, err
	}
	h := &Host{options: o, store: s, seen: s, sessions: stream.NewSessions()}
	if o.WrapStore != nil {
		h.seen = o.WrapStore(s)
	}
	h.schedule = schedule.New(h.attend, h.sweep, schedule.Options{Now: o.Now, Log: o.Log})
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	return h, nil
}

func (h *Host) attend(ctx context.Context, id call.ID) error {
	if s := h.current.Load(); s != nil {
		return s.Attend(ctx, id)
	}
	return errNotActive
}

func (h *Host) sweep(ctx context.Context) error {
	if s := h.current.Load(); s != nil {
		return s.Sweep(ctx)
	}
	return nil
}

// Activate makes a configuration the one that due calls are attended with. The first
// one starts the scheduler, which sweeps at once: what fell due while nobody was there
// is settled now.
func (h *Host) Activate(a *App) {
	h.current.Store(a.Service)
	h.start.Do(func() {
		h.done = make(chan error, 1)
		go func() { h.done <- h.schedule.Run(h.ctx) }() // Close waits for it
	})
}

// Drain refuses new streams, lets live calls end within limit, then asks those that
// remain to say goodbye, and returns when none is left or ctx ends.
func (h *Host) Drain(ctx context.Context, limit time.Duration) { h.sessions.Drain(ctx, limit) }

// Destruct is Close, under the name that Caddy's pool of shared resources asks for.
func (h *Host) Destruct() error { return h.Close() }

// Close ends live calls, the scheduler and the store, in this order, and waits.
func (h *Host) Close() error {
	h.sessions.Close()
	h.cancel(errHostClosed)
	var err error
	h.start.Do(func() {}) // from here on it cannot be started
	if h.done != nil {
		err = <-h.done
	}
	if cerr := h.store.Close(); cerr != nil {
		err = errors.Join(err, fmt.Errorf("close the call store: %w", cerr))
	}
	return err
}
