package media

import "time"

// greetingState is how far the agent's first words are.
//
// They are two responses. The first says the disclosure and nothing else, and can't
// be interrupted: the model's turn detection starts without interruptions, and the
// callee's speech is heard but acted upon later. The second, asked for as soon as the
// first is generated and so following it without a pause, says why we call, together
// with an answer to what the callee said meanwhile; it can be interrupted like
// anything else. So exactly the sentence that must be heard is protected. With
// Config.GreetInOne one response says both, and its first item is protected.
type greetingState struct {
	// asked: the greeting was requested, which happens once.
	asked bool
	// over: the disclosure was played, or never will be; the call is an ordinary conversation.
	over bool
	// response is the greeting's, as soon as it began; items are those of it that count as disclosure.
	response string
	item     string
	heard    bool
	dueAt    time.Time
}

// armGreeting starts the wait for the callee's first words, when both sides are there.
func (c *conversation) armGreeting() {
	if !c.started || c.greeting.asked || c.ending != nil {
		return
	}
	if !c.ready {
		// The greeting falls due without a model; see notSpeaking.
		c.alarms.set(alarmSpeak, c.now.Add(c.cfg.GreetAfter+c.cfg.SpeakWithin))
		return
	}
	c.alarms.clear(alarmSpeak)
	c.alarms.set(alarmGreet, c.now.Add(c.cfg.GreetAfter))
}

// greet asks for the greeting: when the callee's first words ended, or nobody spoke.
func (c *conversation) greet() {
	if c.greeting.asked || !c.started || !c.ready || c.ending != nil || c.gone {
		return
	}
	c.greeting.asked, c.greeting.dueAt = true, c.now
	c.alarms.clear(alarmGreet)
	c.alarms.set(alarmSpeak, c.now.Add(c.cfg.SpeakWithin))
	c.gate.want(request{kind: respondGreeting, force: true})
}

// protected says whether the agent must not be interrupted: the disclosure is not out yet.
func (c *conversation) protected() bool { return c.greeting.asked && !c.greeting.over }

// greetingEnded goes on after the greeting's response was generated. Its playback is
// still under way; should its marks get lost, it is over when it must have been played.
func (c *conversation) greetingEnded(r *response) {
	if r.spoke && !c.greeting.over {
		c.alarms.set(alarmDisclosure, c.now.Add(c.play.unplayed()+c.cfg.MarkGrace))
	}
	if !c.cfg.GreetInOne {
		c.gate.want(request{kind: respondOpening, note: noteOpening})
	}
}

// greetingEchoed looks at a mark of item it that came back.
func (c *conversation) greetingEchoed(it *item) {
	if c.greeting.response == "" || it.responseID != c.greeting.response || c.greeting.heard {
		return
	}
	c.greeting.heard = true
	c.out.GreetingHeard = true
	c.observe(Moment{Kind: MomentGreetingHeard})
}

// disclosurePlayed looks at an item that was played to its end.
func (c *conversation) disclosurePlayed(it *item) {
	if it.id == c.greeting.item && it.sentBytes > 0 {
		c.disclosureOver(true)
	}
}

// disclosureOver makes the call an ordinary conversation: from here on the model
// answers and is interrupted by itself. A callee who is speaking by now is let in.
func (c *conversation) disclosureOver(played bool) {
	if c.greeting.over {
		return
	}
	c.greeting.over = true
	c.alarms.clear(alarmDisclosure)
	if played {
		c.out.DisclosurePlayed = true
		c.observe(Moment{Kind: MomentDisclosurePlayed})
	} else {
		c.cfg.Log.Warn("the disclosure's mark did not come back")
	}
	if c.ending == nil || !c.ending.forced {
		c.serial++
		c.fx.sendAgent(Listen{Respond: true, Interrupt: true, EventID: c.eventID("listen")})
		if c.talk.speaking {
			c.bargeIn()
		}
	}
}

// notSpeaking: the greeting was due for SpeakWithin and nothing was heard of it.
func (c *conversation) notSpeaking() {
	if c.ready {
		c.apologise(EndModelSilent)
		return
	}
	c.apologise(EndModelLost)
}
