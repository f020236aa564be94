package lambdalocal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// spec is a function as the template has it.
type spec struct {
	// name is the function's (stack-voice), folder where its binary is (voice).
	name, folder string
	timeout      time.Duration
	memory       string
	environment  map[string]string
	retries      int // of events nobody waits for
	stream       *streamSpec
}

// function is a function and its instances. An instance carries out one event at a time;
// a free one is used again, the last one first.
type function struct {
	runner *Runner
	spec   spec
	ended  sync.WaitGroup

	mu     sync.Mutex
	free   []*instance
	all    map[*instance]struct{}
	closed bool
	// letters are the events nobody waited for, and that failed for good.
	letters int
}

func newFunction(r *Runner, s spec) *function {
	return &function{runner: r, spec: s, all: map[*instance]struct{}{}}
}

func (f *function) binary() string { return filepath.Join(f.runner.o.Dist, f.spec.folder, "bootstrap") }

// ErrThrottled means that every instance that the function may have is at work.
var ErrThrottled = errors.New("throttled: all instances of the function are at work")

// FunctionError is an invocation that the function answered with an error, or not at all.
type FunctionError struct {
	// Crashed: the process ended; TimedOut: it was ended, since its time was over.
	Crashed, TimedOut bool
	// Payload is the function's own error document; may be empty.
	Payload []byte
}

// Error says which.
func (e *FunctionError) Error() string {
	switch {
	case e.TimedOut:
		return "the function's time was over"
	case e.Crashed:
		return "the function's process ended before it answered"
	}
	return "the function answered with an error: " + string(e.Payload)
}

func (f *function) invoke(ctx context.Context, event []byte) ([]byte, error) {
	i, err := f.take()
	if err != nil {
		return nil, err
	}
	out, err := i.carry(ctx, event)
	if errors.Is(err, errEnded) && i.used { // it ended after its last event: not this one's fault
		f.drop(i)
		return f.invoke(ctx, event)
	}
	var failed *FunctionError
	if err == nil || errors.As(err, &failed) && !failed.Crashed && !failed.TimedOut {
		f.giveBack(i)
		return out, err
	}
	i.kill()
	f.drop(i)
	return nil, err
}

// later carries an event that nobody waits for, with the repeats that the template allows.
func (f *function) later(ctx context.Context, event []byte) {
	for try := 0; ; try++ {
		_, err := f.invoke(ctx, event)
		if err == nil || ctx.Err() != nil {
			return
		}
		f.runner.o.Log.WarnContext(ctx, "event failed", "function", f.spec.name, "try", try+1, "error", err)
		if try >= f.spec.retries {
			break
		}
	}
	f.mu.Lock()
	f.letters++
	f.mu.Unlock()
}

func (f *function) take() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.free) > 0 {
		i := f.free[len(f.free)-1]
		f.free = f.free[:len(f.free)-1]
		if i.alive() {
			return i, nil
		}
		delete(f.all, i)
	}
	switch {
	case f.closed || f.runner.ctx.Err() != nil:
		return nil, errors.New("the runner is closed")
	case len(f.all) >= f.runner.o.Concurrency:
		return nil, ErrThrottled
	}
	i, err := f.launch()
	if err != nil {
		return nil, fmt.Errorf("start an instance of %s (make lambdas builds them): %w", f.spec.name, err)
	}
	f.all[i] = struct{}{}
	return i, nil
}

func (f *function) giveBack(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i.used = true
	f.free = append(f.free, i)
}

func (f *function) drop(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, i)
}

func (f *function) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = f.runner.ctx.Err() != nil
	for i := range f.all {
		i.kill()
	}
	f.free = nil
	clear(f.all)
}

func (f *function) wait() { f.ended.Wait() }
