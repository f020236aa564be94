package stream

import (
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// pulse does something every so often, from a timer: a goroutine that only waits would keep a
// stack for it in every call.
type pulse struct {
	mu      sync.Mutex
	every   time.Duration
	timer   *time.Timer
	next    time.Time
	work    *sync.WaitGroup
	do      func() (again bool)
	stopped bool
}

// start begins, once: the first beat comes after first, the others every so often, but for those
// that were missed because one took long. What is under way is counted in work.
func (p *pulse) start(first, every time.Duration, work *sync.WaitGroup, do func() (again bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every, p.work, p.do, p.next = every, work, do, time.Now().Add(first)
	work.Add(1)
	p.timer = time.AfterFunc(first, p.beat)
}

func (p *pulse) beat() {
	defer p.work.Done()
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	if stopped || !p.do() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.next = p.next.Add(p.every + time.Since(p.next).Truncate(p.every))
	p.work.Add(1)
	p.timer.Reset(time.Until(p.next))
}

// stop lets nothing more begin; it does not wait for what is under way.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil && p.timer.Stop() {
		p.work.Done()
	}
}

// renew says three times per lease that the session is alive, and ends the session
// when the record has moved on without it, or somebody wants the call stopped.
func (l *line) renew(live *call.Live) (again bool) {
	l.obeyCancel(live)
	if time.Now().Before(l.renewAt) {
		return true
	}
	l.renewAt = l.renewAt.Add(call.LeaseLength / 3)
	over, err := live.Renew(l.ctx)
	if err != nil {
		l.h.o.Log.ErrorContext(l.ctx, "cannot renew the stream's lease", "call_id", l.token.CallID, "error", err)
	}
	if over {
		l.session.HangUp(l.recordedEnd())
	}
	return !over
}
