package media

import "encoding/base64"

const (
	// recallMS is the audio kept at all times: a connection that takes over in a pause
	// must hear the beginning of a word that its predecessor was only about to notice.
	recallMS = 1000
	// recallMostMS bounds what is kept of speech that is neither answered nor written
	// down, and of what is said while there is no connection. The oldest goes.
	recallMostMS = 15_000
	// recallAfterMS is kept when all that was said is known: less than the silence that
	// ended it, so that nothing is heard twice.
	recallAfterMS = 400
	// hearAgainMS is the length of the messages in which it is heard again.
	hearAgainMS = 1000
)

// recall keeps the callee's audio that a new connection has to hear again: what was said
// since the first utterance of which we have neither an answer nor the words. Text can't
// stand for it, and without it a callee who spoke into a break would wait for an answer.
type recall struct {
	law ring // mu-law
	// endMS is the connection's own count of the audio it was given, law included.
	endMS int
	// held: an utterance in it is not known; open: it is not committed yet.
	held, open bool
}

func (r *recall) ms() int { return r.law.len() / bytesPerMS }

// recallRoom is what is kept at all times, and the next message. It, and what is twice as much
// and so on, are sizes that Go has memory of: of another it would take a seventh more.
const recallRoom = (recallMS + 24) * bytesPerMS

// add keeps audio, and returns how many messages' worth of it was dropped although it was of use.
func (r *recall) add(law []byte, connected bool) (dropped int) {
	if r.law.room == nil {
		r.law.resize(recallRoom)
	}
	r.law.add(law)
	if connected {
		r.endMS += len(law) / bytesPerMS
	}
	most := recallMostMS
	useful := r.held || !connected
	if !useful {
		most = recallMS
	}
	over := r.law.len() - most*bytesPerMS
	if over <= 0 {
		return 0
	}
	r.keep(most)
	if useful {
		return max(over/len(law), 1)
	}
	return 0
}

// keep lets go of all but the last ms.
func (r *recall) keep(ms int) {
	r.law.keep(ms * bytesPerMS)
	if len(r.law.room) > recallRoom && r.ms() <= recallMS { // a long utterance is over: its room is given back
		r.law.resize(recallRoom)
	}
}

// hold keeps all from startMS on, in the connection's count of the audio it was given.
func (r *recall) hold(startMS int) {
	r.open = true
	if r.held {
		return // an earlier one is not known yet
	}
	r.held = true
	if kept := r.endMS - startMS; startMS > 0 && kept > 0 {
		r.keep(kept)
	}
}

// release: all that was said is known.
func (r *recall) release() {
	if !r.open {
		r.held = false
		r.keep(recallAfterMS)
	}
}

// take returns all that is kept, as mu-law, and begins anew.
func (r *recall) take() (law []byte) {
	law = r.law.bytes()
	*r = recall{}
	return law
}

// hearAgain gives a new connection what it has to hear again. What it makes of it comes
// back as events, and is kept as anything that it hears.
func (c *conversation) hearAgain() {
	law := c.recall.take()
	c.link.againMS = len(law) / bytesPerMS
	c.ear = ear{format: c.cfg.Input}
	for len(law) > 0 {
		n := min(len(law), hearAgainMS*bytesPerMS)
		c.hear(base64.StdEncoding.EncodeToString(law[:n]), law[:n])
		law = law[n:]
	}
}
