package chaos

import (
	"sync"
	"time"
)

// strike kills a run at one effect of all that a scenario has, before it or after it.
type strike struct {
	at    int // counted from 1; 0 only counts
	after bool

	mu   sync.Mutex
	what []string // the effects so far
	done string   // the one at which it struck
}

// count is the number of the effect that is about to happen.
func (s *strike) count(what string) int {
	if s == nil || what == "" {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what = append(s.what, what)
	return len(s.what)
}

// hits says whether it strikes here.
func (s *strike) hits(n int, after bool) bool {
	if s == nil || n == 0 || n != s.at || after != s.after {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = s.what[n-1]
	return true
}

// restart is how long a process is gone, where it is one.
const restart = 2 * time.Second

// strikes kills the run, if it is struck here. A host's process is started again.
func (w *world) strikes(r *run, n int, after bool) {
	if !w.strike.hits(n, after) {
		return
	}
	r.dead.Store(true)
	if w.cloud != nil {
		return
	}
	w.people.Go(func() {
		w.kill()
		time.Sleep(restart)
		w.startProcess()
	})
}
