package media

import (
	"context"
	"sync"
	"time"
)

// connection is one agent on a socket of its own: its dial, then one reader and one
// writer. A call that outlives its model's socket has several, one after the other, and
// each keeps its own queues: what an old one still says, or was still to be told, reaches
// nobody once another has taken over.
type connection struct {
	commands *queue[AgentCommand]
	// events are agentReady, then what the agent did, then agentGone; or agentGone at once.
	events chan any
	closed chan struct{}
	ended  chan struct{}      // the reader has
	cancel context.CancelFunc // ends the dial
	timing *timing
	once   sync.Once

	mu    sync.Mutex
	agent Agent // once dialled
}

// mostUnread is how many events of one agent wait for the control loop.
const mostUnread = 64

// open begins a connection. Its goroutines are s.work's, and end when it is closed.
func (s *Session) open(listen Listen) *connection {
	ctx, cancel := context.WithCancel(s.ctx)
	k := &connection{
		commands: newQueue(mostHeard, func(a AgentCommand) bool { _, audio := a.(Hear); return audio }),
		events:   make(chan any, mostUnread), closed: make(chan struct{}), ended: make(chan struct{}), cancel: cancel, timing: &s.timing,
	}
	setup := AgentSetup{
		Instructions: s.cfg.Instructions, Voice: s.cfg.Voice, Input: s.cfg.Input, Output: s.cfg.Output,
		Tools:              append(append([]ToolDef(nil), s.cfg.Tools...), EndCallTool()),
		TranscriptionModel: s.cfg.TranscriptionModel, Language: s.cfg.Language, Listen: listen,
	}
	s.work.Go(func() { k.run(ctx, s.dialer, setup, &s.work) })
	return k
}

// run dials, then is the one reader; the writer runs beside it.
func (k *connection) run(ctx context.Context, dialer Dialer, setup AgentSetup, work *sync.WaitGroup) {
	defer close(k.ended)
	agent, err := dialer.Dial(ctx, setup)
	if err != nil {
		k.tell(agentGone{err})
		return
	}
	if !k.adopt(agent) {
		return
	}
	work.Go(func() { k.write(agent) })
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
		case AgentAudio:
			at := sample.next()
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

func (k *connection) write(agent Agent) {
	for {
		cmd, ok := k.commands.next()
		if !ok {
			return
		}
		if at, timed := cmd.(heardAt); timed {
			k.timing.passed(ToModel, time.Time(at))
			continue
		}
		if err := agent.Send(cmd); err != nil {
			k.commands.abandon()
			k.writeFailed(err)
			return
		}
	}
}

// lastWords is how long a peer that takes no more is still listened to.
const lastWords = 250 * time.Millisecond

// writeFailed leaves the end to the reader, which may have to tell what came before it:
// that a response is complete, say.
func (k *connection) writeFailed(err error) {
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case <-k.ended:
	case <-k.closed:
	case <-t.C:
		k.tell(agentGone{err})
	}
}

// tell hands an event to the control loop; false when the connection is closed.
func (k *connection) tell(ev any) bool {
	select {
	case <-k.closed: // first: it must not be read by anybody
		return false
	default:
	}
	select {
	case k.events <- ev:
		return true
	case <-k.closed:
		return false
	}
}

// read is where the control loop reads; never, where there is no connection.
func (k *connection) read() <-chan any {
	if k == nil {
		return nil
	}
	return k.events
}

// close ends the connection, once. The socket is closed beside the control loop, which
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

// The effects of the conversation on its connections. They are called from the control loop.

// sendAgent tells the current connection, if there is one: nobody else is to know.
func (s *Session) sendAgent(cmd AgentCommand) {
	if s.model != nil {
		s.model.commands.push(cmd)
	}
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
