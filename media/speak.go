package media

import (
	"slices"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// agentAudio passes the model's speech on to the phone. It is true where speech only went on,
// of which nothing follows.
func (c *conversation) agentAudio(ev *AgentAudio) (wentOn bool) {
	it := c.play.find(ev.ItemID)
	r := c.saying(it, ev.ResponseID)
	if c.over || c.muted || c.lastWords() || r == nil || r.dead {
		c.out.Quality.LateDeltas++
		if r != nil && !slices.Contains(r.begun, ev.ItemID) && !slices.Contains(r.unsaid, ev.ItemID) {
			r.unsaid = append(r.unsaid, ev.ItemID)
		}
		return false
	}
	wentOn = it != nil && !it.done && r.spoke
	if it == nil || it.done {
		it = c.beginItem(ev, r)
	}
	decoded := ev.Decoded
	if decoded == nil {
		var ok bool
		if decoded, ok = twiliostream.AppendAudio(nil, ev.Audio); !ok {
			c.out.Quality.BadAudio++
			return false
		}
	}
	it.frames.push(ev.Audio, decoded, c.sending(it))
	c.progress(r)
	if !r.spoke {
		r.spoke = true
		c.firstAudio()
	}
	return wentOn
}

// saying is the response that makes a piece of speech, which knows it once it has begun;
// nil if it is not, or no longer, remembered.
func (c *conversation) saying(it *item, id string) *response {
	if it != nil && !it.done && it.responseID == id {
		return it.response
	}
	return c.responses[id]
}

// beginItem adds an item; the one before it is complete by that.
func (c *conversation) beginItem(ev *AgentAudio, r *response) *item {
	for _, other := range c.play.items {
		c.finishItem(other)
	}
	it := &item{
		id: ev.ItemID, responseID: ev.ResponseID, response: r, contentIndex: ev.ContentIndex,
		frames: newFramer(c.cfg.Output), firstSent: c.now,
	}
	c.play.items = append(c.play.items, it)
	if !slices.Contains(r.begun, it.id) {
		r.begun = append(r.begun, it.id)
	}
	if ev.ResponseID == c.greeting.response {
		c.greeting.item, c.greeting.played = it.id, false
	}
	c.book.begin(SpeakerAgent, it.id, c.sinceStart())
	return it
}

// sending is send, for an item.
func (c *conversation) sending(it *item) emitFunc {
	return func(payload string, law []byte, heard int, asItCame bool) { c.send(it, payload, law, heard, asItCame) }
}

// send queues one message of audio. Marks, by which it will be known as heard, stand
// behind every markEvery of it at most, and behind its end.
func (c *conversation) send(it *item, payload string, law []byte, heard int, asItCame bool) {
	if it.unmarked+heard > markBytes {
		c.mark(it)
	}
	it.sentBytes += heard
	it.unmarked += heard
	c.play.expect(c.now, len(law))
	c.alarms.set(alarmPlayed, c.play.endsBy.Add(2*c.cfg.MarkGrace))
	c.cfg.Tape.sent(c.now, law)
	c.fx.sendPhone(phoneCommand{media: payload, read: asItCame})
	if it.unmarked == markBytes {
		c.mark(it)
	}
}

// mark sets a mark behind what was sent of an item.
func (c *conversation) mark(it *item) {
	it.unmarked = 0
	c.fx.sendPhone(phoneCommand{mark: markName(c.play.gen, it)})
}

func (c *conversation) agentAudioDone(itemID string) {
	if it := c.play.find(itemID); it != nil {
		c.finishItem(it)
	}
}

// finishItem sends what is left of an item.
func (c *conversation) finishItem(it *item) {
	if it.done {
		return
	}
	it.frames.finish(c.sending(it))
	if it.unmarked > 0 {
		c.mark(it)
	}
	it.done = true
}

// firstAudio notes how long the callee waited.
func (c *conversation) firstAudio() {
	c.alarms.clear(alarmSpeak)
	c.wait.filled = false
	q := &c.out.Quality
	ms := 0
	if c.turnWaits {
		c.turnWaits = false
		ms = int(c.now.Sub(c.talk.stoppedAt).Milliseconds())
		if len(q.TurnLatenciesMS) < 256 {
			q.TurnLatenciesMS = append(q.TurnLatenciesMS, ms)
		}
	}
	c.noteFirstAudio()
	c.observe(Moment{Kind: MomentFirstAudio, MS: ms})
}

// markEchoed takes note of what the callee has heard by now.
func (c *conversation) markEchoed(name string) {
	if name == c.play.endMark() && c.lastWords() {
		c.endMarkEchoed()
		return
	}
	if it := c.play.echo(name, c.now); it != nil {
		c.heard(it)
		c.greetingEchoed(it)
	}
}

// marksLost: all that was sent must have been played long ago, and its marks have not
// said so. Without this a callee's silence would never be noticed.
func (c *conversation) marksLost() {
	if c.lastWords() {
		c.cfg.Log.Warn("the farewell's marks did not come back")
		c.finish(c.ending.reason)
		return
	}
	for _, it := range c.play.giveUp() {
		c.cfg.Log.Warn("an item's marks did not come back", "unheard_ms", it.unplayedMS())
		c.heardNoMore(it, HeardCut, it.playedMS)
		if it.id == c.greeting.item && c.greeting.said {
			c.disclosureOver(false)
		}
	}
}

// takePlayed acts on items that were played to their end.
func (c *conversation) takePlayed() {
	for _, it := range c.play.takePlayed() {
		c.heardNoMore(it, HeardWhole, it.sentMS())
		c.disclosurePlayed(it)
	}
	if due := c.now.Add(endMarkSlack); c.lastWords() && c.play.empty() && c.alarms.at[alarmHangUp].After(due) {
		c.alarms.set(alarmHangUp, due)
	}
}

// endMarkSlack is how long the end mark may come after the mark of the last sample,
// which it follows on the wire: later than that it is lost.
const endMarkSlack = 500 * time.Millisecond
