package twiliotest

const (
	// frameBytes is 20 ms of mu-law, the unit in which Twilio sends and in which the line ticks.
	frameBytes = 160
	// maxBuffered is 10 minutes; audio beyond it is dropped (31931).
	maxBuffered = 10 * 60 * 8000
)

// entry is audio, or a mark behind it.
type entry struct {
	audio []byte
	mark  string
}

// playback is the buffer between our side and the callee's ear: in order of arrival, in real
// time. It has no clock: its owner takes one frame per 20 ms.
type playback struct {
	queue    []entry
	buffered int
	// playing says that the frame taken last held audio, which sounds until the next one is taken.
	playing bool
}

// audio queues a message's payload; false means that the buffer is full and it was dropped.
func (p *playback) audio(payload []byte) bool {
	if p.buffered+len(payload) > maxBuffered {
		return false
	}
	p.queue = append(p.queue, entry{audio: payload})
	p.buffered += len(payload)
	return true
}

// mark queues a mark; true means that nothing is before it and it comes back at once.
func (p *playback) mark(name string) bool {
	if len(p.queue) == 0 && !p.playing {
		return true
	}
	p.queue = append(p.queue, entry{mark: name})
	return false
}

// clear empties the buffer and returns the marks that were waiting, which come back at once.
// The frame that sounds now is past recall.
func (p *playback) clear() (marks []string) {
	for _, e := range p.queue {
		if e.audio == nil {
			marks = append(marks, e.mark)
		}
	}
	p.queue, p.buffered = nil, 0
	return marks
}

// next fills frame with the next audio and returns how much there was, and the marks whose
// audio has sounded to its end by now: those that stand before the first byte of this frame.
func (p *playback) next(frame []byte) (n int, marks []string) {
	for len(p.queue) > 0 && p.queue[0].audio == nil {
		marks = append(marks, p.queue[0].mark)
		p.queue = p.queue[1:]
	}
	kept := 0
	for i := 0; i < len(p.queue) && n < len(frame); i++ {
		e := &p.queue[i]
		if e.audio == nil {
			// It stands behind audio of this very frame: due when the frame has sounded.
			p.queue[kept] = *e
			kept++
			continue
		}
		copied := copy(frame[n:], e.audio)
		n += copied
		if e.audio = e.audio[copied:]; len(e.audio) > 0 {
			p.queue[kept] = *e
			kept++
		}
		if n == len(frame) {
			kept += copy(p.queue[kept:], p.queue[i+1:])
			p.queue = p.queue[:kept]
			p.buffered -= n
			p.playing = true
			return n, marks
		}
	}
	p.queue = p.queue[:kept]
	p.buffered -= n
	p.playing = n > 0
	return n, marks
}
