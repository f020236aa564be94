package media

import (
	"cmp"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// effects are what the conversation does to the world. None of them blocks.
type effects interface {
	// phone queues a command for the phone; clear overtakes queued media and marks.
	sendPhone(phoneCommand)
	// sendAgent tells the agent that carries the conversation, if there is one; passOn has it
	// hear audio as it came, which is good until the phone is read again.
	sendAgent(AgentCommand)
	passOn(payload string)
	// dial opens the next connection; agentReady or dialFailed comes of it. takeOver makes
	// it the current one, dropAgent closes the current one.
	dial(Listen)
	takeOver()
	dropAgent()
	// run starts a tool call; its toolDone comes back as an event, always, once.
	run(ToolCall)
	observe(Moment)
	// hangUp closes the phone's stream.
	hangUp(Outcome)
}

// phoneCommand is one message for the phone: media, mark or clear. What is handed to the
// effects as media is good for that moment, and where it was read, not made, until the next
// read. Since is when the callee was heard that a clear is for; without any message it times
// the media before it.
type phoneCommand struct {
	media, mark string
	read        bool
	clear       bool
	since       time.Time
	// buffer is what media is a view of; nil where it is a string of its own.
	buffer *[]byte
}

// What happens to a conversation, besides AgentEvents and the phone's own events.
type (
	// phoneStarted: the stream began, at a time before it was admitted; zero is now.
	phoneStarted struct{ at time.Time }
	phoneBad     struct{}
	// phoneGone: the stream ended. reason is what that means while nothing was concluded.
	phoneGone struct{ reason EndReason }
	// agentReady: the next connection is configured; expires is when it will end by itself.
	agentReady struct {
		listen  Listen
		expires time.Time
	}
	// agentGone concerns the current connection, dialFailed the next.
	agentGone  struct{ err error }
	dialFailed struct{ err error }
	toolDone   struct {
		callID, output string
		took           time.Duration
	}
	// hangUpAsked comes from outside; at once means without a farewell.
	hangUpAsked struct {
		reason EndReason
		atOnce bool
	}
)

// conversation is the state of a call and the rules by which it changes. It does no
// I/O, reads no clock and has no goroutine: the session hands it one event at a
// time with the time, and it answers with effects.
//
// Where hundreds of calls go on, nothing of this one is in the processor's caches when its
// frame comes: a field costs as much as all that is computed with it, its neighbours nothing.
// So what every frame asks for stands together, from the end of cfg to gate, and is fetched
// together (ahead.go).
type conversation struct {
	cfg Config

	now time.Time
	fx  effects
	// ready: an agent carries the conversation; gone: none will again.
	started, ready, gone, over bool
	// muted: the model's audio is no longer wanted.
	muted     bool
	badInARow int
	ending    *ending
	ear       ear
	talk      calleeState
	inbox     inbound
	recall    recall
	play      playback
	alarms    deadlines
	link      link
	guard     guard
	gate      gate

	book transcript
	// listen is the turn detection in effect.
	listen Listen

	first      firstWords
	greeting   greetingState
	silent     silenceState
	wait       deadAir
	fillers    int // played so far
	responses  map[string]*response
	order      []string             // of responses, the oldest first
	calls      map[string]*response // by call id
	running    map[string]ToolCall
	mustEnd    EndReason // a time limit that a farewell has to follow sooner or later
	failures   int
	rateReset  time.Duration
	awaiting   []string // callee items without a transcript yet
	serial     int
	turnWaits  bool // the callee stopped and nothing was answered yet
	apologyDue EndReason

	out Outcome
}

// calleeState is what is known of the callee's speech.
type calleeState struct {
	speaking  bool
	startedAt time.Time // when the session heard of it
	// past: that speech was heard again from what was kept, on another connection.
	past      bool
	stoppedAt time.Time
	// owed: the callee said something that the model will not answer by itself.
	owed bool
	// watching: an interruption whose outcome is not known yet.
	watching bool
}

// response is one response of the model.
type response struct {
	id   string
	kind respondKind // "" where the model began it by itself
	req  *request
	// dead: interrupted; what still comes of it is not passed on.
	dead, done, spoke, answered bool
	// former: of a connection that another has taken over from, which knows it as text.
	former      bool
	status      ResponseStatus
	calls, open int // function calls: seen, and not answered yet
	// begun are the items of which something went to the phone; unsaid came when it was dead.
	begun, unsaid []string
	// said is the transcript of a greeting, as far as it is looked at.
	said string
}

// hear adds to what a greeting said.
func (r *response) hear(text string) {
	if r.kind == respondGreeting && text != "" && len(r.said) < mostSaid {
		r.said += text + "\n"
	}
}

func newConversation(cfg Config, fx effects, now time.Time) *conversation {
	c := &conversation{
		cfg: cfg, fx: fx, now: now, ear: ear{format: cfg.Input}, guard: newGuard(cfg.BackchannelGuard),
		responses: map[string]*response{}, calls: map[string]*response{},
		running: map[string]ToolCall{},
	}
	c.first.dialled = now
	c.out.Quality.FirstAudioMS, c.out.Quality.FirstAudioModelMS, c.out.Quality.DialMS = -1, -1, -1
	c.alarms.set(alarmPhoneStall, now.Add(cfg.PhoneStall))
	return c
}

// handle takes one event.
func (c *conversation) handle(now time.Time, ev any) {
	c.now = now
	switch ev := ev.(type) {
	case *twiliostream.Event:
		c.handlePhone(ev)
		if ev.Kind == twiliostream.Media && !c.followsFrames() {
			return
		}
	case *AgentAudio:
		if c.agentAudio(ev) {
			return
		}
	case phoneStarted, phoneBad, phoneGone:
		c.handlePhone(ev)
	case heardAt:
		if c.ready { // else the frame waits for the model, not for us
			c.fx.sendAgent(ev)
		}
	case spokenAt:
		c.fx.sendPhone(phoneCommand{since: time.Time(ev)})
	case AgentEvent:
		c.handleAgent(ev)
	case agentReady:
		c.agentReady(ev)
	case agentGone:
		c.agentGone(ev.err)
	case dialFailed:
		c.dialFailed(ev.err)
	case toolDone:
		c.toolDone(ev)
	case hangUpAsked:
		c.hangUpAsked(ev)
	}
	c.settle()
}

// followsFrames says whether something waits for what a frame of the callee's may change by
// itself. Nothing follows from the rest of them, fifty times a second: only that they are
// passed on, and alarms put off.
func (c *conversation) followsFrames() bool { return c.guard.on || c.link.next != nil }

// expire lets one due alarm go off; false if none was due.
func (c *conversation) expire(now time.Time) bool {
	a, late, ok := c.alarms.take(now)
	if !ok {
		return false
	}
	c.now = now
	c.ring(a, late)
	c.settle()
	return true
}

func (c *conversation) ring(a alarm, late time.Duration) {
	switch a {
	case alarmPhoneStall:
		c.finish(c.concluded(EndPhoneLost))
	case alarmHangUp:
		c.endMarkLost()
	case alarmReconnect:
		c.modelLost()
	case alarmRedial:
		c.connect()
	case alarmRenew:
		c.dialNext()
	case alarmFarewell:
		c.playOut()
	case alarmMaxLength:
		c.mustEnd = EndMaxLength
	case alarmSpeak:
		c.notSpeaking()
	case alarmGreet:
		c.greet()
	case alarmDisclosure:
		c.disclosureOver(false)
	case alarmPlayed:
		c.marksLost()
	case alarmGate:
		c.gateTimeout()
	case alarmWatch:
		c.watchdog()
	case alarmVADStall:
		c.vadStall(late)
	case alarmFiller:
		c.fillDeadAir()
	case alarmPrompt:
		c.prompt()
	case alarmSilence:
		c.beginEnding(&ending{reason: EndSilence, note: noteSilence})
	case alarmBackoff, alarmLinger, alarms:
	}
}

// settle does what follows from the new state, whatever the event was.
func (c *conversation) settle() {
	if c.over {
		return
	}
	c.takePlayed()
	c.judgeHeld()
	c.renew()
	c.fillBreak()
	if c.mustEnd != "" && c.ending == nil && !c.broken() {
		c.beginEnding(&ending{reason: c.mustEnd, forced: true, note: noteTimeUp})
	}
	c.answerTail()
	c.pump()
	c.watchDeadAir()
	c.watchSilence()
}

// handleAgent takes what the model did.
func (c *conversation) handleAgent(ev AgentEvent) {
	switch ev := ev.(type) {
	case AgentAudioDone:
		c.agentAudioDone(ev.ItemID)
	case AgentTranscript:
		c.agentSaid(ev)
	case AgentCall:
		c.agentCall(ev)
	case ResponseStarted:
		c.responseStarted(ev)
	case ResponseEnded:
		c.responseEnded(ev)
	case CalleeStarted:
		c.talk.startedAt = ev.Heard
		c.calleeStarted(ev)
	case CalleeStopped:
		c.calleeStopped()
	case CalleeCommitted:
		c.calleeCommitted(ev.ItemID)
	case CalleeTranscript:
		c.calleeSaid(ev)
	case AgentListening:
		c.listen = ev.Listen
	case AgentFault:
		c.agentFault(ev)
	case AgentGarbled:
		c.out.Quality.BadEvents++
	case AgentLimits:
		c.rateReset = ev.Reset
	}
}

// finished says whether nothing more is to come: the session has ended, its tools
// have, and the last transcript is here or no longer awaited.
func (c *conversation) finished() bool {
	return c.over && len(c.running) == 0 && !c.needsAgent()
}

// needsAgent says whether the model's connection is still of use: after the end only
// for a transcript that is on its way, and for the bill of the response that was cut off.
func (c *conversation) needsAgent() bool {
	if !c.over {
		return true
	}
	due := len(c.awaiting) > 0 || c.gate.state == gateActive
	return c.ready && !c.gone && due && c.alarms.armed(alarmLinger)
}

// finish ends the session for reason, once: the stream is closed, the model stops
// speaking, and only what is already under way is still waited for.
func (c *conversation) finish(reason EndReason) {
	if c.over {
		return
	}
	c.over = true
	c.out.Reason, c.out.EndedAt = reason, c.now
	c.alarms = deadlines{}
	for _, cut := range c.interrupt() {
		c.book.interrupted(cut.item.id, cut.atMS, cut.item.lengthMS())
	}
	c.cfg.Tape.end(c.now)
	if c.gate.state == gateActive && !c.gone {
		c.fx.sendAgent(Cancel{ResponseID: c.gate.active})
	}
	c.alarms.set(alarmLinger, c.now.Add(c.cfg.TranscriptWait))
	c.observe(Moment{Kind: MomentEnded, Name: string(reason)}) // first: who is told may be gone with the phone
	c.fx.hangUp(c.outcome())
}

// outcome is what the session leaves behind.
func (c *conversation) outcome() Outcome {
	c.out.Transcript = c.book.turns()
	c.out.Usage.Unreported = 0
	for _, r := range c.responses {
		if !r.done {
			c.out.Usage.Unreported++
		}
	}
	return c.out
}

func (c *conversation) observe(m Moment) {
	m.At = cmp.Or(m.At, c.now)
	c.fx.observe(m)
}

// sinceStart is the time in the stream, in milliseconds.
func (c *conversation) sinceStart() int {
	if !c.started {
		return 0
	}
	return int(c.now.Sub(c.out.StartedAt).Milliseconds())
}
