package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// company is the phone company: it places every call it took, whatever became of its
// answer, and reports as badly as can be.
type company struct {
	*calltest.Telephony
	w     *world
	lines sync.WaitGroup

	mu    sync.Mutex
	calls []*line
}

func newCompany(w *world) *company {
	return &company{Telephony: calltest.NewTelephony(time.Now), w: w}
}

// line is one call at the company.
type line struct {
	id   string
	dial call.Dial
	at   time.Time
	down chan struct{} // closed when it is put down
	once sync.Once

	mu     sync.Mutex
	status call.Status
	ended  time.Time
}

func (l *line) set(s call.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = s
}

func (l *line) state() call.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

func (l *line) up() bool {
	select {
	case <-l.down:
		return false
	default:
		return true
	}
}

func (l *line) hangUp() {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = time.Now()
		close(l.down)
	})
}

func (l *line) end() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

func (c *company) all() []*line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// of are the lines of one of our calls.
func (c *company) of(id call.ID) (all []*line) {
	for _, l := range c.all() {
		if l.dial.CallID == id {
			all = append(all, l)
		}
	}
	return all
}

// StartCall takes most calls; some of its answers are lost, with the call and without.
func (c *company) StartCall(_ context.Context, d call.Dial) (call.Started, error) {
	noAnswer := &call.DialError{Kind: call.DialUnknown, Words: "the answer was lost", Err: errors.New("reset")}
	switch c.w.fate.dial() {
	case refused:
		return call.Started{}, &call.DialError{Kind: call.DialRefusedForNow, Words: "429", Err: errors.New("429")}
	case unreached:
		return call.Started{}, &call.DialError{Kind: call.DialNotSent, Words: "no route", Err: errors.New("refused")}
	case lost:
		return call.Started{}, noAnswer
	case takenLost:
		c.accept(d)
		return call.Started{}, noAnswer
	case taken:
	}
	return call.Started{ProviderCallID: c.accept(d).id}, nil
}

func (c *company) accept(d call.Dial) *line {
	c.mu.Lock()
	l := &line{id: fmt.Sprintf("CA%05d", len(c.calls)+1), dial: d, at: time.Now(), down: make(chan struct{}), status: call.Queued}
	c.calls = append(c.calls, l)
	c.mu.Unlock()
	c.lines.Go(func() { c.w.live(l) })
	return l
}

// EndCall puts a line down; one in ten requests is lost.
func (c *company) EndCall(_ context.Context, id string) error {
	if c.w.fate.of(10) {
		return errors.New("503")
	}
	for _, l := range c.all() {
		if l.id == id {
			l.hangUp()
		}
	}
	return nil
}

// LookUp knows every line.
func (c *company) LookUp(_ context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	if c.w.fate.of(10) {
		return call.ProviderReport{}, false, errors.New("503")
	}
	for _, l := range c.all() {
		byNumber := q.ProviderCallID == "" && l.dial.To == q.To && !l.at.Before(q.DialledAfter.Add(-5*time.Second)) && !slices.Contains(q.Exclude, l.id)
		if l.id == q.ProviderCallID || byNumber {
			return call.ProviderReport{ProviderCallID: l.id, Status: l.state(), Sequence: -1, At: time.Now()}, true, nil
		}
	}
	return call.ProviderReport{}, false, nil
}

// live is what becomes of a call.
func (w *world) live(l *line) {
	time.Sleep(w.fate.upTo(time.Second))
	sequence, silent := 0, w.fate.of(10) // of some lines no callback ever comes
	report := func(s call.Status) {
		l.set(s)
		if !silent {
			w.callback(l, s, sequence)
		}
		sequence++
	}
	report(call.Dialing)
	time.Sleep(w.fate.upTo(2 * time.Second))
	report(call.Ringing)
	select {
	case <-time.After(w.fate.upTo(20 * time.Second)):
	case <-l.down:
	}
	switch s, machine := w.fate.ring(l.dial.Attempt); {
	case !l.up():
		report(call.Canceled)
	case s != call.InProgress:
		report(s)
	case silent:
		report(call.NoAnswer)
	default:
		report(call.InProgress)
		if machine {
			w.company.lines.Go(func() { w.detected(l) })
		}
		w.answered(l)
		report(call.Completed)
	}
	l.hangUp()
}

// callback delivers a status: perhaps never, perhaps twice, perhaps an hour later. What
// is not taken is delivered again, as Twilio was told to, and then given up.
func (w *world) callback(l *line, s call.Status, sequence int) {
	at := time.Now()
	for range w.fate.reports() {
		wait := w.fate.upTo(2 * time.Second)
		if w.fate.of(15) {
			wait = w.fate.upTo(time.Hour)
		}
		w.company.lines.Go(func() {
			time.Sleep(wait)
			for range 4 {
				r := call.ProviderReport{ProviderCallID: l.id, Status: s, Sequence: sequence, At: at}
				if w.ask(func(ctx context.Context, s *call.Service) error {
					return s.ProviderStatus(ctx, l.dial.CallID, l.dial.Attempt, r)
				}) {
					return
				}
				time.Sleep(w.fate.upTo(3 * time.Second))
			}
		})
	}
}

// detected reports that a machine has answered.
func (w *world) detected(l *line) {
	time.Sleep(w.fate.upTo(5 * time.Second))
	r := call.ProviderReport{ProviderCallID: l.id, Machine: true, At: time.Now()}
	w.ask(func(ctx context.Context, s *call.Service) error {
		return s.MachineVerdict(ctx, l.dial.CallID, l.dial.Attempt, r)
	})
}

// answered asks what to do with an answered call, and does it.
func (w *world) answered(l *line) {
	for after := false; l.up(); after = true {
		var reply call.VoiceReply
		if !w.ask(func(ctx context.Context, s *call.Service) (err error) {
			reply, err = s.Voice(ctx, call.VoiceRequest{
				CallID: l.dial.CallID, Attempt: l.dial.Attempt, AfterStream: after,
				Report: call.ProviderReport{ProviderCallID: l.id, Status: call.InProgress, At: time.Now()},
			})
			return err
		}) {
			return // Twilio says that an application error occurred, and hangs up
		}
		switch reply.Kind {
		case call.VoiceConnect:
			w.talk(l, reply.StreamURL)
		case call.VoiceApology:
			time.Sleep(5 * time.Second)
			return
		case call.VoiceHangUp, call.VoiceInbound:
			return
		}
	}
}
