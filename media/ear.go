package media

import (
	"encoding/base64"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// ear turns the callee's mu-law into what the model was told to expect. It keeps the
// filter's state between frames, so audio goes through it in order, silence put into gaps
// with it. The zero value passes mu-law on unread. Its buffers are used again and again.
type ear struct {
	format Format
	up     pcm.Interpolator

	law    []byte
	narrow []int16
	wide   []int16
	bytes  []byte
	text   []byte
}

// hear is a payload, valid base64 of mu-law, in the model's format. It is good until the
// next one is heard.
func (e *ear) hear(payload string) []byte {
	if e.format == "" || e.format == PCMU {
		e.text = append(e.text[:0], payload...)
		return e.text
	}
	// What is no base64 was refused where it came in, and cannot come here.
	law, _ := base64.StdEncoding.AppendDecode(e.law[:0], []byte(payload))
	e.law = law
	if e.format == PCMA {
		e.bytes = g711.MuToA(e.bytes[:0], law)
	} else {
		e.narrow = g711.DecodeMu(e.narrow[:0], law)
		e.wide = e.up.Process(e.wide[:0], e.narrow)
		e.bytes = pcm.Bytes(e.bytes[:0], e.wide)
	}
	e.text = base64.StdEncoding.AppendEncode(e.text[:0], e.bytes)
	return e.text
}
