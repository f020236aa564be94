package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/media/jsonscan"
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
	// mostAsking is how many requests for the end may wait for their turn.
	mostAsking = 8
)

// Session is one live call. Make it with [New], call Run once; HangUp may be called
// from anywhere, before, while and after Run runs.
//
// Whoever has an event (the two readers, the alarms' timer, a tool that is done) takes mu,
// lets the conversation decide, lets mu go, and writes what came of it: a message is passed
// on by the goroutine that read it. Nothing blocks that holds mu.
type Session struct {
	mu sync.Mutex // guards what follows, up to early
	c  *conversation
	// on is whose goroutine has the event that is being handled, phoneDue and modelDue whether
	// something was put into an outbox by it. Speech is what the model's reader is to write to the
	// phone, whose outbox it has claimed; hears the connection of which the phone's reader has.
	on                 reader
	phoneDue, modelDue bool
	over               bool
	speech             string
	hears              *connection
	// model is the connection that carries the conversation, next the one that is to follow
	// it, unheard how much audio those before them dropped.
	model, next *connection
	alarm       alarmClock
	unheard     int
	early       []EndReason // asked for before the conversation began

	// busySince is when the phone's reader began to write to the model, 0 while it reads: what
	// the phone has sent since is not known here, and nothing can be concluded from it.
	busySince atomic.Int64
	toPhone   outbox[phoneCommand]
	phone     Phone

	cfg      Config
	dialer   Dialer
	tools    Tools
	observer Observer
	slots    chan struct{}
	ended    chan struct{} // closed when nothing more is to come
	work     sync.WaitGroup
	timing   timing
	asking   hangUps

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
	s := &Session{
		timing: timing{hears: cfg.Timings},
		cfg:    cfg.withDefaults(), phone: phone, dialer: dialer, tools: tools, observer: observer,
		slots: make(chan struct{}, mostTools),
		ended: make(chan struct{}),
	}
	s.toPhone = outbox[phoneCommand]{
		most: mostSpoken, droppable: func(p phoneCommand) bool { return p.media != "" },
		write: s.writePhone, hold: phone.Hold, flush: phone.Flush,
		failed: func(error) { s.tell(phoneGone{reason: EndPhoneLost}) }, apart: s.work.Go,
	}
	return s, nil
}

// Run carries the call to its end and returns what it came to. The model is dialled
// at once, in parallel with the phone's start. Cancelling ctx ends the call without a
// word, with the EndReason that is the cause, or else EndHostLost. When Run returns,
// both sockets are closed and every goroutine of the session has ended.
func (s *Session) Run(ctx context.Context) *Outcome {
	cancelled := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	s.begin()
	stop := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		s.tell(hangUpAsked{reason: causeOf(ctx), atOnce: true})
	})

	s.readPhone(ctx)
	<-s.ended

	if !stop() {
		<-cancelled
	}
	s.asking.end()
	cancel()
	s.mu.Lock()
	s.closeAgents()
	s.mu.Unlock()
	s.work.Wait()
	out := new(Outcome)
	s.conclude(out)
	return out
}

// conclude is apart from Run, whose place on the stack every call pays for as long as it lasts.
func (s *Session) conclude(out *Outcome) { *out = s.measured(s.c.outcome()) }

// begin makes the conversation, dials its model and hands it what was asked before.
func (s *Session) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c = newConversation(s.cfg, s, time.Now())
	s.c.connect()
	for _, reason := range s.early {
		s.c.handle(s.c.now, hangUpAsked{reason: reason})
	}
	s.settle(s.c.now)
}

// measured adds what the outboxes and the writers know.
func (s *Session) measured(out Outcome) Outcome {
	out.Quality.DroppedIn += s.unheard + s.model.lost() + s.next.lost()
	out.Quality.DroppedOut += s.toPhone.lost()
	s.timing.into(&out.Quality)
	return out
}

// causeOf is the reason for which a context was cancelled.
func causeOf(ctx context.Context) EndReason {
	var reason EndReason
	if errors.As(context.Cause(ctx), &reason) {
		return reason
	}
	return EndHostLost
}

// tell lets an event happen to the conversation and carries out what follows. It may block
// for as long as a socket does.
func (s *Session) tell(ev any) { s.happen(ev, nobody) }

// reader is whose goroutine it is. Who reads a socket must not wait for it to take what is
// written: its peer may be waiting just so, for us to read.
type reader int

const (
	nobody reader = iota
	ofPhone
	ofModel
)

// happen is tell, by the goroutine that reads a socket; false when the conversation has ended.
func (s *Session) happen(ev any, on reader) bool {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false
	}
	now := time.Now()
	s.on = on
	s.c.handle(now, ev)
	return s.carryOut(now)
}

// carryOut lets go of mu, which its caller holds, and writes what waits; false when the
// conversation has ended.
func (s *Session) carryOut(now time.Time) bool {
	s.settle(now)
	on, over, model := s.on, s.over, s.model
	phoneDue, modelDue := s.phoneDue, s.modelDue && model != nil
	speech, hears := s.speech, s.hears
	s.on, s.phoneDue, s.modelDue, s.speech, s.hears = nobody, false, false, "", nil
	s.mu.Unlock()
	if speech != "" {
		s.toPhone.pumpFrom(phoneCommand{media: speech})
	} else if phoneDue {
		s.write(&s.toPhone, on == ofPhone)
	}
	if !modelDue && hears == nil {
		return !over
	}
	if on == ofPhone {
		s.busySince.Store(now.UnixNano())
		defer s.busySince.Store(0)
	}
	if hears != nil {
		hears.commands.pumpFrom(&hears.heard)
	}
	if modelDue && hears != model {
		s.write(&model.commands, on == ofModel)
	}
	return !over
}

// write has an outbox pumped, apart from the caller where that one must not wait.
func (s *Session) write(o interface {
	waits() bool
	pump()
}, apart bool,
) {
	switch {
	case !apart:
		o.pump()
	case o.waits():
		s.work.Go(o.pump)
	}
}

// settle does what follows from the conversation's new state. Callers hold mu.
func (s *Session) settle(now time.Time) {
	if since := s.busySince.Load(); since != 0 && now.Sub(time.Unix(0, since)) > heldUp {
		s.c.alarms.putOff(now, now.Add(heldUp))
	}
	for s.c.expire(now) {
	}
	if !s.c.needsAgent() {
		s.closeAgents()
	}
	if s.c.finished() && !s.over {
		s.over = true
		s.stopAlarm()
		close(s.ended)
		return
	}
	s.setAlarm()
}

// readPhone is the one reader of the phone's socket.
func (s *Session) readPhone(ctx context.Context) {
	tell := func(ev any) bool { return s.happen(ev, ofPhone) }
	start, err := s.phone.Start()
	if err != nil {
		tell(phoneGone{reason: startReason(err)})
		return
	}
	began := time.Now() // Admit may take its time
	if s.cfg.Admit != nil {
		if err := s.cfg.Admit(ctx, start); err != nil {
			s.cfg.Log.Warn("stream not admitted", "err", err)
			tell(phoneGone{reason: EndBadStream})
			return
		}
	}
	sample := sampler{every: phoneSample}
	for ok := tell(phoneStarted{began}); ok; {
		ev, err := s.phone.Read()
		switch {
		case err == nil && ev.Kind == twiliostream.Media:
			at := sample.next(1)
			ok = tell(ev) && (at.IsZero() || tell(heardAt(at)))
		case err == nil:
			ok = tell(ev)
		case isBadFrame(err):
			ok = tell(phoneBad{})
		default:
			tell(phoneGone{reason: EndPhoneLost})
			return
		}
	}
}

func isBadFrame(err error) bool {
	var frame *twiliostream.FrameError
	return errors.As(err, &frame)
}

// startReason tells a peer that is no phone of ours from one that went away.
func startReason(err error) EndReason {
	var start *twiliostream.StartError
	if errors.As(err, &start) || isBadFrame(err) {
		return EndBadStream
	}
	return EndPhoneLost
}

// writePhone writes one command.
func (s *Session) writePhone(cmd phoneCommand) error {
	switch {
	case cmd.clear:
		err := s.phone.WriteClear()
		if err == nil {
			err = s.phone.Flush()
		}
		if err == nil {
			s.timing.silenced(cmd.since)
		}
		return err
	case cmd.mark != "":
		return s.phone.WriteMark(cmd.mark)
	case cmd.media != "":
		if cmd.buffer != nil {
			defer speechBuffers.Put(cmd.buffer)
		}
		return s.phone.WriteMedia(cmd.media)
	}
	err := s.phone.Flush()
	s.timing.passed(ToPhone, cmd.since)
	return err
}

// The effects of the conversation. They are called under mu.

// speechBuffers are those of the agent's audio that waits for a phone, hearings of the
// callee's that waits for a model. Who writes them gives them back.
var (
	speechBuffers = sync.Pool{New: func() any { return new([]byte) }}
	hearings      = sync.Pool{New: func() any { return new(Hear) }}
)

func newHear() *Hear {
	h, _ := hearings.Get().(*Hear)
	return h
}

// holds makes it the audio that is text.
func (h *Hear) holds(text []byte) { h.buffer, h.Audio = text, jsonscan.View(text) }

// sendPhone queues a command. A clear overtakes all media and marks that wait: they
// belong to the generation that it ends. What the model's reader has just read it writes
// itself, from where it stands, if nothing else is to be written before.
func (s *Session) sendPhone(cmd phoneCommand) {
	if cmd.read && cmd.media != "" && s.on == ofModel && s.toPhone.claim() {
		s.speech = cmd.media
		return
	}
	s.phoneDue = true
	if cmd.clear {
		s.toPhone.replace(cmd, func(p phoneCommand) bool { return !p.clear })
		return
	}
	if cmd.media != "" {
		cmd.buffer, _ = speechBuffers.Get().(*[]byte)
		*cmd.buffer = append((*cmd.buffer)[:0], cmd.media...)
		cmd.media = jsonscan.View(*cmd.buffer)
	}
	s.toPhone.push(cmd)
}

func (s *Session) observe(m Moment) { s.observer.Observe(m) }

// hangUp lets go of the phone: what the session came to is settled first, then the
// stream is closed, which ends its reader and its writer. The conversation does not
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
		s.tell(done)
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
