package twiliotest

import (
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

const (
	frameTime     = 20 * time.Millisecond
	defaultQuiet  = 700 * time.Millisecond
	defaultPickUp = 400 * time.Millisecond

	// voiceLevel separates speech from line noise; telephone speech lies around -25 dBFS.
	voiceLevel = -42
	// minVoice is how much sound makes a turn: less is a click.
	minVoice = 5
	// pauseFrames is the silence after which the timeline says that somebody fell quiet; the
	// pauses between words are shorter.
	pauseFrames = 15
)

// callee is the person called. It knows its lines and what it hears, frame by frame, and
// nothing else; time is the number of frames since the answer.
type callee struct {
	lines  []Line
	pickUp int
	quiet  int

	frame    int
	said     int // lines begun
	speaking *Line
	position int // bytes of the line spoken
	since    int // frames since the last line ended, or since the answer
	ears     ears
	samples  []int16
}

// ears follow the agent's voice.
type ears struct {
	voiced   int // frames of the turn with voice
	silence  int // frames since the last voice
	speaking bool
	begun    int // frames since the turn began; 0 before one
	turns    int // turns that are over, since the last line
}

// event is what the callee did or heard.
type event struct {
	kind Kind
	text string
}

func newCallee(a Answer) callee {
	c := callee{lines: a.Lines, pickUp: framesOf(a.PickUp), quiet: framesOf(a.Quiet)}
	if a.PickUp <= 0 {
		c.pickUp = framesOf(defaultPickUp)
	}
	if a.Quiet <= 0 {
		c.quiet = framesOf(defaultQuiet)
	}
	return c
}

func framesOf(d time.Duration) int { return int(d / frameTime) }

func durationOf(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / g711.SampleRate
}

// tick hears one frame of the agent, fills spoken with one of the callee, and returns what happened.
func (c *callee) tick(heard, spoken []byte) (events []event) {
	events = c.hear(heard)
	if c.speaking == nil && c.said < len(c.lines) && c.due(&c.lines[c.said]) {
		c.speaking, c.position = &c.lines[c.said], 0
		c.said++
		events = append(events, event{CalleeSpeaks, c.speaking.Text})
	}
	for i := range spoken {
		spoken[i] = g711.MuSilence
	}
	if c.speaking != nil {
		events = append(events, c.speak(spoken)...)
	} else {
		c.since++
	}
	c.frame++
	return events
}

func (c *callee) hear(frame []byte) (events []event) {
	c.samples = g711.DecodeMu(c.samples[:0], frame)
	e := &c.ears
	if e.begun > 0 {
		e.begun++
	}
	if pcm.LevelDBFS(c.samples) < voiceLevel {
		e.silence++
		if e.speaking && e.silence == pauseFrames {
			e.speaking = false
			events = append(events, event{AgentQuiet, ""})
		}
		if e.silence == c.quiet {
			if e.voiced >= minVoice {
				e.turns++
			}
			e.voiced = 0
		}
		return events
	}
	e.silence = 0
	e.voiced++
	if !e.speaking && e.voiced >= 2 {
		e.speaking = true
		events = append(events, event{AgentSpeaks, ""})
	}
	if e.begun == 0 && e.voiced >= minVoice {
		e.begun = e.voiced
	}
	return events
}

// due says whether the next line's moment has come.
func (c *callee) due(line *Line) bool {
	t := line.After
	wait := framesOf(t.For)
	if t.For <= 0 {
		wait = c.quiet
	}
	switch t.Kind {
	case TriggerAt:
		return c.frame >= framesOf(t.For)
	case TriggerQuiet:
		return c.since >= wait && c.ears.silence >= wait
	case TriggerBargeIn:
		return c.ears.begun > framesOf(t.For)
	case TriggerTurn:
	case TriggerAuto:
		if c.said == 0 {
			return c.frame >= c.pickUp
		}
	}
	return c.ears.turns >= max(t.Turns, 1) && c.ears.silence >= wait
}

// speak says 20 ms of the line and ends it when its audio has ended.
func (c *callee) speak(spoken []byte) (events []event) {
	line := c.speaking
	half := len(line.Audio) / 2
	if c.position <= half && c.position+frameBytes > half {
		for _, digit := range line.Digits {
			events = append(events, event{DigitPressed, string(digit)})
		}
	}
	c.position += copy(spoken, line.Audio[c.position:])
	if c.position < len(line.Audio) {
		return events
	}
	events = append(events, event{CalleeQuiet, line.Text})
	if line.HangUp {
		events = append(events, event{HungUp, ""})
	}
	// A turn that the agent is in the middle of still counts; what it said before does not.
	c.speaking, c.since, c.ears.turns = nil, 0, 0
	if !c.ears.speaking {
		c.ears.voiced, c.ears.begun = 0, 0
	}
	return events
}
