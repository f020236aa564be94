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
// Config.GreetInOne one response says both, and all of it is protected.
//
// The disclosure counts as said when its response was completed and the transcript
// has the sentence word by word (contract section 5). Else it is asked for once more,
// protected as before, ahead of the opening; a second miss ends the call with the
// stored apology as EndDisclosureMissing.
type greetingState struct {
	// asked: the greeting was requested, which happens once.
	asked bool
	// over: the disclosure was played, or never will be; the call is an ordinary conversation.
	over bool
	// response is the last greeting's, as soon as it began; item is the last of its items.
	response string
	item     string
	// said: the transcript has the disclosure; played: item was heard to its end.
	said, played bool
	// missed counts the greetings without it.
	missed int
	heard  bool
}

// begin takes note of a greeting's response: what an earlier one said counts no more.
func (g *greetingState) begin(id string) {
	g.response, g.item, g.said, g.played = id, "", false, false
}

// greetingsMost is how many greetings may lack the disclosure.
const greetingsMost = 2

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
	c.alarms.set(alarmGreet, c.greetAt())
}

// greet asks for the greeting: when the callee's first words ended, or nobody spoke.
func (c *conversation) greet() {
	if c.greeting.asked || !c.started || !c.ready || c.ending != nil || c.gone {
		return
	}
	c.greeting.asked = true
	c.alarms.clear(alarmGreet)
	c.alarms.set(alarmSpeak, c.now.Add(c.cfg.SpeakWithin))
	c.gate.want(request{kind: respondGreeting, force: true})
}

// greetAgain: the model's connection was lost before it had said the disclosure. What is
// left of it to hear is dropped, and it is said from its beginning, once the model is back.
func (c *conversation) greetAgain() {
	c.greeting.begin("")
	cuts := c.interrupt()
	for _, cut := range cuts {
		c.book.interrupted(cut.item.id, cut.atMS, cut.item.lengthMS())
		c.book.withdraw(cut.item.id)
	}
	if len(cuts) > 0 {
		c.clearPhone(time.Time{})
	}
	c.gate.want(request{kind: respondGreeting, force: true})
}

// protected says whether the agent must not be interrupted: the disclosure is not out yet.
func (c *conversation) protected() bool { return c.greeting.asked && !c.greeting.over }

// greetingEnded goes on after the greeting's response was generated. Its playback is
// still under way; should its marks get lost, it is over when it must have been played.
//
// A transcript that never came counts as one without the sentence: nothing else proves
// that the callee was told, and an agent that may not have said what it is must not go
// on. The transcript of a response that was cut proves nothing either, as it runs ahead
// of the audio.
func (c *conversation) greetingEnded(r *response) {
	if c.greeting.over {
		return
	}
	if r.status != ResponseCompleted || !says(r.said, c.cfg.Disclosure) {
		c.disclosureMissed(r)
		return
	}
	c.greeting.said = true
	if c.greeting.played {
		c.disclosureOver(true)
	} else {
		c.alarms.set(alarmDisclosure, c.now.Add(c.play.unplayed()+c.cfg.MarkGrace))
	}
	if !c.cfg.GreetInOne || c.greeting.missed > 0 {
		c.gate.want(request{kind: respondOpening, note: noteOpening})
	}
}

// disclosureMissed asks for the disclosure again, or gives up. A call that is to end
// anyway is not told to say anything of its own before it.
func (c *conversation) disclosureMissed(r *response) {
	c.greeting.missed++
	c.cfg.Log.Warn("the greeting's transcript lacks the disclosure", "tries", c.greeting.missed, "transcript", r.said != "", "completed", r.status == ResponseCompleted)
	c.observe(Moment{Kind: MomentDisclosureMissed, Name: r.id})
	switch {
	case c.ending != nil:
		c.apologise(c.ending.reason)
	case c.greeting.missed < greetingsMost:
		c.alarms.set(alarmSpeak, c.now.Add(c.play.unplayed()+c.cfg.SpeakWithin))
		c.gate.want(request{kind: respondGreeting, force: true})
	default:
		c.apologise(EndDisclosureMissing)
	}
}

// greetingEchoed looks at a mark of item it that came back.
func (c *conversation) greetingEchoed(it *item) {
	if c.greeting.heard {
		return
	}
	if r := c.responses[it.responseID]; r == nil || r.kind != respondGreeting {
		return
	}
	c.greeting.heard = true
	c.out.GreetingHeard = true
	c.observe(Moment{Kind: MomentGreetingHeard})
}

// disclosurePlayed looks at an item that was played to its end, which may be before the
// transcript has told what it said.
func (c *conversation) disclosurePlayed(it *item) {
	if it.id != c.greeting.item || it.sentBytes == 0 {
		return
	}
	c.greeting.played = true
	if c.greeting.said {
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
	if !c.forced() {
		c.listenAs(c.listening())
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
