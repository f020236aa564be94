package media

import (
	"sync"
	"time"
)

// Direction is where a frame goes.
type Direction string

// The directions of audio.
const (
	ToModel Direction = "to_model" // from the callee's phone
	ToPhone Direction = "to_phone" // from the model
)

// Timings hear how long the bridge itself takes, while the call is on. They are called
// from the session's writers, at the same time, and must return at once.
type Timings interface {
	// Overhead is told, of some frames, the time from the end of the read of its message to
	// the end of the write of the last one made of it.
	Overhead(d Direction, took time.Duration)
	// BargeIn is told, of every interruption, the time from the model's word that the callee
	// speaks to the end of the write that silences the phone.
	BargeIn(took time.Duration)
}

// A message of audio is timed after so many others: of the phone's every 1.3 s, of the
// model's the first after so much text, 1.5 s of mu-law or 0.26 s of PCM.
const (
	phoneSample = 64
	modelSample = 16 << 10 // characters
)

// A timed frame is followed by one of these through every channel and queue that it goes
// through itself, up to the writer of its socket. So the frames themselves carry nothing.
type (
	heardAt  time.Time
	spokenAt time.Time
)

func (heardAt) agentCommand() {}

// sampler picks the messages that are timed, the first among them. It is its reader's own.
type sampler struct{ every, left int }

// next counts a message of that length and returns the time if it is to be timed, zero otherwise.
func (p *sampler) next(length int) (at time.Time) {
	if p.left <= 0 {
		at = time.Now()
		p.left = p.every
	}
	p.left -= length
	return at
}

// timing keeps the longest times of a session. Its methods may be called concurrently.
type timing struct {
	hears Timings // nil: nobody

	mu             sync.Mutex
	frame, bargeIn time.Duration
}

func (t *timing) passed(d Direction, since time.Time) {
	took := time.Since(since)
	t.mu.Lock()
	t.frame = max(t.frame, took)
	t.mu.Unlock()
	if t.hears != nil {
		t.hears.Overhead(d, took)
	}
}

func (t *timing) silenced(since time.Time) {
	if since.IsZero() {
		return
	}
	took := time.Since(since)
	t.mu.Lock()
	t.bargeIn = max(t.bargeIn, took)
	t.mu.Unlock()
	if t.hears != nil {
		t.hears.BargeIn(took)
	}
}

func (t *timing) into(q *Quality) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.SlowestFrame, q.SlowestBargeIn = t.frame, t.bargeIn
}
