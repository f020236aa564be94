package realtimetest

import (
	"math"
	"time"
)

// detector is an energy voice-activity detector. Its only clock is the audio appended: if that stops in
// mid-speech, the speech never ends, as at the service (research section 5).
type detector struct {
	rate    int
	pending []int16
	offset  time.Duration // of the audio judged so far
	loud    time.Duration // loud audio in a row, before speech
	quiet   time.Duration // quiet audio in a row, within speech
	active  bool
}

const (
	vadFrame = 20 * time.Millisecond
	vadOnset = 60 * time.Millisecond // a click is shorter
	// vadLevel is the RMS at threshold 1: at the default 0.5 speech of -36 dBFS is heard, line noise is not.
	vadLevel = 1000
)

type vadEdge struct {
	started bool
	at      time.Duration
}

// feed judges samples and returns where speech started (prefix included) and stopped.
func (d *detector) feed(samples []int16, config *detection) []vadEdge {
	var edges []vadEdge
	d.pending = append(d.pending, samples...)
	size := int(time.Duration(d.rate) * vadFrame / time.Second)
	for len(d.pending) >= size {
		frame := d.pending[:size]
		d.offset += vadFrame
		if config != nil {
			if edge, ok := d.judge(rms(frame) >= vadLevel*threshold(config), config); ok {
				edges = append(edges, edge)
			}
		}
		d.pending = d.pending[size:]
	}
	d.pending = append([]int16(nil), d.pending...)
	return edges
}

func (d *detector) judge(loud bool, config *detection) (vadEdge, bool) {
	switch {
	case !d.active && loud:
		if d.loud += vadFrame; d.loud >= vadOnset {
			d.active, d.quiet = true, 0
			return vadEdge{true, max(0, d.offset-d.loud-prefix(config))}, true
		}
	case !d.active:
		d.loud = 0
	case loud:
		d.quiet = 0
	default:
		if d.quiet += vadFrame; d.quiet >= config.silence() {
			d.active, d.loud = false, 0
			return vadEdge{false, d.offset}, true
		}
	}
	return vadEdge{}, false
}

func threshold(config *detection) float64 {
	if config.Threshold == nil {
		return 0.5
	}
	return *config.Threshold
}

func prefix(config *detection) time.Duration {
	if config.PrefixPaddingMS == nil {
		return 300 * time.Millisecond
	}
	return time.Duration(*config.PrefixPaddingMS) * time.Millisecond
}

func rms(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(samples)))
}
