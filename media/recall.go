package media

import (
	"encoding/base64"
	"slices"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

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
	frames []string
	ms     int // of frames
	// endMS is the connection's own count of the audio it was given, frames included.
	endMS int
	// held: an utterance in it is not known; open: it is not committed yet.
	held, open bool
}

func audioMS(payload string) int { return twiliostream.DecodedLen(payload) / bytesPerMS }

// add keeps a payload, and returns how many were dropped although they were of use.
func (r *recall) add(payload string, connected bool) (dropped int) {
	r.frames = append(r.frames, payload)
	n := audioMS(payload)
	r.ms += n
	if connected {
		r.endMS += n
	}
	most := recallMostMS
	useful := r.held || !connected
	if !useful {
		most = recallMS
	}
	if r.ms <= most*2 && !useful || r.ms <= most {
		return 0 // in larger steps, since each moves what is left
	}
	before := len(r.frames)
	r.keep(most)
	if useful {
		return before - len(r.frames)
	}
	return 0
}

// keep lets go of all but the last ms.
func (r *recall) keep(ms int) {
	n := 0
	for n < len(r.frames) && r.ms > ms {
		r.ms -= audioMS(r.frames[n])
		n++
	}
	r.frames = slices.Delete(r.frames, 0, n)
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
	for _, payload := range r.frames {
		law, _ = base64.StdEncoding.AppendDecode(law, []byte(payload)) // what is no base64 was refused where it came in
	}
	*r = recall{frames: r.frames[:0]}
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
		c.hear(base64.StdEncoding.EncodeToString(law[:n]))
		law = law[n:]
	}
}
