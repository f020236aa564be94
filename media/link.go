package media

import (
	"errors"
	"strconv"
	"time"
)

// link is the conversation's hold on its model, whose connections come and go.
//
// A connection that is lost in the call is replaced once: another is dialled, told what
// was said so far, given again what of the callee's speech nobody has answered or written
// down, and asked for what was owed. The second loss ends the call with the apology.
// Lost is a socket that fails or closes, an error event after which the model speaks no
// more, and a handshake that breaks off; a session that is refused is not tried again.
//
// A connection that is to end by itself (the service caps a session at 60 minutes) is
// replaced before, in a pause: that costs nothing and is not counted.
type link struct {
	// failed counts the dials that failed in a row, losses the connections that were lost.
	failed, losses int
	lostAt         time.Time
	// filled: a filler was played while there was none.
	filled bool
	// againMS is how much of the callee's audio this connection was given again.
	againMS int
	// cutOff: the model's words were broken off in their middle by a loss.
	cutOff bool
	// had: a connection has carried the conversation.
	had bool
	// dialing: another is being dialled; next: it is ready, and waits for its turn.
	dialing bool
	next    *agentReady
}

const (
	// lossesMost is how many connections a call may lose, dialsMost how many dials in a
	// row may fail.
	lossesMost = 1
	dialsMost  = 2
	// redialAfter lets a peer that has just closed come back.
	redialAfter = 300 * time.Millisecond
	// renewAgainAfter is the pause before another dial for a connection that is to follow
	// one that still lives.
	renewAgainAfter = 15 * time.Second
)

// connect dials the model, or takes the connection that is ready.
func (c *conversation) connect() {
	switch {
	case c.link.next != nil:
		c.takeOver()
	case !c.link.dialing:
		c.link.dialing = true
		c.fx.dial(c.listening())
	}
}

// listening is the turn detection that is wanted now: none until the disclosure was
// heard, nor while words are said that nobody may stop.
func (c *conversation) listening() Listen {
	if !c.greeting.over || c.forced() {
		return Listen{}
	}
	return Listen{Respond: !c.guard.on, Interrupt: !c.guard.on}
}

// agentReady: the connection that was dialled is configured.
func (c *conversation) agentReady(ev agentReady) {
	c.link.dialing, c.link.failed, c.link.next = false, 0, &ev
	if !c.ready {
		c.takeOver()
	}
}

// takeOver makes the connection that is ready the one that carries the conversation.
func (c *conversation) takeOver() {
	next := *c.link.next
	c.link.next = nil
	if c.over || c.muted || c.gone {
		return // nobody is to speak any more
	}
	again, renewed := c.link.had, c.ready
	c.fx.takeOver()
	c.ready, c.link.had, c.listen = true, true, next.listen
	c.alarms.clear(alarmReconnect)
	c.alarms.clear(alarmRedial)
	c.planRenewal(next.expires)
	switch {
	case renewed:
		c.out.Quality.Renewals++
		c.observe(Moment{Kind: MomentRenewed})
	case again:
		c.out.Quality.Reconnects++
		c.observe(Moment{Kind: MomentReconnected, MS: int(c.now.Sub(c.link.lostAt).Milliseconds())})
	default:
		c.noteReady()
		c.observe(Moment{Kind: MomentReady})
		c.hearWaiting()
		c.armGreeting()
		return
	}
	c.resume()
}

// planRenewal sets the time at which the next connection is dialled: RenewBefore the end
// of this one, or halfway there where it lives but briefly. The peer's clock and ours are
// compared once, so that one that is set later changes nothing.
func (c *conversation) planRenewal(expires time.Time) {
	c.alarms.clear(alarmRenew)
	if left := expires.Sub(c.now); !expires.IsZero() && left > 0 {
		c.alarms.set(alarmRenew, c.now.Add(left-min(c.cfg.RenewBefore, left/2)))
	}
}

// renew swaps connections in a pause: nobody speaks, nothing is owed, and what the callee
// said is written down, or will not be.
func (c *conversation) renew() {
	if c.link.next == nil || !c.ready || !c.quiet() || c.silent.since.IsZero() {
		return
	}
	if len(c.awaiting) > 0 && c.now.Sub(c.silent.since) < c.cfg.TranscriptWait {
		return
	}
	c.takeOver()
}

// agentGone: the connection that carried the conversation is lost.
func (c *conversation) agentGone(err error) {
	if !c.ready {
		return
	}
	c.ready = false
	c.fx.dropAgent()
	c.alarms.clear(alarmRenew)
	if c.over || c.muted || c.lastWords() {
		c.gone = true
		return // nothing was still to come from it
	}
	c.cfg.Log.Warn("the model's connection was lost", "err", err)
	if c.link.losses++; c.link.losses > lossesMost {
		c.modelLost()
		return
	}
	c.link.lostAt, c.link.filled = c.now, false
	c.observe(Moment{Kind: MomentModelLost})
	c.alarms.set(alarmReconnect, c.now.Add(c.cfg.ReconnectWithin))
	c.breakOff()
	c.connect()
}

// dialFailed: a connection could not be had, or was lost before its turn came.
func (c *conversation) dialFailed(err error) {
	c.link.dialing, c.link.next = false, nil
	if c.over || c.muted {
		return
	}
	c.cfg.Log.Warn("no connection to the model", "err", err)
	c.link.failed++
	switch {
	case c.ready: // the one that lives goes on
		c.alarms.set(alarmRenew, c.now.Add(renewAgainAfter))
	case errors.Is(err, ErrDialRefused) || c.link.failed >= dialsMost:
		c.modelLost()
	default:
		c.alarms.set(alarmRedial, c.now.Add(redialAfter))
	}
}

// broken says whether a connection was lost, and another is awaited.
func (c *conversation) broken() bool { return c.alarms.armed(alarmReconnect) }

// fillBreak says a filler, once, to a callee who waits for the agent while there is none.
func (c *conversation) fillBreak() {
	waits := c.gate.pending != nil || c.recall.held || len(c.running) > 0
	if c.broken() && waits && !c.link.filled && c.ending == nil && c.play.empty() && c.playFiller() {
		c.link.filled, c.wait.filled = true, true
	}
}

// modelLost: the model will not speak again.
func (c *conversation) modelLost() {
	c.gone = true
	c.apologise(EndModelLost)
}

// breakOff brings what was under way to where another connection can go on.
func (c *conversation) breakOff() {
	g := &c.gate
	own := g.own
	if g.sent != nil && !g.sent.void {
		c.askAgain(g.sent)
	}
	for _, r := range c.responses {
		if !r.done {
			c.cutOff(r)
		}
	}
	g.reset()
	if own {
		g.want(request{kind: respondAnswer})
	}
	c.talk.speaking, c.guard.held = false, false
	c.stopWatching()
	for _, a := range []alarm{alarmGate, alarmVADStall, alarmSpeak} {
		c.alarms.clear(a)
	}
}

// cutOff ends a response whose connection was lost. What of it reached the phone is
// heard; of its calls, those that were complete are carried out.
func (c *conversation) cutOff(r *response) {
	r.done, r.status = true, ResponseIncomplete
	for _, it := range c.play.items {
		if it.responseID == r.id {
			c.finishItem(it)
			c.book.cutOff(it.id, it.sentMS())
		}
	}
	switch {
	case r.dead:
	case r.kind == respondGreeting:
		c.greetAgain()
	case r.calls > 0:
		c.batchDone(r)
	default:
		c.link.cutOff = r.spoke
		if r.req == nil {
			r.req = &request{kind: respondAnswer}
		}
		c.askAgain(r.req)
	}
}

// askAgain keeps a request that the lost connection did not carry out. Its note is in the
// conversation that the next one is told.
func (c *conversation) askAgain(r *request) {
	again := *r
	again.note = ""
	c.gate.want(again)
}

// resume tells a new connection what was said and goes on from there.
func (c *conversation) resume() {
	for _, cmd := range c.book.replay() {
		c.fx.sendAgent(cmd)
	}
	for _, r := range c.responses {
		r.former = true
	}
	c.awaiting = nil // a transcript that has not come will not come
	note := noteResumed
	if c.link.cutOff {
		c.link.cutOff = false
		note += noteCutOff
	}
	c.fx.sendAgent(Note{Text: note})
	if want := c.listening(); want != c.listen {
		c.listenAs(want)
	}
	held := c.recall.held
	c.hearAgain()
	if c.greeting.asked && !c.greeting.said {
		c.alarms.set(alarmSpeak, c.now.Add(c.cfg.SpeakWithin))
	}
	if held && c.listen.Respond {
		// The callee's words are heard again, and answered as if for the first time.
		c.gate.expectOwn()
		c.alarms.set(alarmGate, c.now.Add(c.cfg.BargeInWatch))
	}
	if !c.greeting.asked {
		c.first.ready = c.now // this model too is given its time to notice a hello
		c.armGreeting()
	}
}

// heardOnly tells the model what was heard of an item that it knows as text, which can't
// be truncated.
func (c *conversation) heardOnly(itemID string) {
	if e := c.book.items[itemID]; e != nil && e.turn.Text != "" {
		c.tell(noteHeard + strconv.Quote(e.heard()))
	}
}

// tell tells the model something, as the system.
func (c *conversation) tell(note string) {
	c.book.noted(note)
	c.fx.sendAgent(Note{Text: note})
}

// listenAs changes turn detection.
func (c *conversation) listenAs(l Listen) {
	c.serial++
	l.EventID = c.eventID("listen")
	c.fx.sendAgent(l)
}

// dialNext dials the connection that is to follow one that lives.
func (c *conversation) dialNext() {
	if c.ready && c.link.next == nil {
		c.connect()
	}
}
