package media

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// briefPhone starts, says four frames and hangs up. Every second one goes
// without a word.
type briefPhone struct {
	n, at  int
	open   *atomic.Int64
	once   sync.Once
	closed chan struct{}
}

func (p *briefPhone) Start() (twiliostream.Start, error) { return twiliostream.Start{}, nil }

func (p *briefPhone) Read() (*twiliostream.Event, error) {
	switch p.at++; {
	case p.at < 5:
		return &twiliostream.Event{Kind: twiliostream.Media, TimestampMS: p.at * 20, Payload: silent(20)}, nil
	case p.n%2 == 0:
		return &twiliostream.Event{Kind: twiliostream.Stop}, nil
	}
	return nil, errClosed
}

func (p *briefPhone) WriteMedia(string) error { return nil }
func (p *briefPhone) WriteMark(string) error  { return nil }
func (p *briefPhone) WriteClear() error       { return nil }
func (p *briefPhone) Hold()                   {}
func (p *briefPhone) Flush() error            { return nil }

func (p *briefPhone) Close() error {
	p.once.Do(func() { p.open.Add(-1); close(p.closed) })
	return nil
}

// briefAgent hears, and says nothing until it is closed.
type briefAgent struct {
	open   *atomic.Int64
	once   sync.Once
	closed chan struct{}
}

func (a *briefAgent) Receive() (AgentEvent, error) { <-a.closed; return nil, errClosed }
func (a *briefAgent) Send(AgentCommand) error      { return nil }
func (a *briefAgent) Expires() time.Time           { return time.Time{} }

func (a *briefAgent) Close() error {
	a.once.Do(func() { a.open.Add(-1); close(a.closed) })
	return nil
}

// TestNothingIsLeftOfTenThousandCalls: by count, whichever side ends them.
func TestNothingIsLeftOfTenThousandCalls(t *testing.T) {
	const calls, atATime = 10_000, 50
	var phones, agents atomic.Int64
	before := runtime.NumGoroutine()
	dialer := dialerFunc(func(context.Context, AgentSetup) (Agent, error) {
		agents.Add(1)
		return &briefAgent{open: &agents, closed: make(chan struct{})}, nil
	})
	places := make(chan struct{}, atATime)
	var work sync.WaitGroup
	for n := range calls {
		places <- struct{}{}
		phones.Add(1)
		work.Go(func() {
			defer func() { <-places }()
			s, err := New(testConfig(), &briefPhone{n: n, open: &phones, closed: make(chan struct{})}, dialer, nil, nil)
			if err != nil {
				t.Error(err)
				return
			}
			want := EndPhoneLost
			if n%2 == 0 {
				want = EndCalleeHangup
			}
			if out := s.Run(t.Context()); out.Reason != want {
				t.Errorf("call %d ended with %s", n, out.Reason)
			}
		})
	}
	work.Wait()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched() // a goroutine that is done is counted until it was put away
	}
	if now := runtime.NumGoroutine(); phones.Load() != 0 || agents.Load() != 0 || now > before {
		t.Errorf("%d phones and %d agents are open, %d goroutines where there were %d", phones.Load(), agents.Load(), now, before)
	}
}
