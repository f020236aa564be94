package media

// calleeStarted: the model heard the callee begin to speak.
func (c *conversation) calleeStarted(ev CalleeStarted) {
	if c.over || c.muted {
		return
	}
	c.recall.hold(ev.AtMS)
	c.talk.past = ev.AtMS < c.link.againMS
	if c.holdsBack() {
		c.guard.held = true
		c.alarms.set(alarmVADStall, c.now.Add(vadStallAfter))
		c.judgeHeld()
		return
	}
	c.calleeSpeaks()
}

// calleeSpeaks: the callee has the word. Over the disclosure that is only remembered; else
// the agent falls silent.
func (c *conversation) calleeSpeaks() {
	c.talk.speaking = true
	c.stopWatching()
	c.silent = silenceState{}
	c.alarms.set(alarmVADStall, c.now.Add(vadStallAfter))
	c.observe(Moment{Kind: MomentCalleeStarted})
	if !c.greeting.asked {
		if c.alarms.armed(alarmGreet) {
			c.alarms.set(alarmGreet, c.now.Add(c.cfg.GreetAtLatest))
		}
		return
	}
	c.talk.owed = true
	if !c.protected() && !c.forced() {
		c.bargeIn()
	}
}

// calleeStopped: the turn is the agent's, if the callee said anything.
func (c *conversation) calleeStopped() {
	switch {
	case c.over || c.muted:
		return
	case c.guard.held:
		c.passed()
		return
	}
	c.talk.speaking, c.talk.stoppedAt, c.turnWaits = false, c.now, true
	c.alarms.clear(alarmVADStall)
	c.observe(Moment{Kind: MomentCalleeStopped})
	switch {
	case !c.greeting.asked:
		c.greet()
		return
	case c.listen.Respond && !c.forced():
		c.talk.owed = false
		c.gate.expectOwn()
		c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	}
	if c.talk.watching {
		c.alarms.set(alarmWatch, c.now.Add(c.cfg.BargeInWatch))
	}
}

// calleeCommitted: the callee's words are in the conversation. Where the model does
// not answer by itself, we ask it to.
func (c *conversation) calleeCommitted(itemID string) {
	if c.cfg.TranscriptionModel != "" && !c.over {
		c.awaitTranscript(itemID)
	}
	c.recall.open = false
	c.book.begin(SpeakerCallee, itemID, c.sinceStart())
	c.stopWatching()
	if c.over || c.muted || !c.talk.owed {
		return
	}
	c.talk.owed = false
	if !c.listen.Respond && !c.forced() {
		c.gate.want(request{kind: respondAnswer})
	}
}

// bargeIn silences the agent, in the order of research section 10: a new generation,
// the phone's buffer cleared, the response stopped, the model made to forget what was
// not heard. A farewell is taken back: the call goes on.
func (c *conversation) bargeIn() {
	if c.gate.sent != nil { // asked for before the callee spoke, it must not be said any more
		c.gate.sent.void = true
		c.talk.watching = true
	}
	if c.ending != nil {
		c.notYet()
	}
	active := c.responses[c.gate.active]
	if c.play.empty() && active == nil {
		return
	}
	if c.talk.past && active == nil && c.play.own() {
		return // nobody speaks into the filler: that was before it
	}
	cuts := c.interrupt()
	c.out.Quality.BargeIns++
	c.observe(Moment{Kind: MomentBargeIn})
	if active != nil {
		active.dead = true
		c.alarms.set(alarmGate, c.now.Add(c.cfg.ResponseWithin))
	}
	if len(cuts) > 0 {
		c.clearPhone(c.talk.startedAt)
	}
	if active != nil && !c.listen.Interrupt {
		c.fx.sendAgent(Cancel{ResponseID: active.id})
	}
	for _, cut := range cuts {
		c.truncate(cut)
	}
	c.talk.watching = true
}

// truncate makes the model forget what was not heard of an item.
func (c *conversation) truncate(cut cut) {
	it := cut.item
	r := c.responses[it.responseID]
	if r != nil {
		r.dead = true
	}
	c.book.interrupted(it.id, cut.atMS, it.lengthMS())
	if it.own || it.sentBytes == 0 {
		return // the model never said it, or nothing of it was ever sent: there is nothing to truncate
	}
	if r != nil && r.former {
		c.heardOnly(it.id)
		return
	}
	c.fx.sendAgent(Truncate{ItemID: it.id, ContentIndex: it.contentIndex, AudioEndMS: cut.atMS})
	c.observe(Moment{Kind: MomentTruncate, Name: it.id, MS: cut.atMS})
}

// forgetUnsaid makes the model forget the items of which the callee heard nothing, since
// their response was stopped before they came: else it would believe that it had said them.
func (c *conversation) forgetUnsaid(r *response) {
	for _, id := range r.unsaid {
		c.fx.sendAgent(Truncate{ItemID: id})
		c.observe(Moment{Kind: MomentTruncate, Name: id})
	}
	r.unsaid = nil
}

func (c *conversation) stopWatching() {
	c.talk.watching = false
	c.alarms.clear(alarmWatch)
}

// watchdog: the callee interrupted and then nothing came of it. The agent takes the
// turn again, or both would wait for each other.
func (c *conversation) watchdog() {
	c.stopWatching()
	if c.talk.speaking {
		return
	}
	if c.gate.state == gateRequested && c.gate.sent == nil {
		c.gate.reset()
	}
	c.gate.want(request{kind: respondAnswer})
}
