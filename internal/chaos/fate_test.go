package chaos

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// fate decides everything that is not the program's to decide.
type fate interface {
	// of says whether what goes wrong in so many cases of a hundred does.
	of(percent int) bool
	// upTo is some time below d.
	upTo(d time.Duration) time.Duration
	// pick is one of n, below n.
	pick(n int) int
	// dial is what comes of asking for a line.
	dial() dialling
	// ring is what comes of ringing: Busy, NoAnswer, Failed or InProgress, which is answered;
	// by a machine, perhaps, as is found out later.
	ring(attempt int) (s call.Status, machine bool)
	// reports is how often a callback comes.
	reports() int
	// talk is how the callee ends a conversation; booked where they want an appointment.
	talk() call.EndReason
	// cancel says whether and how long after placing it the owner wants the call stopped.
	cancel() (after time.Duration, wanted bool)
}

// dialling is what comes of a request to dial.
type dialling int

const (
	taken     dialling = iota
	takenLost          // taken, and the answer is lost
	lost
	refused
	unreached
)

// chance is the only source of luck.
type chance struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (c *chance) of(percent int) bool { return c.pick(100) < percent }

func (c *chance) upTo(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d)))
}

func (c *chance) pick(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

func (c *chance) dial() dialling {
	switch luck := c.pick(100); {
	case luck < 4:
		return refused
	case luck < 7:
		return unreached
	case luck < 11:
		return lost
	case luck < 18:
		return takenLost
	}
	return taken
}

func (c *chance) ring(int) (call.Status, bool) {
	switch luck := c.pick(100); {
	case luck < 15:
		return call.Busy, false
	case luck < 28:
		return call.NoAnswer, false
	case luck < 33:
		return call.Failed, false
	}
	return call.InProgress, c.of(10)
}

func (c *chance) reports() int { return []int{0, 1, 1, 1, 1, 1, 1, 2, 2, 2}[c.pick(10)] }

func (c *chance) talk() call.EndReason {
	switch luck := c.pick(100); {
	case luck < 10:
		return call.EndCalleeHangup
	case luck < 20:
		return call.EndRefused
	case luck < 25:
		return call.EndModelLost
	}
	return call.EndBooked
}

func (c *chance) cancel() (time.Duration, bool) {
	if c.of(12) {
		return c.upTo(3 * time.Minute), true
	}
	return 0, false
}

// script is a fate in which all goes well but what it names.
type script struct {
	rings   []call.Status // by attempt; further ones are answered
	machine bool
	ends    call.EndReason
	// stopped is when the owner wants the call stopped; 0: never.
	stopped time.Duration
}

func (script) of(int) bool                        { return false }
func (script) upTo(d time.Duration) time.Duration { return d / 3 }
func (script) pick(int) int                       { return 0 }
func (script) dial() dialling                     { return taken }
func (script) reports() int                       { return 1 }

func (s script) ring(attempt int) (call.Status, bool) {
	if attempt <= len(s.rings) {
		return s.rings[attempt-1], false
	}
	return call.InProgress, s.machine
}

func (s script) cancel() (time.Duration, bool) { return s.stopped, s.stopped > 0 }

func (s script) talk() call.EndReason {
	if s.ends == "" {
		return call.EndBooked
	}
	return s.ends
}
