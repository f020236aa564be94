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
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/archive/folder"
	"github.com/clawdbot/call-agent/internal/httpapi"
	schedule "github.com/clawdbot/call-agent/internal/schedule/local"
	store "github.com/clawdbot/call-agent/internal/store/local"
)

// What stands in the data folder: the call store, and beside it what is kept of calls
// outside their records.
const (
	storeFile  = "calls.db"
	keptFolder = "kept"
)

// Options are what a Host needs.
type Options struct {
	// Dir is the data folder; it is created.
	Dir string
	// Now is the clock of everything but the audio; nil is the wall clock.
	Now func() time.Time
	Log *slog.Logger
	// Meter counts streams, Counters refused webhooks, for all configurations; both may be nil.
	Meter    stream.Meter
	Counters *httpapi.Counters
	// Hold is the streams' (stream.Options.Hold); nil: nobody closes the host beneath a call.
	Hold func() (release func())
	// WrapStore replaces the store the service sees; tests inject faults with it. May be nil.
	WrapStore func(call.Store) call.Store
}

// Host is the store, the scheduler and the live calls of one data folder. Open
// starts it; Close ends everything it started and waits.
type Host struct {
	options  Options
	store    *store.Store
	kept     *folder.Folder
	seen     call.Store
	schedule *schedule.Scheduler
	sessions *stream.Sessions
	// keptSweptAt is the sweep's own: when it last looked for what was kept long enough.
	keptSweptAt time.Time
	// recordsSweptAt is when old records were last deleted; the scheduler alone touches it.
	recordsSweptAt time.Time
	// draining: no new call is taken and none is dialled.
	draining atomic.Bool

	mu sync.Mutex
	// active are the running configurations, the newest last: it attends to due calls.
	// During a reload there are two, and the new one may yet be rolled back.
	active []*App

	ctx    context.Context //nolint:containedctx // a host is the owner of its scheduler's lifetime
	cancel context.CancelCauseFunc
	start  sync.Once
	done   chan error // the scheduler's end; nil before Activate
	close  sync.Once
	closed error
}

// errHostClosed is the cause with which everything a Host started is ended.
var errHostClosed = errors.New("the call agent's host is closed")

// Open opens the store. Nothing runs before Activate.
func Open(o Options) (*Host, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := store.Open(filepath.Join(o.Dir, storeFile), store.Options{})
	if err != nil {
		return nil, err
	}
	kept, err := folder.Open(filepath.Join(o.Dir, keptFolder))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	h := &Host{options: o, store: s, kept: kept, sessions: stream.NewSessions()}
	var seen call.Store = s
	if o.WrapStore != nil {
		seen = o.WrapStore(s)
	}
	h.seen = gate{Store: seen, draining: &h.draining}
	h.schedule = schedule.New(h.attend, h.sweep, schedule.Options{Now: o.Now, Log: o.Log})
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	return h, nil
}

// current is the newest configuration; nil while none runs, when what is due waits in
// the store.
func (h *Host) current() *App {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.active) == 0 || h.draining.Load() {
		return nil
	}
	return h.active[len(h.active)-1]
}

func (h *Host) attend(ctx context.Context, id call.ID) error {
	if a := h.current(); a != nil {
		return a.Service.Attend(ctx, id)
	}
	return nil
}

// Activate makes a configuration the one that due calls are attended with, until it is
// deactivated or a newer one is activated. The first one starts the scheduler, which
// sweeps at once: what fell due while nobody was there is settled now.
func (h *Host) Activate(a *App) {
	h.mu.Lock()
	h.active = append(h.active, a)
	h.mu.Unlock()
	h.start.Do(func() {
		h.done = make(chan error, 1)
		go func() { h.done <- h.schedule.Run(h.ctx) }() // Close waits for it
	})
}

// Deactivate takes a configuration back. The newest that is left attends to due calls:
// after a reload the new one, after a failed reload the old one. Who listens to calls is
// sent to that one.
func (h *Host) Deactivate(a *App) {
	a.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active = slices.DeleteFunc(h.active, func(x *App) bool { return x == a })
}

// Drain takes and dials no call any more, refuses new streams, lets live calls end
// within limit, then asks those that remain to say goodbye, and returns when none is
// left or ctx ends. What falls due meanwhile waits for the next process.
func (h *Host) Drain(ctx context.Context, limit time.Duration) {
	h.draining.Store(true)
	h.sessions.Drain(ctx, limit)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.active { // they heard the calls end; a server that stops waits for its requests
		a.end()
	}
}

// Destruct is Close, under the name that Caddy's pool of shared resources asks for.
func (h *Host) Destruct() error { return h.Close() }

// Close ends live calls, the scheduler and the store, in this order, and waits. Closing
// twice is nothing.
func (h *Host) Close() error {
	h.close.Do(func() { h.closed = h.end() })
	return h.closed
}

func (h *Host) end() error {
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
	return errors.Join(err, h.kept.Close())
}
