package media

import "time"

// What the callee hears of the agent, and when, as the marks tell it.

// markToldEvery is the time between two marks of an item that are told.
const markToldEvery = time.Second

// heard tells of an item of which a mark came back.
func (c *conversation) heard(it *item) {
	if it.playedMS == 0 {
		return
	}
	c.heardFrom(it, it.playedMS)
	last := it.played()
	if !last && c.now.Sub(it.toldAt) < markToldEvery {
		return
	}
	it.toldAt = c.now
	c.observe(Moment{Kind: MomentMark, Item: it.id, MS: it.playedMS})
}

// heardFrom tells, once, when the callee began to hear an item: ms before now, but no
// sooner than it was sent.
func (c *conversation) heardFrom(it *item, ms int) {
	if it.begun {
		return
	}
	it.begun = true
	at := c.now.Add(-time.Duration(ms) * time.Millisecond)
	if at.Before(it.firstSent) {
		at = it.firstSent
	}
	c.observe(Moment{At: at, Kind: MomentAgentStarted, Item: it.id})
}

// heardNoMore tells that an item is over for the callee, who heard so much of it.
func (c *conversation) heardNoMore(it *item, how string, ms int) {
	if !it.begun && ms == 0 {
		return
	}
	c.heardFrom(it, ms)
	c.observe(Moment{Kind: MomentAgentStopped, Name: how, Item: it.id, MS: ms})
}

// interrupt silences the agent, and tells of what was being heard.
func (c *conversation) interrupt() []cut {
	cuts := c.play.interrupt(c.now)
	for _, cut := range cuts {
		c.heardNoMore(cut.item, HeardCut, cut.atMS)
	}
	return cuts
}

// clearPhone tells the phone to drop what it has; since is when the callee was heard whom
// that is for, zero if nobody was.
func (c *conversation) clearPhone(since time.Time) {
	c.cfg.Tape.cleared(c.now)
	c.fx.sendPhone(phoneCommand{clear: true, since: since})
	c.observe(Moment{Kind: MomentClear})
}
