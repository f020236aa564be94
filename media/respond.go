package media

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"
)

// What the model is told by the system, besides its instructions.
const (
	noteOpening   = "You have just introduced yourself. Now, in one or two short sentences, say why you are calling and ask your first question. If the callee said something meanwhile, answer it first. Do not introduce yourself again."
	notePrompt    = "The callee has been silent for a while. Ask in one short sentence whether they are still there."
	noteSilence   = "Nobody answers any more. Say goodbye in one short sentence; the call ends after it."
	noteTimeUp    = "The call must end now. In one short sentence, apologise that you have to go and say goodbye."
	greetingHead  = "\n\n# Now\nThe call has just been answered. Say exactly this sentence, word by word, and nothing before it:\n\""
	greetingAgain = "\n\n# Now\nWhat you just said lacked the sentence that must be said first. Say exactly this sentence now, word by word, and nothing before it:\n\""
	greetingTail  = "\"\nAfter it say nothing more: stop there."
	greetingMore  = "\"\nAfter it, say in one or two short sentences why you are calling, and ask your first question."
)

// eventID makes the next id of a command.
func (c *conversation) eventID(what string) string {
	return what + "_" + strconv.Itoa(c.serial)
}

// pump asks for the response that is owed, if it may be asked for now.
func (c *conversation) pump() {
	g := &c.gate
	if c.over || c.muted || c.lastWords() || c.gone || !c.ready || g.state != gateIdle || g.pending == nil {
		return
	}
	if c.talk.speaking && !g.pending.force {
		return
	}
	if c.now.Before(g.notBefore) {
		c.alarms.set(alarmBackoff, g.notBefore)
		return
	}
	r := g.pending
	g.pending = nil
	if r.kind != respondGreeting && !c.greeting.said {
		c.apologise(c.concluded(EndDisclosureMissing)) // the disclosure is said first, or nothing is
		return
	}
	c.serial++
	g.state, g.sent, g.sentID = gateRequested, r, c.eventID("respond")
	c.noteAsked()
	c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	c.talk.owed = false
	if r.note != "" {
		c.tell(r.note)
	}
	cmd := Respond{EventID: g.sentID, Kind: string(r.kind)}
	switch r.kind {
	case respondGreeting:
		cmd.Instructions, cmd.NoTools = c.greetingInstructions(), true
	case respondOpening, respondPrompt, respondFarewell:
		cmd.NoTools = true
	case respondAnswer, respondTools:
	}
	c.fx.sendAgent(cmd)
}

// greetingInstructions replace the session's for one response, so they repeat them
// (research section 12).
func (c *conversation) greetingInstructions() string {
	head, tail := greetingHead, greetingTail
	switch {
	case c.greeting.missed > 0:
		head = greetingAgain
	case c.cfg.GreetInOne:
		tail = greetingMore
	}
	return c.cfg.Instructions + head + c.cfg.Disclosure + tail
}

// responseStarted takes note of a response, ours or the model's own.
func (c *conversation) responseStarted(ev ResponseStarted) {
	r := &response{id: ev.ResponseID, req: c.gate.grant(ev.ResponseID, ev.Kind)}
	c.remember(r)
	if r.req != nil {
		r.kind = r.req.kind
	}
	c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	c.stopWatching()
	if r.kind != respondPrompt {
		c.silent = silenceState{}
	}
	if r.kind == respondGreeting {
		c.greeting.begin(r.id)
	}
	late := c.talk.speaking || r.req != nil && r.req.void
	unasked := r.req == nil && !c.greeting.said // the disclosure is said first
	if c.over || c.muted || unasked || late && !c.protected() && !c.forced() {
		c.kill(r) // the callee has spoken meanwhile
	}
}

// responsesKept is how many responses are remembered, beyond those that still matter.
const responsesKept = 64

// remember takes note of a response, and forgets the oldest with their calls: those that
// ended or were given up, were played, and have no call under way. What comes of one that
// is forgotten counts as late.
func (c *conversation) remember(r *response) {
	c.responses[r.id] = r
	c.order = append(c.order, r.id)
	if len(c.order) <= responsesKept {
		return
	}
	old := c.order[:len(c.order)-responsesKept]
	kept := slices.DeleteFunc(old, func(id string) bool {
		r := c.responses[id]
		if r.open > 0 || id == c.gate.active || slices.ContainsFunc(c.play.items, func(it *item) bool { return it.responseID == id }) {
			return false
		}
		delete(c.responses, id)
		maps.DeleteFunc(c.calls, func(_ string, of *response) bool { return of == r })
		return true
	})
	c.order = append(kept, c.order[len(c.order)-responsesKept:]...)
}

// kill stops a response that must not be heard any more.
func (c *conversation) kill(r *response) {
	if r.dead {
		return // it was stopped before
	}
	r.dead = true
	if !r.done && !c.gone {
		c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
		c.fx.sendAgent(Cancel{ResponseID: r.id})
	}
}

// responseEnded is the last word on a response.
func (c *conversation) responseEnded(ev ResponseEnded) {
	r := c.responses[ev.ResponseID]
	if r == nil { // its start was never told
		r = &response{id: ev.ResponseID, req: c.gate.grant(ev.ResponseID, "")}
		c.remember(r)
	}
	if r.done {
		return
	}
	c.out.Usage.add(ev.Usage) // also of a cancelled one, which is billed too; once, however often it is told
	r.done, r.status = true, ev.Status
	if r.said == "" {
		r.hear(ev.Said)
	}
	for _, it := range c.play.items {
		if it.responseID == r.id {
			c.finishItem(it)
		}
	}
	c.gate.release(r.id)
	c.alarms.clear(alarmGate)
	if c.gate.state == gateRequested {
		c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	}
	if c.over || c.muted {
		return
	}
	c.forgetUnsaid(r)
	if ev.Status == ResponseFailed {
		c.responseFailed(r, ev.Fault)
		return
	}
	if !r.dead && (r.spoke || r.calls > 0) {
		c.failures = 0
		c.answered()
	}
	c.follow(r)
}

// answered: the model has dealt with whatever the callee said before.
func (c *conversation) answered() {
	if p := c.gate.pending; !c.gate.own && !c.talk.owed && (p == nil || p.kind != respondAnswer) {
		c.recall.release()
	}
}

// follow does what comes after a response that did not fail.
func (c *conversation) follow(r *response) {
	switch {
	case r.kind == respondGreeting && r.dead: // it stalled, and is asked for again already
	case r.kind == respondGreeting && !r.spoke:
		c.responseFailed(r, Fault{Class: FaultUnknown, Code: "nothing_said"})
	case r.kind == respondGreeting:
		c.greetingEnded(r)
	case r.kind == respondFarewell:
		c.farewellEnded(r)
	default:
		c.batchDone(r)
	}
}

// progress: the response is being made, and is given its time anew.
func (c *conversation) progress(r *response) {
	if c.gate.state == gateActive && c.gate.active == r.id && !r.dead {
		c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	}
}

// gateTimeout: a response was asked for and never began, began and never went on, or
// was cancelled and never ended.
func (c *conversation) gateTimeout() {
	c.cfg.Log.Warn("no word of a response in time", "state", int(c.gate.state))
	if r := c.responses[c.gate.active]; c.gate.state == gateActive && r != nil && !r.dead {
		c.kill(r)
		c.responseFailed(r, Fault{Class: FaultUnknown, Code: "stalled"})
		return
	}
	own := c.gate.own
	c.gate.reset()
	if own {
		c.gate.want(request{kind: respondAnswer})
	}
}

// responseFailed acts on a response that said nothing: nobody else will (research
// section 7). Rate limits are waited for, a server's fault is tried once more.
func (c *conversation) responseFailed(r *response, f Fault) {
	c.failures++
	c.cfg.Log.Warn("response failed", "kind", string(r.kind), "code", f.Code, "tries", c.failures)
	c.observe(Moment{Kind: MomentResponseFailed, Name: f.Code})
	retry := request{kind: respondAnswer}
	if r.req != nil {
		retry = *r.req
		retry.note = "" // it is in the conversation already
	}
	if c.ending != nil {
		retry = request{kind: respondFarewell, force: c.ending.forced}
	}
	switch {
	case f.Class == FaultFatal:
		c.modelLost()
	case f.Class == FaultRateLimited && c.failures <= 3:
		c.gate.notBefore = c.now.Add(min(max(c.rateReset, time.Second), 10*time.Second))
		c.gate.want(retry)
	case f.Class != FaultRateLimited && c.failures <= 1:
		c.gate.want(retry)
	case c.ending != nil:
		c.playOut()
	default:
		c.apologise(EndModelSilent)
	}
}

// agentFault acts on an error of the model that left the connection open. Unknown
// ones are logged: treating them as fatal killed calls elsewhere (research section 8).
func (c *conversation) agentFault(ev AgentFault) {
	f := ev.Fault
	ours := c.gate.sent != nil && (ev.EventID == c.gate.sentID || ev.EventID == "" && f.Class == FaultConflict)
	switch f.Class {
	case FaultFatal:
		c.agentGone(errors.New("error " + f.Code))
	case FaultConflict:
		switch {
		case ours:
			c.gate.refused(true)
		case c.gate.own && ev.EventID == "": // the model's own answer met a response of ours that had just been stopped
			c.gate.own = false
			c.gate.want(request{kind: respondAnswer})
		}
	case FaultBenign:
	case FaultRequest, FaultRateLimited, FaultUnknown:
		c.cfg.Log.Warn("the model refused a command", "code", f.Code, "command", ev.EventID)
		if ours {
			sent := c.gate.sent
			c.gate.refused(false)
			c.responseFailed(&response{kind: sent.kind, req: sent}, f)
		}
	}
}
