package stream

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// State is how far a live session has come.
type State string

// The states of a live session, in their order.
const (
	// StateOpening: the stream has not used its token up yet.
	StateOpening State = "opening"
	// StateGreeting: the callee has heard nothing yet.
	StateGreeting State = "greeting"
	// StateTalking: the greeting was heard.
	StateTalking State = "talking"
	// StateEnding: it was asked to hang up.
	StateEnding State = "ending"
)

// Info is a live session as an operator may see it: no number and no word of the call.
type Info struct {
	CallID  call.ID   `json:"callId"`
	Attempt int       `json:"attempt"`
	Since   time.Time `json:"since"`
	State   State     `json:"state"`
}

// register is who is on the line. The zero value is ready; it is safe for concurrent use.
type register struct {
	mu    sync.Mutex
	lines map[*line]*entry
}

type entry struct {
	since  time.Time
	ending bool
}

// enter lists a line until it leaves. Its session must be set.
func (r *register) enter(l *line) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines == nil {
		r.lines = make(map[*line]*entry)
	}
	r.lines[l] = &entry{since: l.h.o.Service.Now()}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.lines, l)
	}
}

// List are the live sessions, the longest first.
func (s *Sessions) List() []Info {
	s.listed.mu.Lock()
	lines := make(map[*line]entry, len(s.listed.lines))
	for l, e := range s.listed.lines {
		lines[l] = *e
	}
	s.listed.mu.Unlock()
	all := make([]Info, 0, len(lines))
	for l, e := range lines { // a line may be waiting for the store, and nobody else is to wait for it
		i := Info{CallID: l.token.CallID, Attempt: l.token.Attempt, Since: e.since.UTC(), State: l.state()}
		if e.ending {
			i.State = StateEnding
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b Info) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.CallID, b.CallID)) })
	return all
}

// HangUp asks the sessions of a call to say goodbye and returns how many it asked. The
// attempt ends as canceled, so that the callee is not rung up again.
func (s *Sessions) HangUp(id call.ID) int {
	s.listed.mu.Lock()
	defer s.listed.mu.Unlock()
	asked := 0
	for l, e := range s.listed.lines {
		if l.token.CallID == id {
			e.ending = true
			l.session.HangUp(media.EndCanceled)
			asked++
		}
	}
	return asked
}

func (l *line) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.settled != nil:
		return StateEnding
	case l.live == nil:
		return StateOpening
	case l.greeted.Load():
		return StateTalking
	}
	return StateGreeting
}
