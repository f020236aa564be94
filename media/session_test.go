package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

var errClosed = errors.New("closed")

// fakePhone is a phone in memory: it plays what it is sent in (virtual) real time and
// echoes marks when played.
type fakePhone struct {
	start  chan error
	events chan twiliostream.Event
	closed chan struct{}
	once   sync.Once
	play   chan phoneCommand
	played sync.WaitGroup
}

func newFakePhone() *fakePhone {
	p := &fakePhone{start: make(chan error, 1), events: make(chan twiliostream.Event, 64), closed: make(chan struct{}), play: make(chan phoneCommand, 4096)}
	p.played.Go(func() {
		for {
			select {
			case cmd := <-p.play:
				if cmd.mark != "" {
					p.send(twiliostream.Event{Kind: twiliostream.Mark, Mark: cmd.mark})
					continue
				}
				time.Sleep(time.Duration(twiliostream.DecodedLen(cmd.media)/bytesPerMS) * time.Millisecond)
			case <-p.closed:
				return
			}
		}
	})
	p.played.Go(func() { // the callee's line is never without sound
		for ts := 0; ; ts += 20 {
			time.Sleep(20 * time.Millisecond)
			if !p.send(twiliostream.Event{Kind: twiliostream.Media, TimestampMS: ts, Payload: silent(20)}) {
				return
			}
		}
	})
	return p
}

func (p *fakePhone) send(ev twiliostream.Event) bool {
	select {
	case p.events <- ev:
		return true
	case <-p.closed:
		return false
	}
}

func (p *fakePhone) Start() (twiliostream.Start, error) {
	select {
	case err := <-p.start:
		return twiliostream.Start{StreamSID: "MZ"}, err
	case <-p.closed:
		return twiliostream.Start{}, errClosed
	}
}

func (p *fakePhone) Read() (*twiliostream.Event, error) {
	select {
	case ev := <-p.events:
		return &ev, nil
	case <-p.closed:
		return nil, errClosed
	}
}

func (p *fakePhone) WriteMedia(payload string) error {
	p.play <- phoneCommand{media: strings.Clone(payload)}
	return nil
}
func (p *fakePhone) WriteMark(name string) error { p.play <- phoneCommand{mark: name}; return nil }
func (p *fakePhone) WriteClear() error           { return nil }
func (p *fakePhone) Hold()                       {}
func (p *fakePhone) Flush() error                { return nil }
func (p *fakePhone) Close() error                { p.once.Do(func() { close(p.closed) }); return nil }

// fakeModel answers every Respond with what say returns for its kind, on every
// connection that is dialled.
type fakeModel struct {
	say func(a *fakeAgent, kind string)
	// lifetime of a connection; 0 is unknown.
	lifetime time.Duration

	mu      sync.Mutex
	agents  []*fakeAgent
	answers []Answer
}

// fakeAgent is one connection of a fakeModel.
type fakeAgent struct {
	model   *fakeModel
	events  chan AgentEvent
	closed  chan struct{}
	once    sync.Once
	expires time.Time
	n       int

	told []AgentCommand // all but audio
}

func (m *fakeModel) Dial(context.Context, AgentSetup) (Agent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := &fakeAgent{model: m, events: make(chan AgentEvent, 256), closed: make(chan struct{})} // made inside the bubble of virtual time
	if m.lifetime > 0 {
		a.expires = time.Now().Add(m.lifetime)
	}
	m.agents = append(m.agents, a)
	return a, nil
}

// last is the connection dialled last; die loses it.
func (m *fakeModel) last() *fakeAgent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.agents[len(m.agents)-1]
}

func (m *fakeModel) die() { _ = m.last().Close() }

func (m *fakeModel) dials() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.agents)
}

func (a *fakeAgent) Receive() (AgentEvent, error) {
	select {
	case ev := <-a.events:
		return ev, nil
	case <-a.closed:
		return nil, errClosed
	}
}

func (a *fakeAgent) Send(cmd AgentCommand) error {
	select {
	case <-a.closed:
		return errClosed
	default:
	}
	if _, audio := cmd.(*Hear); !audio {
		a.model.mu.Lock()
		a.told = append(a.told, cmd)
		a.model.mu.Unlock()
	}
	switch cmd := cmd.(type) {
	case Respond:
		a.model.say(a, cmd.Kind)
	case Answer:
		a.model.mu.Lock()
		a.model.answers = append(a.model.answers, cmd)
		a.model.mu.Unlock()
	}
	return nil
}

func (a *fakeAgent) Close() error {
	a.once.Do(func() { close(a.closed) })
	return nil
}

func (a *fakeAgent) Expires() time.Time { return a.expires }

// respond gives a whole response: ms of speech, then calls.
func (a *fakeAgent) respond(kind string, speech int, calls ...AgentCall) {
	a.n++
	id := fmt.Sprintf("%s%d-%p", kind, a.n, a)
	a.events <- ResponseStarted{ResponseID: id, Kind: kind}
	if speech > 0 {
		a.events <- &AgentAudio{ResponseID: id, ItemID: "i" + id, Audio: audio(speech)}
		a.events <- AgentAudioDone{ResponseID: id, ItemID: "i" + id}
		a.events <- AgentTranscript{ResponseID: id, ItemID: "i" + id, Text: kind + ": " + testConfig().Disclosure}
	}
	for _, call := range calls {
		call.ResponseID = id
		a.events <- call
	}
	a.events <- ResponseEnded{ResponseID: id}
}

// dialerFunc makes a function a Dialer.
type dialerFunc func(ctx context.Context, setup AgentSetup) (Agent, error)

func (f dialerFunc) Dial(ctx context.Context, setup AgentSetup) (Agent, error) { return f(ctx, setup) }

func agentThat(say func(a *fakeAgent, kind string)) (*fakeModel, Dialer) {
	m := &fakeModel{say: say}
	return m, m
}

type toolsFunc func(ctx context.Context, call ToolCall) (string, error)

func (f toolsFunc) Call(ctx context.Context, call ToolCall) (string, error) { return f(ctx, call) }

// carry runs a session in a bubble of virtual time and returns what came of it and how long it took.
func carry(t *testing.T, cfg Config, dialer Dialer, tools Tools, script func(p *fakePhone, s *Session, cancel context.CancelCauseFunc)) (out Outcome, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newFakePhone()
		s, err := New(cfg, p, dialer, tools, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var scripted sync.WaitGroup
		scripted.Go(func() { script(p, s, cancel) })
		began := time.Now()
		out = *s.Run(ctx)
		took = time.Since(began)
		scripted.Wait()
		p.played.Wait()
	})
	return out, took
}

func started(p *fakePhone, _ *Session, _ context.CancelCauseFunc) { p.start <- nil }

func TestSessionCarriesACallToItsEnd(t *testing.T) {
	agent, dialer := agentThat(func(a *fakeAgent, kind string) {
		switch kind {
		case "opening":
			a.respond(kind, 1000, AgentCall{CallID: "c1", Name: "find", Arguments: `{}`})
		case "tools":
			a.respond(kind, 0, AgentCall{CallID: "c2", Name: "end_call", Arguments: `{"reason":"booked"}`})
		default:
			a.respond(kind, 2000)
		}
	})
	tools := toolsFunc(func(ctx context.Context, call ToolCall) (string, error) {
		time.Sleep(300 * time.Millisecond)
		return `{"slots":[]}`, nil
	})
	out, _ := carry(t, testConfig(), dialer, tools, started)
	if out.Reason != EndBooked || !out.GreetingHeard || !out.DisclosurePlayed || !out.FarewellPlayed {
		t.Errorf("%+v", out)
	}
	if len(agent.answers) != 2 || agent.answers[0].CallID != "c2" && agent.answers[0].Output != `{"slots":[]}` {
		t.Errorf("%+v", agent.answers)
	}
	if length := out.EndedAt.Sub(out.StartedAt); length < 6500*time.Millisecond || length > 7*time.Second {
		t.Errorf("greeting 2 s, opening 1 s, farewell 2 s after 1.5 s of silence took %v", length)
	}
}

func TestSessionAnswersForToolsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		tool toolsFunc
		says string
	}{
		"slow":    {func(ctx context.Context, _ ToolCall) (string, error) { <-ctx.Done(); return "", ctx.Err() }, "in time"},
		"stuck":   {func(context.Context, ToolCall) (string, error) { time.Sleep(30 * time.Second); return `{}`, nil }, "in time"},
		"error":   {func(context.Context, ToolCall) (string, error) { return "", errors.New("secret") }, "failed"},
		"panic":   {func(context.Context, ToolCall) (string, error) { panic("secret") }, "failed"},
		"no JSON": {func(context.Context, ToolCall) (string, error) { return "<html>", nil }, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			agent, dialer := agentThat(func(a *fakeAgent, kind string) {
				switch kind {
				case "opening":
					a.respond(kind, 100, AgentCall{CallID: "c1", Name: "book", Arguments: `{}`})
				case "tools":
					a.respond(kind, 100, AgentCall{CallID: "c2", Name: "end_call", Arguments: `{"reason":"unclear"}`})
				default:
					a.respond(kind, 100)
				}
			})
			out, _ := carry(t, testConfig(), dialer, c.tool, started)
			if out.Reason != EndUnclear || len(agent.answers) != 2 {
				t.Fatalf("%+v %+v", out, agent.answers)
			}
			if a := agent.answers[0]; a.CallID != "c1" || !strings.Contains(a.Output, c.says) || strings.Contains(a.Output, "secret") {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestSessionApologisesWhenTheModelIsLost(t *testing.T) {
	clip := time.Duration(len(apologyClip)/bytesPerMS) * time.Millisecond
	t.Run("refused", func(t *testing.T) {
		dialer := dialerFunc(func(context.Context, AgentSetup) (Agent, error) { return nil, errors.New("no") })
		out, took := carry(t, testConfig(), dialer, nil, started)
		if out.Reason != EndModelLost || !out.FarewellPlayed || took < clip || took > clip+time.Second {
			t.Errorf("%v %+v", took, out)
		}
	})
	t.Run("in mid-call", func(t *testing.T) {
		agent, dialer := agentThat(func(a *fakeAgent, kind string) { a.respond(kind, 3000) })
		out, _ := carry(t, testConfig(), dialer, nil, func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) {
			p.start <- nil
			time.Sleep(6 * time.Second)
			agent.die()
			time.Sleep(time.Second)
			agent.die()
		})
		if out.Reason != EndModelLost || !out.GreetingHeard || agent.dials() != 2 {
			t.Errorf("%+v", out)
		}
	})
	t.Run("hangs in its handshake", func(t *testing.T) {
		dialer := dialerFunc(func(ctx context.Context, _ AgentSetup) (Agent, error) { <-ctx.Done(); return nil, ctx.Err() })
		out, took := carry(t, testConfig(), dialer, nil, started)
		if out.Reason != EndModelLost || took > 13*time.Second {
			t.Errorf("%v %+v", took, out)
		}
	})
}

func TestSessionEndsForEveryReasonFromOutside(t *testing.T) {
	silent := func() Dialer { _, d := agentThat(func(a *fakeAgent, kind string) { a.respond(kind, 500) }); return d }
	after := func(d time.Duration, do func(p *fakePhone, s *Session, cancel context.CancelCauseFunc)) func(*fakePhone, *Session, context.CancelCauseFunc) {
		return func(p *fakePhone, s *Session, cancel context.CancelCauseFunc) {
			p.start <- nil
			time.Sleep(d)
			do(p, s, cancel)
		}
	}
	for name, c := range map[string]struct {
		script func(*fakePhone, *Session, context.CancelCauseFunc)
		want   EndReason
	}{
		"stop": {after(4*time.Second, func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) {
			p.send(twiliostream.Event{Kind: twiliostream.Stop})
		}), EndCalleeHangup},
		"socket closed": {after(4*time.Second, func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) { p.Close() }), EndPhoneLost},
		"machine":       {after(4*time.Second, func(_ *fakePhone, s *Session, _ context.CancelCauseFunc) { s.HangUp(EndMachine) }), EndMachine},
		"drained":       {after(4*time.Second, func(_ *fakePhone, s *Session, _ context.CancelCauseFunc) { s.HangUp(EndDrained) }), EndDrained},
		"cancelled":     {after(4*time.Second, func(_ *fakePhone, _ *Session, cancel context.CancelCauseFunc) { cancel(nil) }), EndHostLost},
		"with a cause":  {after(4*time.Second, func(_ *fakePhone, _ *Session, cancel context.CancelCauseFunc) { cancel(EndMachine) }), EndMachine},
		"silence":       {started, EndSilence},
		"never starts":  {func(*fakePhone, *Session, context.CancelCauseFunc) {}, EndPhoneLost},
		"is no phone":   {func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) { p.start <- &twiliostream.StartError{} }, EndBadStream},
		"lost at start": {func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) { p.start <- errClosed }, EndPhoneLost},
	} {
		t.Run(name, func(t *testing.T) {
			out, took := carry(t, testConfig(), silent(), nil, c.script)
			if out.Reason != c.want || took > 40*time.Second {
				t.Errorf("%v after %v, want %v", out.Reason, took, c.want)
			}
			if spoken := c.want.spoken(); out.FarewellPlayed != spoken {
				t.Errorf("farewell played: %v", out.FarewellPlayed)
			}
		})
	}
}

func TestSessionIsNotAdmitted(t *testing.T) {
	cfg := testConfig()
	cfg.Admit = func(context.Context, twiliostream.Start) error { return errors.New("another call's") }
	_, dialer := agentThat(func(*fakeAgent, string) {})
	if out, _ := carry(t, cfg, dialer, nil, started); out.Reason != EndBadStream {
		t.Errorf("%+v", out)
	}
}

func TestSessionFinishesABookingThatIsUnderWay(t *testing.T) {
	_, dialer := agentThat(func(a *fakeAgent, kind string) {
		if kind == "opening" {
			a.respond(kind, 100, AgentCall{CallID: "c1", Name: "book", Arguments: `{}`})
			return
		}
		a.respond(kind, 100)
	})
	finished := false
	tools := toolsFunc(func(ctx context.Context, _ ToolCall) (string, error) {
		select {
		case <-time.After(5 * time.Second):
			finished = true
			return `{}`, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	out, _ := carry(t, testConfig(), dialer, tools, func(p *fakePhone, _ *Session, _ context.CancelCauseFunc) {
		p.start <- nil
		time.Sleep(3 * time.Second)
		p.send(twiliostream.Event{Kind: twiliostream.Stop})
	})
	if out.Reason != EndCalleeHangup || !finished {
		t.Errorf("%v, finished: %v", out.Reason, finished)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	_, err := New(Config{Output: "audio/opus", Tools: []ToolDef{{Name: "end_call"}}}, nil, nil, nil, nil)
	for _, word := range []string{"Instructions", "Disclosure", "Output", "end_call"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s is missing in: %v", word, err)
		}
	}
}

// TestSessionEndsAlthoughTheModelComesTooLate: a model that is dialled in the moment in
// which the call ends is closed, not read.
func TestSessionEndsAlthoughTheModelComesTooLate(t *testing.T) {
	for range 32 { // the readiness of two channels was decided by chance
		_, dialer := agentThat(func(*fakeAgent, string) {})
		late := dialerFunc(func(ctx context.Context, setup AgentSetup) (Agent, error) {
			<-ctx.Done()
			time.Sleep(time.Millisecond)
			return dialer.Dial(ctx, setup)
		})
		out, _ := carry(t, testConfig(), late, nil, func(p *fakePhone, s *Session, _ context.CancelCauseFunc) {
			p.start <- nil
			s.HangUp(EndMachine)
		})
		if out.Reason != EndMachine {
			t.Fatalf("ended as %s", out.Reason)
		}
		// A model that was left open would be read for ever, and the bubble would not end.
	}
}
