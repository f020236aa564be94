package stream

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// Sessions are the live calls of a process. They survive a configuration reload;
// Drain and Close end them. All methods may be called concurrently.
type Sessions struct {
	mu       sync.Mutex
	refusing bool
	// ending is why all calls are to end: also one that takes its place but now, and
	// would otherwise miss the word.
	ending media.EndReason
	// calls are the places taken, unnamed the sockets that have not shown a token yet.
	calls, unnamed int
	// reserved are the places of streams that are to come, until when; they are counted with the calls.
	reserved map[reservation]time.Time
	live     map[*media.Session]struct{}
	waiting  map[io.Closer]struct{}
	// listed is who is on the line, for operators.
	listed register
	// idle is closed and replaced whenever the last place is given back.
	idle chan struct{}
}

// NewSessions returns an empty register.
func NewSessions() *Sessions {
	return &Sessions{reserved: make(map[reservation]time.Time), live: make(map[*media.Session]struct{}), waiting: make(map[io.Closer]struct{}), idle: make(chan struct{})}
}

// Len is the number of calls held or about to be.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// reservation names the attempt whose stream is to come.
type reservation struct {
	call    call.ID
	attempt int
}

// Reserve keeps a place among at most limit (0: any number) for an attempt's stream,
// until then; false: none is free, or the process is stopping. A second one for the
// same attempt prolongs the first.
func (s *Sessions) Reserve(id call.ID, attempt int, now, until time.Time, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := reservation{id, attempt}
	if _, kept := s.reserved[key]; !kept && (s.refusing || s.full(now, limit)) {
		return false
	}
	s.reserved[key] = until
	return true
}

// Release gives a reserved place back; one that the stream has taken, or that was never
// reserved, is nothing.
func (s *Sessions) Release(id call.ID, attempt int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reserved, reservation{id, attempt})
}

// full says whether every place is taken or reserved; reservations that have run out are forgotten.
func (s *Sessions) full(now time.Time, limit int) bool {
	for key, until := range s.reserved {
		if !now.Before(until) {
			delete(s.reserved, key)
		}
	}
	return limit > 0 && s.calls+len(s.reserved) >= limit
}

// take takes the place of a call whose stream has come: its own, or, where none was
// reserved (the process is another one by now), a free one. done gives it back.
func (s *Sessions) take(id call.ID, attempt int, now time.Time, limit int) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := reservation{id, attempt}
	if _, kept := s.reserved[key]; s.refusing || (!kept && s.full(now, limit)) {
		return nil, false
	}
	delete(s.reserved, key)
	s.calls++
	return s.giveBack(&s.calls), true
}

// admitUnnamed takes a place among the sockets without a token yet.
func (s *Sessions) admitUnnamed(limit int) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing || s.unnamed >= limit {
		return nil, false
	}
	s.unnamed++
	return s.giveBack(&s.unnamed), true
}

func (s *Sessions) giveBack(count *int) func() {
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if *count--; s.calls+s.unnamed == 0 {
			close(s.idle)
			s.idle = make(chan struct{})
		}
	})
}

// add makes a session known to HangUp's callers; one that comes when all are to end is
// told at once.
func (s *Sessions) add(m *media.Session) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[m] = struct{}{}
	if s.ending != "" {
		m.HangUp(s.ending)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, m)
	}
}

// await makes a socket without a token known, so that it is closed as soon as streams
// are refused; false if they are already.
func (s *Sessions) await(c io.Closer) (named func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return nil, false
	}
	s.waiting[c] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, c)
	}, true
}

// goodbyeTime is how long a farewell, its playing and the record of it may take.
const goodbyeTime = 20 * time.Second

// Drain refuses new streams, lets the live calls end within limit, asks those that
// remain to say goodbye, ends without a word those that have not managed to in 20 s, and
// returns when none is left or ctx ends.
func (s *Sessions) Drain(ctx context.Context, limit time.Duration) {
	idle, none := s.refuse()
	if none || within(ctx, idle, limit) {
		return
	}
	s.hangUp(media.EndDrained)
	if within(ctx, idle, goodbyeTime) {
		return
	}
	s.hangUp(media.EndHostLost)
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// within waits for idle, no longer than limit or ctx allow.
func within(ctx context.Context, idle <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (s *Sessions) refuse() (idle <-chan struct{}, none bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
	for c := range s.waiting {
		go func() { _ = c.Close() }() // its goroutine waits for the same Close before it gives its place back
	}
	return s.idle, s.calls+s.unnamed == 0
}

func (s *Sessions) hangUp(reason media.EndReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = reason
	for m := range s.live {
		m.HangUp(reason)
	}
}

// Close ends every call at once, without a word, and waits until all have ended.
func (s *Sessions) Close() {
	idle, none := s.refuse()
	if none {
		return
	}
	s.hangUp(media.EndHostLost)
	<-idle
}
