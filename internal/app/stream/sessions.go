package stream

import (
	"context"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/media"
)

// Sessions are the live calls of a process. They survive a configuration reload;
// Drain and Close end them. All methods may be called concurrently.
type Sessions struct {
	mu       sync.Mutex
	refusing bool
	reserved int
	live     map[*media.Session]struct{}
	// idle is closed and replaced whenever the last reservation is given back.
	idle chan struct{}
}

// NewSessions returns an empty register.
func NewSessions() *Sessions {
	return &Sessions{live: make(map[*media.Session]struct{}), idle: make(chan struct{})}
}

// Len is the number of calls held or about to be.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserved
}

// reserve takes a place among at most limit; done gives it back.
func (s *Sessions) reserve(limit int) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing || (limit > 0 && s.reserved >= limit) {
		return nil, false
	}
	s.reserved++
	return sync.OnceFunc(s.release), true
}

func (s *Sessions) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved--; s.reserved == 0 {
		close(s.idle)
		s.idle = make(chan struct{})
	}
}

func (s *Sessions) add(m *media.Session) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[m] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, m)
	}
}

// Drain refuses new streams, waits up to limit for the live calls to end, asks those
// that remain to say goodbye, and returns when none is left or ctx ends.
func (s *Sessions) Drain(ctx context.Context, limit time.Duration) {
	idle, none := s.refuse()
	if none {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-idle:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	s.hangUp(media.EndDrained)
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (s *Sessions) refuse() (idle chan struct{}, none bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
	return s.idle, s.reserved == 0
}

func (s *Sessions) hangUp(reason media.EndReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
