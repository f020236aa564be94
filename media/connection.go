package media

import (
	"context"
	"sync"
	"time"
)

// connection is one agent on a socket of its own: its dial, then its reader. A call that
// outlives its model's socket has several, one after the other, and each keeps its own
// outbox: what an old one still says, or was still to be told, reaches nobody once another
// has taken over.
type connection struct {
	session *Session
	heard   Hear // passed on by the phone's reader, which has claimed commands for it

	mu    sync.Mutex
	agent Agent // once dialled

	commands outbox[AgentCommand]
	closed   chan struct{}
	ended    chan struct{}      // the reader has
	cancel   context.CancelFunc // ends the dial
	once     sync.Once
}

// open begins a connection. Its goroutines are s.work's, and end when it is closed.
// Callers hold s.mu.
func (s *Session) open(listen Listen) *connection {
	ctx, cancel := context.WithCancel(s.ctx)
	k := s.newConnection(cancel)
	setup := AgentSetup{
		Instructions: s.cfg.Instructions, Voice: s.cfg.Voice, Input: s.cfg.Input, Output: s.cfg.Output,
		Tools:              append(append([]ToolDef(nil), s.cfg.Tools...), EndCallTool()),
		TranscriptionModel: s.cfg.TranscriptionModel, Language: s.cfg.Language, Listen: listen,
	}
	s.work.Go(func() { k.run(ctx, setup) })
	return k
}

// newConnection is one that nobody has dialled.
func (s *Session) newConnection(cancel context.CancelFunc) *connection {
	k := &connection{session: s, closed: make(chan struct{}), ended: make(chan struct{}), cancel: cancel}
	k.commands = outbox[AgentCommand]{
		most: mostHeard, droppable: func(a AgentCommand) bool { _, audio := a.(*Hear); return audio },
		write: k.write, failed: k.failed, apart: s.work.Go,
	}
	return k
}

// run dials, then is the one reader.
func (k *connection) run(ctx context.Context, setup AgentSetup) {
	defer close(k.ended)
	agent, err := k.session.dialer.Dial(ctx, setup)
	if err != nil {
		k.tell(agentGone{err})
		return
	}
	if !k.adopt(agent) {
		return
	}
	sample := sampler{every: modelSample}
	for ok := k.tell(agentReady{listen: setup.Listen, expires: agent.Expires()}); ok; {
		ev, err := agent.Receive()
		if err != nil {
			k.tell(agentGone{err})
			return
		}
		switch e := ev.(type) {
		case CalleeStarted:
			e.Heard = time.Now()
			ok = k.tell(e)
		case *AgentAudio:
			at := sample.next(len(e.Audio))
			ok = k.tell(ev) && (at.IsZero() || k.tell(spokenAt(at)))
		default:
			ok = k.tell(ev)
		}
	}
}

// adopt makes the agent the connection's, or closes it where that was closed meanwhile.
func (k *connection) adopt(agent Agent) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.closed:
		_ = agent.Close() // nobody has spoken to it yet
		return false
	default:
		k.agent = agent
		return true
	}
}

// tell lets an event happen to the conversation, as what it is to a connection that carries
// it, or is to; false when this one is neither.
func (k *connection) tell(ev any) bool {
	s := k.session
	s.mu.Lock()
	now := time.Now()
	switch {
	case s.over:
	case k == s.model:
		s.on = ofModel
		s.c.handle(now, ev)
		return s.carryOut(now)
	case k == s.next:
		s.on = ofModel
		s.c.handle(now, fromNext(ev))
		return s.carryOut(now)
	}
	s.mu.Unlock()
	return false
}

// write sends one command. There is an agent: nobody is told anything before.
func (k *connection) write(cmd AgentCommand) error {
	if at, timed := cmd.(heardAt); timed {
		k.session.timing.passed(ToModel, time.Time(at))
		return nil
	}
	if audio, ok := cmd.(*Hear); ok && audio != &k.heard {
		defer hearings.Put(audio)
	}
	return k.agent.Send(cmd)
}

// lastWords is how long a peer that takes no more is still listened to.
const lastWords = 250 * time.Millisecond

// failed leaves the end to the reader, which may have to tell what came before it: that a
// response is complete, say. Whoever wrote goes on meanwhile.
func (k *connection) failed(err error) {
	k.session.work.Go(func() {
		t := time.NewTimer(lastWords)
		defer t.Stop()
		select {
		case <-k.ended:
		case <-k.closed:
		case <-t.C:
			k.tell(agentGone{err})
		}
	})
}

// close ends the connection, once. The socket is closed beside the conversation, which
// must not wait for a peer that reads no more.
func (k *connection) close(work *sync.WaitGroup) {
	if k == nil {
		return
	}
	k.once.Do(func() {
		k.cancel()
		k.commands.abandon()
		k.mu.Lock()
		defer k.mu.Unlock()
		close(k.closed)
		if agent := k.agent; agent != nil {
			work.Go(func() { _ = agent.Close() }) // the socket's last words change nothing about the call
		}
	})
}

// lost is how many messages of audio the connection dropped.
func (k *connection) lost() int {
	if k == nil {
		return 0
	}
	return k.commands.lost()
}

// The effects of the conversation on its connections. They are called under s.mu.

// sendAgent tells the current connection, if there is one: nobody else is to know.
func (s *Session) sendAgent(cmd AgentCommand) {
	if s.model == nil {
		return
	}
	s.modelDue = true
	s.model.commands.push(cmd)
}

// passOn has the current connection hear what was read. The phone's reader writes it itself,
// from where it stands, if nothing else is to be written before.
func (s *Session) passOn(payload string) {
	if s.on == ofPhone && s.hears == nil && s.model != nil && s.model.commands.claim() {
		s.hears = s.model
		s.hears.heard.Audio = payload
		return
	}
	hearing := newHear()
	hearing.holds(append(hearing.buffer[:0], payload...))
	s.sendAgent(hearing)
}

// dial opens the connection that is to be next.
func (s *Session) dial(listen Listen) {
	s.letGo(s.next)
	s.next = s.open(listen)
}

// takeOver makes the next connection the current one.
func (s *Session) takeOver() {
	s.letGo(s.model)
	s.model, s.next = s.next, nil
	s.prefetch()
}

// dropAgent closes the current connection.
func (s *Session) dropAgent() {
	s.letGo(s.model)
	s.model = nil
}

// closeAgents ends all goroutines of the model's side.
func (s *Session) closeAgents() {
	s.dropAgent()
	s.letGo(s.next)
	s.next = nil
}

func (s *Session) letGo(k *connection) {
	k.close(&s.work)
	s.unheard += k.lost()
}

// fromNext is what an event of the next connection means: only whether it is there.
func fromNext(ev any) any {
	switch ev := ev.(type) {
	case agentReady:
		return ev
	case agentGone:
		return dialFailed(ev)
	}
	return nil
}
