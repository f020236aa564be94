package media

import "time"

// With Config.BackchannelGuard the model neither stops nor answers by itself: it only
// tells when the callee starts and stops to speak, and here is decided what that means.
// While the agent is to be heard a sound of the callee's is held back until the guard
// knows: an interruption takes the ordinary way (clear, cancel, truncate, and a response
// of ours when the callee has finished), a backchannel none, and the agent speaks on.

// holdsBack says whether a sound of the callee's may be a backchannel: where there is
// nothing to talk over it is a turn, and where nothing may be interrupted it changes nothing.
func (c *conversation) holdsBack() bool {
	return c.guard.on && !c.play.empty() && c.greeting.over && !c.forced()
}

// guardHears takes the callee's audio on its way to the model.
func (c *conversation) guardHears(law []byte) {
	if c.guard.on {
		c.guard.listen(law, c.talk.speaking || c.play.empty())
	}
}

// judgeHeld lets a callee in who turned out to interrupt, or whom the agent has left the word.
func (c *conversation) judgeHeld() {
	if c.guard.held && (c.guard.interrupts() || c.play.empty()) {
		c.guard.held = false
		c.calleeSpeaks()
	}
}

// passed: what the callee said over the agent was a backchannel.
func (c *conversation) passed() {
	c.guard.held = false
	c.guard.passed = c.now
	c.alarms.clear(alarmVADStall)
	c.out.Quality.Backchannels++
	c.observe(Moment{Kind: MomentBackchannel})
}

// answerTail: a short word at the very end of what the agent said was the answer to it.
func (c *conversation) answerTail() {
	if c.guard.passed.IsZero() || !c.play.empty() || c.gate.state != gateIdle {
		return
	}
	if c.now.Sub(c.guard.passed) <= guardTail && c.gate.pending == nil && c.ending == nil && !c.talk.speaking && len(c.running) == 0 {
		c.gate.want(request{kind: respondAnswer})
	}
	c.guard.passed = time.Time{}
}
