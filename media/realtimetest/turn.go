package realtimetest

import (
	"strings"
	"time"
)

// hear decodes appended audio and acts on what the detector finds in it.
func (c *conn) hear(audio []byte) {
	format := c.session.Audio.Input.Format
	if c.hearing == nil || c.hearingAt != format.Type {
		next := &detector{rate: format.sampleRate()}
		if c.hearing != nil {
			next.offset = c.hearing.offset
		}
		c.hearing, c.hearingAt = next, format.Type
	}
	c.uncommitted += format.duration(len(audio))
	for _, edge := range c.hearing.feed(format.decode(audio), c.session.Audio.Input.TurnDetection) {
		if edge.started {
			c.speechStarted(edge.at)
		} else {
			c.speechStopped(edge.at)
		}
	}
}

// speechStarted announces speech and, where the session wants it, cuts the response: generation ends, a
// few deltas still arrive, nothing is truncated (research section 10).
func (c *conn) speechStarted(at time.Duration) {
	c.utterance, c.began, c.beganAt = c.id("item"), at, time.Now()
	c.idleEpoch++
	c.emit("input_audio_buffer.speech_started", event{"audio_start_ms": at.Milliseconds(), "item_id": c.utterance})
	if c.active != nil && c.session.Audio.Input.TurnDetection.InterruptResponse {
		c.interrupt("turn_detected")
	}
}

func (c *conn) speechStopped(at time.Duration) {
	c.emit("input_audio_buffer.speech_stopped", event{"audio_end_ms": at.Milliseconds(), "item_id": c.utterance})
	c.commit(c.utterance)
	if c.said == c.script.Faults.DieAfterTurn && c.said > 0 {
		c.cut()
		return
	}
	detection := c.session.Audio.Input.TurnDetection
	if detection == nil || !detection.CreateResponse {
		return
	}
	if c.active != nil {
		// interrupt_response is off and a response runs: the automatic one fails (research section 5).
		f := refuse("conversation_already_has_active_response", "", conflict, c.active.id)
		c.server.race(Violation{c.call, "speech_stopped", f.Code, f.Message})
		c.fail(f, "")
		return
	}
	c.start(createParams{}, true)
}

// commit makes a user item of what was heard and counts it as a turn, unless it began before the callee
// could have heard the greeting: that was the hello.
func (c *conn) commit(id string) {
	it := &talkItem{id: id, kind: "message", role: "user", status: "completed", heard: true, closed: true}
	c.talk.add(it, "")
	heard := c.uncommitted
	c.uncommitted = 0
	c.emit("input_audio_buffer.committed", event{"previous_item_id": c.talk.previous(it), "item_id": id})
	c.emit("conversation.item.added", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
	c.emit("conversation.item.done", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
	words := c.script.Scenario.Hello
	c.catchUp()
	if c.model.greeted && !c.isHello() {
		turn := c.script.Scenario.Turn(c.turns)
		words = turn.Say
		c.turns++
		c.said++
		c.model.turn(turn)
	}
	if c.session.transcribes() {
		c.transcribe(it, words, heard)
	}
}

// isHello tells whether the last speech began too soon after the greeting to answer it: the disclosure
// can't be interrupted and lasts seconds. Both clocks must agree, since a client may hold audio back, and
// a test may append it faster than real time.
func (c *conn) isHello() bool {
	return c.began < c.model.greetedAt+helloSlack && c.beganAt.Before(c.model.greetedTime.Add(helloSlack))
}

const helloSlack = 1200 * time.Millisecond

// noWords is the transcript of what the scenario has no words for.
const noWords = "[speech]"

// transcribe sends the words of the scenario, before the response or after it: transcription is
// asynchronous (research section 7).
func (c *conn) transcribe(it *talkItem, words string, heard time.Duration) {
	if words == "" {
		words = noWords
	}
	send := func() {
		for _, word := range strings.SplitAfter(words, " ") {
			c.emit("conversation.item.input_audio_transcription.delta", event{
				"item_id": it.id, "content_index": 0, "delta": word, "obfuscation": c.veil(),
			})
		}
		it.words = words
		c.emit("conversation.item.input_audio_transcription.completed", event{
			"item_id": it.id, "content_index": 0, "transcript": words,
			"usage": event{"type": "duration", "seconds": heard.Round(time.Millisecond).Seconds()},
		})
	}
	if c.random.IntN(2) == 0 {
		send()
		return
	}
	c.after(c.script.Latency*5, "", send)
}

// watchIdle starts the idle time-out, counted from the end of the audio as if it were played at once.
func (c *conn) watchIdle(audio time.Duration) {
	detection := c.session.Audio.Input.TurnDetection
	if detection == nil || detection.IdleTimeoutMS == nil {
		return
	}
	c.idleEpoch++
	epoch := c.idleEpoch
	c.after(audio+time.Duration(*detection.IdleTimeoutMS)*time.Millisecond, "", func() {
		if c.idleEpoch != epoch || c.active != nil || c.hearing == nil {
			return
		}
		id, at := c.id("item"), c.hearing.offset.Milliseconds()
		c.emit("input_audio_buffer.timeout_triggered", event{"audio_start_ms": at, "audio_end_ms": at, "item_id": id})
		it := &talkItem{id: id, kind: "message", role: "user", status: "completed", heard: true, closed: true}
		c.talk.add(it, "")
		c.emit("input_audio_buffer.committed", event{"previous_item_id": c.talk.previous(it), "item_id": id})
		c.start(createParams{}, true)
	})
}
