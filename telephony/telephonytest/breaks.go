package telephonytest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// Breaks says whether a provider breaks one part of the contract, and how. It is for
// tests of the suite itself: a part that nothing can break is no test.
func Breaks(t testing.TB, name string, open func(t testing.TB) Vendor) (fault string, broken bool) {
	t.Helper()
	for _, p := range parts {
		if p.name != name {
			continue
		}
		w := &witness{TB: t}
		done := make(chan struct{})
		go func() { // Fatal ends the goroutine it is called in
			defer close(done)
			defer func() {
				if cause := recover(); cause != nil {
					w.Errorf("panic: %v", cause)
				}
			}()
			p.run(newRig(w, open(w)))
		}()
		<-done
		w.end()
		return w.fault, w.broken
	}
	t.Fatalf("the suite has no part %q", name)
	return "", false
}

// witness is a testing.TB that keeps failures to itself.
type witness struct {
	testing.TB
	mu       sync.Mutex
	fault    string
	broken   bool
	cleanups []func()
}

// Errorf keeps the first failure.
func (w *witness) Errorf(format string, args ...any) { w.Error(fmt.Sprintf(format, args...)) }

// Error keeps the first failure.
func (w *witness) Error(args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.broken {
		w.fault, w.broken = fmt.Sprint(args...), true
	}
}

// Fatalf keeps the failure and ends the part.
func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	runtime.Goexit()
}

// Fatal keeps the failure and ends the part.
func (w *witness) Fatal(args ...any) {
	w.Error(args...)
	runtime.Goexit()
}

// Failed says whether there was a failure.
func (w *witness) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// Cleanup is done at the end of the part.
func (w *witness) Cleanup(do func()) { w.cleanups = append(w.cleanups, do) }

func (w *witness) end() {
	for i := len(w.cleanups) - 1; i >= 0; i-- {
		w.cleanups[i]()
	}
}
