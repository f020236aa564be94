package media

import (
	"bytes"
	"encoding/base64"

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

// framer turns one item's audio, which comes in pieces of any size, into messages of
// whole 20 ms frames (broken frames are heard as clicks: research section 14). It
// keeps the state between pieces: the filter's, and what does not fill a frame yet.
type framer struct {
	decimator *pcm.Decimator // nil where the model speaks at the telephone's rate
	alaw      bool           // it speaks A-law
	odd       []byte         // half a sample of PCM
	samples   int            // of PCM, so far
	carry     []byte         // mu-law, less than a frame between calls
}

func newFramer(output Format) framer {
	f := framer{alaw: output == PCMA}
	if output == PCM24k {
		f.decimator = pcm.NewDecimator()
	}
	return f
}

// emitFunc takes one message: payload is base64, law its audio, both good for as long as the
// function runs, and heard the number of bytes of it that are the agent's, not padding. As it
// came is a payload that is a part of what was pushed, and good for as long as that.
type emitFunc func(payload string, law []byte, heard int, asItCame bool)

// push adds a delta: base64, and what that stands for. Text that holds whole frames of mu-law
// is passed on as it is.
func (f *framer) push(audio string, decoded []byte, emit emitFunc) {
	if f.decimator == nil && !f.alaw && len(f.carry) == 0 && len(decoded)%frameBytes == 0 {
		for len(audio) > pieceChars {
			emit(audio[:pieceChars], decoded[:twiliostream.MaxMediaBytes], twiliostream.MaxMediaBytes, true)
			audio, decoded = audio[pieceChars:], decoded[twiliostream.MaxMediaBytes:]
		}
		emit(audio, decoded, len(decoded), true)
		return
	}
	r := borrowRoom()
	defer r.giveBack()
	r.law = append(r.law[:0], f.carry...)
	switch {
	case f.decimator != nil:
		f.decimate(r, decoded)
	case f.alaw:
		r.law = g711.AToMu(r.law, decoded)
	default:
		r.law = append(r.law, decoded...)
	}
	f.emitFrames(r, emit)
}

// decimate appends 24 kHz PCM as mu-law.
func (f *framer) decimate(r *room, raw []byte) {
	if len(f.odd) > 0 {
		raw = append(f.odd, raw...)
		f.odd = nil
	}
	if len(raw)%2 == 1 {
		f.odd = []byte{raw[len(raw)-1]}
		raw = raw[:len(raw)-1]
	}
	r.wide = pcm.Samples(r.wide[:0], raw)
	f.samples += len(r.wide)
	r.narrow = f.decimator.Process(r.narrow[:0], r.wide)
	r.law = g711.EncodeMu(r.law, r.narrow)
}

// finish sends what is left, its last frame padded with silence.
func (f *framer) finish(emit emitFunc) {
	r := borrowRoom()
	defer r.giveBack()
	r.law = append(r.law[:0], f.carry...)
	if f.decimator != nil {
		r.law = g711.EncodeMu(r.law, f.decimator.Flush(nil))
	}
	f.emitFrames(r, emit)
	if heard := len(f.carry); heard > 0 {
		for len(f.carry) < frameBytes {
			f.carry = append(f.carry, g711.MuSilence)
		}
		r.emit(f.carry, heard, emit)
		f.carry = nil
	}
}

// emitFrames sends the whole frames of law and keeps the rest.
func (f *framer) emitFrames(r *room, emit emitFunc) {
	rest := r.law
	for len(rest) >= frameBytes {
		n := min(twiliostream.MaxMediaBytes, len(rest)-len(rest)%frameBytes)
		r.emit(rest[:n], n, emit)
		rest = rest[n:]
	}
	f.carry = append(f.carry[:0], rest...)
}

func (r *room) emit(law []byte, heard int, emit emitFunc) {
	r.text = base64.StdEncoding.AppendEncode(r.text[:0], law)
	emit(jsonscan.View(r.text), law, heard, false)
}

// limitMS is the most of the item that can have been heard, in the model's own
// count: the filter's tail is ours, and a truncation beyond the item's end is refused.
func (f *framer) limitMS(sentMS int) int {
	if f.decimator == nil {
		return sentMS
	}
	return min(sentMS, f.samples/samplesPerMS)
}

// silence is n bytes of it in mu-law.
func silence(n int) []byte { return bytes.Repeat([]byte{g711.MuSilence}, n) }
