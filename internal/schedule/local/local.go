// Package local wakes calls in the process that serves them: the scheduler of one host.
//
// It owns when a call is attended to: at the time it was nudged for, and by the sweep at
// the start and every minute after. It owns all its goroutines, which end before Run
// returns. It never decides what is to be done for a call, and keeps nothing on disk: a
// nudge is lost with the process, and the sweep over the store's due index is the
// guarantee (architecture, "A call, end to end", 8).
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

const (
	// MaxPending bounds the calls that are nudged for at one time. A nudge for one more is
	// dropped, and Wake says so; the sweep finds its call.
	MaxPending = 10_000
	// width is how many calls are attended to at once.
	width = 8
	// longestNap bounds a wait, so that a clock which jumps, or runs fast, is noticed.
	longestNap = time.Second
)

// Errors of Wake and Run.
var (
	// ErrFull: MaxPending calls are nudged for already; this nudge was dropped.
	ErrFull = fmt.Errorf("nudge dropped: %d calls wait for theirs; the sweep will find this one", MaxPending)
	// ErrStopped: Run has been told to end; the next process's sweep finds the call.
	ErrStopped = errors.New("nudge dropped: the scheduler has stopped; the sweep after the next start will find the call")
	// ErrRunning: Run was called twice.
	ErrRunning = errors.New("this scheduler was run before; make a new one")
)

// Options of New.
type Options struct {
	// Now is the clock that the nudges' times are read on; nil means time.Now. It may be
	// offset from the wall clock.
	Now func() time.Time
	// Every is the time between two sweeps; 0 means call.SweepEvery.
	Every time.Duration
	// Log takes what attends and sweeps report; nil means slog.Default.
	Log *slog.Logger
}

// Scheduler is a call.Scheduler in process. Wake may be called concurrently, also before
// Run; Run is called once.
type Scheduler struct {
	attend func(context.Context, call.ID) error
	sweep  func(context.Context) error
	o      Options

	kick  chan struct{} // says that something below has changed; one waiting kick is enough
	tasks sync.WaitGroup

	mu       sync.Mutex
	nudges   agenda
	active   int // attends under way
	sweeping bool
	started  bool
	stopped  bool
}

var _ call.Scheduler = (*Scheduler)(nil)

// New makes a scheduler that does nothing until Run. Attend does what is due for one
// call, sweep does it for all; both must end soon after their context does.
func New(attend func(context.Context, call.ID) error, sweep func(context.Context) error, o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every <= 0 {
		o.Every = call.SweepEvery
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Scheduler{attend: attend, sweep: sweep, o: o, kick: make(chan struct{}, 1), nudges: newAgenda()}
}

// Wake asks for the call to be attended to at a time; one that is past means now. Of
// several times for one call the earliest is kept and, to follow it, the one asked for
// last: a call's due time is known anew with every change of it. The context is not used.
func (s *Scheduler) Wake(_ context.Context, id call.ID, _ int, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if !s.nudges.add(id, at) {
		return ErrFull
	}
	s.stir()
	return nil
}

// stir makes Run look again.
func (s *Scheduler) stir() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run sweeps at once and then regularly, and attends to calls as their nudges come due,
// until ctx is done. It returns nil once every attend and sweep it started has ended.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	again := s.started
	s.started = true
	s.mu.Unlock()
	if again {
		return ErrRunning
	}
	defer s.tasks.Wait()
	defer s.stop()
	ticker := time.NewTicker(s.o.Every)
	defer ticker.Stop()
	nap := time.NewTimer(0)
	defer nap.Stop()
	s.startSweep(ctx)
	for {
		nap.Reset(s.startDue(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.startSweep(ctx)
		case <-s.kick:
		case <-nap.C:
		}
	}
}

func (s *Scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// startSweep starts a sweep unless the last one is still under way: two at once would
// only be in each other's way.
func (s *Scheduler) startSweep(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sweeping || ctx.Err() != nil {
		return
	}
	s.sweeping = true
	s.tasks.Go(func() {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.ErrorContext(ctx, "sweep failed; the next one tries again", "error", err)
		}
		s.mu.Lock()
		s.sweeping = false
		s.mu.Unlock()
	})
}

// startDue starts what is due, as far as the width allows, and says how long nothing
// more can be.
func (s *Scheduler) startDue(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active < width && ctx.Err() == nil {
		at, ok := s.nudges.next()
		if !ok {
			return longestNap
		}
		if wait := at.Sub(s.o.Now()); wait > 0 {
			return min(wait, longestNap)
		}
		id := s.nudges.take()
		s.active++
		s.tasks.Go(func() { s.run(ctx, id) })
	}
	return longestNap // an attend that ends stirs
}

func (s *Scheduler) run(ctx context.Context, id call.ID) {
	if err := s.attend(ctx, id); err != nil && ctx.Err() == nil {
		s.o.Log.ErrorContext(ctx, "cannot attend to a call; the sweep tries again", "call_id", id, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.nudges.done(id)
	s.stir()
}
