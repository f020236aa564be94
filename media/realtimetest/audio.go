package realtimetest

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/speech"
)

func (f audioFormat) sampleRate() int {
	if f.Type == "audio/pcm" {
		return 24000
	}
	return speech.SampleRate
}

// bytesPerMS is 8 for the codecs and 48 for pcm.
func (f audioFormat) bytesPerMS() int {
	if f.Type == "audio/pcm" {
		return 48
	}
	return 8
}

func (f audioFormat) decode(b []byte) []int16 {
	switch f.Type {
	case "audio/pcm":
		return pcm.Samples(nil, b)
	case "audio/pcma":
		return g711.DecodeA(nil, b)
	}
	return g711.DecodeMu(nil, b)
}

// encode turns a mu-law clip into the format; mu-law stays as it is, to the sample.
func (f audioFormat) encode(clip []byte) []byte {
	switch f.Type {
	case "audio/pcm":
		up := pcm.NewInterpolator()
		return pcm.Bytes(nil, up.Flush(up.Process(nil, g711.DecodeMu(nil, clip))))
	case "audio/pcma":
		return g711.EncodeA(nil, g711.DecodeMu(nil, clip))
	}
	return clip
}

// errorTone is heard in place of a sentence that can't be said: half a second of 400 Hz.
func errorTone() []byte {
	samples := make([]int16, speech.SampleRate/2)
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*400*float64(i)/speech.SampleRate))
	}
	return g711.EncodeMu(nil, samples)
}

// split cuts audio at odd places, never within a sample, between 60 and 450 ms a piece.
func (f audioFormat) split(audio []byte, random *rand.Rand) [][]byte {
	var pieces [][]byte
	for len(audio) > 0 {
		n := (60*8 + random.IntN(390*8)) * f.bytesPerMS() / 8
		if f.Type == "audio/pcm" {
			n &^= 1
		}
		n = min(n, len(audio))
		pieces = append(pieces, audio[:n])
		audio = audio[n:]
	}
	return pieces
}

func (f audioFormat) duration(bytes int) time.Duration {
	return time.Duration(bytes) * time.Millisecond / time.Duration(f.bytesPerMS())
}
