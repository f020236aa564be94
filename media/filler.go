package media

import (
	_ "embed"
	"encoding/base64"
	"time"
)

// Filler is a short recording that is played where the callee would hear nothing.
type Filler struct {
	Words string
	// Audio is headerless mu-law, 8 kHz, mono, without silence before the words.
	Audio []byte
}

// The fillers' audio. The script fillers/record.sh makes it.
var (
	//go:embed fillers/moment.ulaw
	fillerMoment []byte
	//go:embed fillers/check.ulaw
	fillerCheck []byte
	//go:embed fillers/second.ulaw
	fillerSecond []byte
	//go:embed fillers/bear.ulaw
	fillerBear []byte
)

// Fillers are all that a Session may play, in the order in which it does. Their words fit
// any wait: for a tool, or for the model to come back. The audio is not to be changed.
func Fillers() []Filler {
	return []Filler{
		{"One moment, please.", fillerMoment},
		{"Let me just check.", fillerCheck},
		{"Just a second.", fillerSecond},
		{"Bear with me, please.", fillerBear},
	}
}

// playFiller plays the next filler, after all that the phone has; a callee who speaks
// cuts it like any audio of ours. It is false, and nothing is played, where the callee
// speaks, the disclosure is not out yet, or the last words are.
func (c *conversation) playFiller() bool {
	if !c.greeting.over || c.over || c.muted || c.lastWords() || c.talk.speaking {
		return false
	}
	all := Fillers()
	f := all[c.fillers%len(all)]
	c.fillers++
	c.out.Quality.Fillers++
	c.serial++
	id := c.eventID("filler")
	c.playStored(id, f.Audio)
	c.book.begin(SpeakerAgent, id, c.sinceStart())
	c.book.text(id, f.Words)
	c.book.withdraw(id) // the model never said it
	c.observe(Moment{Kind: MomentFiller, Name: id, Text: f.Words})
	return true
}

// playStored queues a recording as an item of our own: its marks tell what was heard of
// it as with any item, and an interruption does not tell the model, which never said it.
func (c *conversation) playStored(id string, clip []byte) {
	for _, before := range c.play.items {
		c.finishItem(before) // what would still come of it would be out of order
	}
	it := &item{id: id, own: true, frames: newFramer(PCMU), firstSent: c.now}
	c.play.items = append(c.play.items, it)
	it.frames.push(base64.StdEncoding.EncodeToString(clip), clip, c.sending(it))
	c.finishItem(it)
}

// deadAir is one wait of the callee's: a tool is at work and nothing is to be heard. It
// lasts until the model speaks again, however many tools follow each other meanwhile.
type deadAir struct {
	since  time.Time
	filled bool
}

// watchDeadAir keeps the filler's alarm in step with the conversation. The time counts
// from where the callee hears silence: a preamble that still plays puts it off.
func (c *conversation) watchDeadAir() {
	if !c.waitsInSilence() || c.wait.filled {
		c.wait.since = time.Time{}
		c.alarms.clear(alarmFiller)
		return
	}
	if c.wait.since.IsZero() {
		c.wait.since = c.now
		c.alarms.set(alarmFiller, c.now.Add(c.cfg.FillerAfter))
	}
}

// waitsInSilence says whether the callee waits for a tool in silence. A response that runs is
// about to be heard, but for the one that called the tool.
func (c *conversation) waitsInSilence() bool {
	if len(c.running) == 0 || c.cfg.FillerAfter <= 0 || !c.greeting.over || c.ending != nil || c.over || c.muted || c.gone ||
		c.talk.speaking || !c.play.empty() {
		return false
	}
	active := c.responses[c.gate.active]
	calling := c.gate.state == gateActive && active != nil && active.open > 0
	return c.gate.state == gateIdle && c.gate.pending == nil || calling
}

// fillDeadAir says a filler, once in a wait.
func (c *conversation) fillDeadAir() {
	c.wait.since = time.Time{}
	c.wait.filled = c.playFiller()
}
