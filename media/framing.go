package media

import (
	"encoding/base64"
	"errors"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/jsonscan"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

const (
	// frameBytes is 20 ms of mu-law, the telephone network's own frame.
	frameBytes = 160
	bytesPerMS = 8
	// samplesPerMS of the model's 24 kHz PCM.
	samplesPerMS = 24
	// pieceChars is the base64 of one full message: 480 is a multiple of three, so text
	// can be cut there without being decoded.
	pieceChars = twiliostream.MaxMediaBytes / 3 * 4
)

var errBadAudio = errors.New("audio delta is not base64")

// framer turns one item's audio, which comes in pieces of any size, into messages of
// whole 20 ms frames (broken frames are heard as clicks: research section 14). It
// keeps the state between pieces: the filter's, and what does not fill a frame yet.
type framer struct {
	decimator *pcm.Decimator // nil where the model speaks at the telephone's rate
	alaw      bool           // it speaks A-law
	odd       []byte         // half a sample of PCM
	samples   int            // of PCM, so far
	carry     []byte         // mu-law, less than a frame between calls

	// Used again and again.
	raw, text    []byte
	wide, narrow []int16
}

func newFramer(output Format) *framer {
	f := &framer{alaw: output == PCMA}
	if output == PCM24k {
		f.decimator = pcm.NewDecimator()
	}
	return f
}

// emitFunc takes one message: payload is base64, good for as long as the function runs, and
// heard the number of bytes of it that are the agent's, not padding.
type emitFunc func(payload string, heard int)

// push adds a delta. Text that holds whole frames of mu-law is passed on as it is.
func (f *framer) push(audio string, emit emitFunc) error {
	if !twiliostream.ValidBase64(audio) {
		return errBadAudio
	}
	if f.decimator == nil && !f.alaw && len(f.carry) == 0 && twiliostream.DecodedLen(audio)%frameBytes == 0 {
		for len(audio) > pieceChars {
			emit(audio[:pieceChars], twiliostream.MaxMediaBytes)
			audio = audio[pieceChars:]
		}
		emit(audio, twiliostream.DecodedLen(audio))
		return nil
	}
	raw, err := base64.StdEncoding.AppendDecode(f.raw[:0], []byte(audio))
	if err != nil {
		return errBadAudio
	}
	f.raw = raw
	switch {
	case f.decimator != nil:
		f.decimate(raw)
	case f.alaw:
		f.carry = g711.AToMu(f.carry, raw)
	default:
		f.carry = append(f.carry, raw...)
	}
	f.emitFrames(emit)
	return nil
}

// decimate appends raw 24 kHz PCM to carry as mu-law.
func (f *framer) decimate(raw []byte) {
	if len(f.odd) > 0 {
		raw = append(f.odd, raw...)
		f.odd = nil
	}
	if len(raw)%2 == 1 {
		f.odd = []byte{raw[len(raw)-1]}
		raw = raw[:len(raw)-1]
	}
	f.wide = pcm.Samples(f.wide[:0], raw)
	f.samples += len(f.wide)
	f.narrow = f.decimator.Process(f.narrow[:0], f.wide)
	f.carry = g711.EncodeMu(f.carry, f.narrow)
}

// finish sends what is left, its last frame padded with silence.
func (f *framer) finish(emit emitFunc) {
	if f.decimator != nil {
		f.carry = g711.EncodeMu(f.carry, f.decimator.Flush(nil))
	}
	f.emitFrames(emit)
	if heard := len(f.carry); heard > 0 {
		for len(f.carry) < frameBytes {
			f.carry = append(f.carry, g711.MuSilence)
		}
		f.emit(f.carry, heard, emit)
		f.carry = nil
	}
}

func (f *framer) emitFrames(emit emitFunc) {
	rest := f.carry
	for len(rest) >= frameBytes {
		n := min(twiliostream.MaxMediaBytes, len(rest)-len(rest)%frameBytes)
		f.emit(rest[:n], n, emit)
		rest = rest[n:]
	}
	f.carry = f.carry[:copy(f.carry, rest)]
}

func (f *framer) emit(law []byte, heard int, emit emitFunc) {
	f.text = base64.StdEncoding.AppendEncode(f.text[:0], law)
	emit(jsonscan.View(f.text), heard)
}

// limitMS is the most of the item that can have been heard, in the model's own
// count: the filter's tail is ours, and a truncation beyond the item's end is refused.
func (f *framer) limitMS(sentMS int) int {
	if f.decimator == nil {
		return sentMS
	}
	return min(sentMS, f.samples/samplesPerMS)
}

// silence is n bytes of mu-law silence in base64.
func silence(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = g711.MuSilence
	}
	return base64.StdEncoding.EncodeToString(b)
}
