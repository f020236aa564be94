package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

const (
	// mostHeard bounds the callee's audio that waits for the model's socket: 5 s of frames.
	mostHeard = 250
	// mostSpoken bounds the agent's audio that waits for the phone's socket: 60 s. It is
	// large because the model speaks faster than real time; the phone itself takes 10 min.
	mostSpoken = 1000
	// mostTools is how many tool calls may run at the same time.
	mostTools = 8
)

// Session is one live call. Make it with [New], call Run once; HangUp may be called
// from anywhere, before, while and after Run runs.
type Session struct {
	cfg      Config
	phone    Phone
	dialer   Dialer
	tools    Tools
	observer Observer

	asked    chan hangUpAsked
	toPhone  *queue[phoneCommand]
	fromSock chan any // what the phone's reader and writer saw
	toolsOut chan toolDone
	slots    chan struct{}
	done     chan struct{} // closed when the control loop has ended
	work     sync.WaitGroup
	timing   timing

	// The control loop's own: the connection that carries the conversation, the one that
	// is to follow it, and how much audio those before them dropped.
	model, next *connection
	unheard     int

	// ctx bounds the tools and the dials; it ends with Run's context, not with the call: a
	// booking under way when the callee hangs up is finished and recorded.
	ctx context.Context //nolint:containedctx // a Session owns the lifetime of its tools and its model
}

// New prepares a session. tools and observer may be nil.
func New(cfg Config, phone Phone, dialer Dialer, tools Tools, observer Observer) (*Session, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("media session: %w", err)
	}
	if observer == nil {
		observer = ObserverFunc(func(Moment) {})
	}
	return &Session{
		timing: timing{hears: cfg.Timings},
		cfg:    cfg.withDefaults(), phone: phone, dialer: dialer, tools: tools, observer: observer,
		asked:    make(chan hangUpAsked, 8),
		toPhone:  newQueue(mostSpoken, func(p phoneCommand) bool { return p.media != "" }),
		fromSock: make(chan any, 64),
		toolsOut: make(chan toolDone, mostTools),
		slots:    make(chan struct{}, mostTools),
		done:     make(chan struct{}),
	}, nil
}

// HangUp asks for the end of the call. EndDrained, EndCanceled, EndMaxLength and EndSilence say
// goodbye first; every other reason ends it at once.
func (s *Session) HangUp(reason EndReason) {
	select {
	case s.asked <- hangUpAsked{reason: reason}:
	default: // eight requests are waiting already: one of them will do
	}
}

// Run carries the call to its end and returns what it came to. The model is dialled
// at once, in parallel with the phone's start. Cancelling ctx ends the call without a
// word, with the EndReason that is the cause, or else EndHostLost. When Run returns,
// both sockets are closed and every goroutine of the session has ended.
func (s *Session) Run(ctx context.Context) Outcome {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	c := newConversation(s.cfg, s, time.Now())
	s.work.Go(s.writePhone)
	s.work.Go(func() { s.readPhone(ctx) })
	c.connect()

	s.loop(ctx, c)

	close(s.done)
	cancel()
	s.closeAgents()
	s.work.Wait()
	return s.measured(c.outcome())
}

// measured adds what the queues and the writers know.
func (s *Session) measured(out Outcome) Outcome {
	out.Quality.DroppedIn += s.unheard + s.model.lost() + s.next.lost()
	out.Quality.DroppedOut += s.toPhone.lost()
	s.timing.into(&out.Quality)
	return out
}

// loop is the control loop: the only place where the conversation's state changes.
func (s *Session) loop(ctx context.Context, c *conversation) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	cancelled := ctx.Done()
	for !c.finished() {
		if at, ok := c.alarms.next(); ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
		select {
		case ev := <-s.fromSock:
			c.handle(time.Now(), ev)
		case ev := <-s.model.read():
			c.handle(time.Now(), ev)
		case ev := <-s.next.read():
			c.handle(time.Now(), fromNext(ev))
		case ev := <-s.toolsOut:
			c.handle(time.Now(), ev)
		case ev := <-s.asked:
			c.handle(time.Now(), ev)
		case <-cancelled:
			cancelled = nil
			c.handle(time.Now(), hangUpAsked{reason: causeOf(ctx), atOnce: true})
		case <-timer.C:
		}
		for c.expire(time.Now()) {
		}
		if !c.needsAgent() {
			s.closeAgents()
		}
	}
}

// causeOf is the reason for which a context was cancelled.
func causeOf(ctx context.Context) EndReason {
	var reason EndReason
	if errors.As(context.Cause(ctx), &reason) {
		return reason
	}
	return EndHostLost
}

// tell hands an event to the control loop; false when that has ended.
func (s *Session) tell(ev any) bool {
	select {
	case s.fromSock <- ev:
		return true
	case <-s.done:
		return false
	}
}

// readPhone is the one reader of the phone's socket.
func (s *Session) readPhone(ctx context.Context) {
	start, err := s.phone.Start()
	if err != nil {
		s.tell(phoneGone{reason: startReason(err)})
		return
	}
	began := time.Now() // Admit may take its time
	if s.cfg.Admit != nil {
		if err := s.cfg.Admit(ctx, start); err != nil {
			s.cfg.Log.Warn("stream not admitted", "err", err)
			s.tell(phoneGone{reason: EndBadStream})
			return
		}
	}
	sample := sampler{every: phoneSample}
	for ok := s.tell(phoneStarted{began}); ok; {
		ev, err := s.phone.Read()
		var bad *twiliostream.FrameError
		switch {
		case errors.As(err, &bad):
			ok = s.tell(phoneBad{})
		case err != nil:
			s.tell(phoneGone{reason: EndPhoneLost})
			return
		case ev.Kind == twiliostream.Media:
			at := sample.next()
			ok = s.tell(ev) && (at.IsZero() || s.tell(heardAt(at)))
		default:
			ok = s.tell(ev)
		}
	}
}

// startReason tells a peer that is no phone of ours from one that went away.
func startReason(err error) EndReason {
	var start *twiliostream.StartError
	var frame *twiliostream.FrameError
	if errors.As(err, &start) || errors.As(err, &frame) {
		return EndBadStream
	}
	return EndPhoneLost
}

// writePhone is the one writer of the phone's socket.
func (s *Session) writePhone() {
	for {
		cmd, ok := s.toPhone.next()
		if !ok {
			return
		}
		var err error
		switch {
		case cmd.clear:
			if err = s.phone.WriteClear(); err == nil {
				s.timing.silenced(cmd.since)
			}
		case cmd.mark != "":
			err = s.phone.WriteMark(cmd.mark)
		case cmd.media != "":
			err = s.phone.WriteMedia(cmd.media)
		default:
			s.timing.passed(ToPhone, cmd.since)
		}
		if err != nil {
			s.toPhone.abandon()
			s.tell(phoneGone{reason: EndPhoneLost})
			return
		}
	}
}

// The effects of the conversation. They are called from the control loop.

// sendPhone queues a command. A clear overtakes all media and marks that wait: they
// belong to the generation that it ends.
func (s *Session) sendPhone(cmd phoneCommand) {
	if cmd.clear {
		s.toPhone.replace(cmd, func(p phoneCommand) bool { return !p.clear })
		return
	}
	s.toPhone.push(cmd)
}

func (s *Session) observe(m Moment) { s.observer.Observe(m) }

// hangUp lets go of the phone: what the session came to is settled first, then the
// stream is closed, which ends its reader and its writer. The control loop does not
// wait for it; Run does.
func (s *Session) hangUp(out Outcome) {
	s.toPhone.abandon()
	out = s.measured(out)
	s.work.Go(func() {
		if s.cfg.Settle != nil {
			s.cfg.Settle(out)
		}
		_ = s.phone.Close() // a socket that is gone already is what we want
	})
}

// run starts a tool call. Its answer comes in time, even from a tool that does not
// heed its context; Run waits for that tool all the same.
func (s *Session) run(call ToolCall) {
	began := time.Now()
	answered := make(chan string, 1)
	s.work.Go(func() {
		s.slots <- struct{}{}
		defer func() { <-s.slots }()
		ctx, cancel := context.WithDeadline(s.ctx, began.Add(s.cfg.ToolTimeout))
		defer cancel()
		answered <- s.callTool(ctx, call)
	})
	s.work.Go(func() {
		timeout := time.NewTimer(s.cfg.ToolTimeout + 100*time.Millisecond)
		defer timeout.Stop()
		done := toolDone{callID: call.ID}
		select {
		case done.output = <-answered:
		case <-timeout.C:
			done.output = toolError("The tool did not answer in time. Whether it did anything is unknown.")
		}
		done.took = time.Since(began)
		select {
		case s.toolsOut <- done:
		case <-s.done:
		}
	})
}

// callTool runs a tool and turns whatever comes of it into an output.
func (s *Session) callTool(ctx context.Context, call ToolCall) (output string) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("tool panicked", "tool", call.Name, "panic", p, "stack", string(debug.Stack()))
			output = toolError("The tool failed.")
		}
	}()
	if s.tools == nil {
		return toolError("There is no tool of this name.")
	}
	out, err := s.tools.Call(ctx, call)
	switch {
	case err != nil && ctx.Err() != nil:
		return toolError("The tool did not answer in time. Whether it did anything is unknown.")
	case err != nil:
		s.cfg.Log.Warn("tool failed", "tool", call.Name, "err", err)
		return toolError("The tool failed.")
	case !json.Valid([]byte(out)):
		s.cfg.Log.Warn("tool answered no JSON", "tool", call.Name)
		return toolError("The tool's answer could not be read.")
	}
	return out
}
