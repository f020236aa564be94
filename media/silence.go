package media

import "time"

// silenceState is one stretch of a callee's silence. It begins at the end of the
// agent's playback, not when the response is done (research section 12), and the
// agent's own prompt does not end it.
type silenceState struct {
	since    time.Time
	prompted bool
}

// watchSilence keeps the two silence alarms in step with the conversation.
func (c *conversation) watchSilence() {
	if !c.quiet() {
		c.alarms.clear(alarmPrompt)
		c.alarms.clear(alarmSilence)
		return
	}
	if c.silent.since.IsZero() {
		c.silent.since = c.now
	}
	c.alarms.set(alarmSilence, c.silent.since.Add(c.cfg.SilenceHangup))
	if !c.silent.prompted {
		c.alarms.set(alarmPrompt, c.silent.since.Add(c.cfg.SilencePrompt))
	}
}

// quiet says whether it is the callee's turn and nothing is to be heard.
func (c *conversation) quiet() bool {
	return c.started && c.ready && c.greeting.over && c.ending == nil && !c.over && !c.muted && !c.talk.speaking &&
		c.gate.state == gateIdle && c.gate.pending == nil && c.play.empty() && len(c.running) == 0
}

// prompt asks, once in a silence, whether somebody is there.
func (c *conversation) prompt() {
	if c.silent.prompted || !c.quiet() {
		return
	}
	c.silent.prompted = true
	c.gate.want(request{kind: respondPrompt, note: notePrompt})
}
