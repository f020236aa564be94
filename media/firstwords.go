package media

import "time"

// hearAfterReady is how long a model that has just become ready is given to notice that
// the callee had spoken already, in the audio that was kept for it.
const hearAfterReady = 500 * time.Millisecond

// firstWords is the time until the agent is first heard, and whose it is.
//
// The model is dialled when the session begins, which is as soon as the stream's
// handshake is accepted. What the callee says until the model is ready is kept, the last
// 4.5 s of it, and given to the model first: it finds the hello's end in it, and the
// greeting follows at once. Before that nothing is asked for, and the model's turn
// detection answers nothing by itself, so a hello has one answer, the greeting.
type firstWords struct {
	// dialled is when the session began; ready when the model was; asked when the first
	// response was asked for.
	dialled, ready, asked time.Time
}

// greetAt is when the agent speaks first if the callee does not: the silence counts from
// the stream's start, but for the moment in which the model listens to what was kept.
func (c *conversation) greetAt() time.Time {
	at := c.out.StartedAt.Add(c.cfg.GreetAfter)
	if heard := c.first.ready.Add(hearAfterReady); c.first.ready.After(c.out.StartedAt) && heard.After(at) {
		return heard
	}
	return at
}

// noteReady takes note that the model is there.
func (c *conversation) noteReady() {
	c.first.ready = c.now
	c.out.Quality.DialMS = int(c.now.Sub(c.first.dialled).Milliseconds())
}

// noteAsked takes note that a response is asked for.
func (c *conversation) noteAsked() {
	if c.first.asked.IsZero() {
		c.first.asked = c.now
	}
}

// noteFirstAudio takes note that the agent speaks for the first time.
func (c *conversation) noteFirstAudio() {
	q := &c.out.Quality
	if q.FirstAudioMS >= 0 {
		return
	}
	model := c.now.Sub(c.first.asked)
	if c.first.ready.After(c.out.StartedAt) {
		model += c.first.ready.Sub(c.out.StartedAt)
	}
	q.FirstAudioMS, q.FirstAudioModelMS = c.sinceStart(), int(model.Milliseconds())
}
