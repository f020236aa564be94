package media

import (
	"math"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
)

// guardRule is what makes an interruption of a sound of the callee's: it is about as loud
// as the callee's ordinary speech, or it goes on, whatever its level. What is both short
// and quiet is a backchannel, an "mm-hmm".
type guardRule struct {
	// loudDB is how far below the callee's ordinary level a sound may be to be loud, once
	// it has lasted loudMS; longMS of it are an interruption at any level.
	loudDB         float64
	loudMS, longMS int
}

// tunedRule was chosen on half of the corpus; docs/backchannel.md has what it does on the rest.
var tunedRule = guardRule{loudDB: 3, loudMS: 120, longMS: 720}

const (
	// guardGapMS is the silence that ends an utterance: the pauses within words are shorter.
	guardGapMS = 240
	// voiceAboveNoise is how far a frame must be above the line's noise to be voice, and
	// quietestVoice the level in dBFS below which nothing is.
	voiceAboveNoise = 8.0
	quietestVoice   = -50.0
	// firstOrdinary is the level that a callee is taken to speak at before it was heard.
	firstOrdinary = -24.0
	// ordinaryFrames is how many frames of voice the callee's ordinary level looks back on: 2 s.
	ordinaryFrames = 100
	// noiseFrames is a stretch in which there is a pause, whoever speaks: 1 s.
	noiseFrames = 50
	// guardTail: a short word that ended so little before the agent's last sound was an answer to it.
	guardTail = time.Second
)

// guard follows the level of the callee's audio. It is off as the zero value.
type guard struct {
	on bool
	// held: the callee speaks over the agent, and whether it interrupts is not known yet.
	held bool
	rule guardRule

	// ordinary is the mean power of the callee's own turns, over as many frames as heard says.
	ordinary float64
	heard    int
	// quietest are the lowest levels of the stretch that goes on, so many frames of it by
	// now, and of the one before: the lower of them is the line's noise.
	quietest [2]float64
	stretch  int
	// voiced is how long the utterance that goes on has lasted, power the sum over its frames
	// of voice, gap the silence in it so far. Both times in ms.
	voiced, gap, frames int
	power               float64

	// passed is when the last backchannel ended.
	passed time.Time
}

func newGuard(on bool) guard {
	return guard{on: on, rule: tunedRule, ordinary: powerOf(firstOrdinary)}
}

// listen takes audio of the callee's. own says that it is the callee's turn, so that what is
// said now is how loud the callee speaks.
func (g *guard) listen(law []byte, own bool) {
	for len(law) > 0 {
		n := min(frameBytes, len(law))
		g.frame(levelOf(law[:n]), n/bytesPerMS, own)
		law = law[n:]
	}
}

// frame takes the level of a piece of audio.
func (g *guard) frame(level float64, ms int, own bool) {
	if level < max(g.noise(level)+voiceAboveNoise, quietestVoice) {
		if g.gap += ms; g.gap >= guardGapMS {
			g.voiced, g.frames, g.power = 0, 0, 0
		}
		return
	}
	g.gap = 0
	g.voiced += ms
	g.frames++
	g.power += powerOf(level)
	if own {
		g.heard = min(g.heard+1, ordinaryFrames)
		g.ordinary += (powerOf(level) - g.ordinary) / float64(g.heard)
	}
}

// noise is the line's, after a frame of that level.
func (g *guard) noise(level float64) float64 {
	g.quietest[0] = min(g.quietest[0], level)
	if g.stretch++; g.stretch >= noiseFrames {
		g.quietest = [2]float64{level, g.quietest[0]}
		g.stretch = 0
	}
	return min(g.quietest[0], g.quietest[1])
}

// interrupts says whether the utterance that goes on is more than a backchannel.
func (g *guard) interrupts() bool {
	if g.voiced >= g.rule.longMS {
		return true
	}
	return g.voiced >= g.rule.loudMS && g.power/float64(g.frames) >= g.ordinary*powerOf(-g.rule.loudDB)
}

func powerOf(level float64) float64 { return math.Pow(10, level/10) }

// squares are the powers of mu-law's codes.
var squares = func() (t [256]float64) {
	for code := range t {
		s := float64(g711.DecodeMu(nil, []byte{byte(code)})[0])
		t[code] = s * s
	}
	return t
}()

// levelOf is the level of mu-law audio in dBFS, at least -90.
func levelOf(law []byte) float64 {
	sum := 0.0
	for _, code := range law {
		sum += squares[code]
	}
	rms := math.Sqrt(sum / float64(len(law)))
	return max(20*math.Log10(max(rms, 1)/32768), -90)
}
