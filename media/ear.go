package media

import (
	"encoding/base64"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// ear turns the callee's mu-law into what the model was told to expect. It keeps the
// filter's state between frames, so audio goes through it in order, silence put into gaps
// with it. The zero value passes mu-law on unread.
type ear struct {
	format Format
	up     *pcm.Interpolator // nil before the first
}

// passes says whether the model hears mu-law as it came.
func (e *ear) passes() bool { return e.format == "" || e.format == PCMU }

// hear appends mu-law in the model's format, as base64.
func (e *ear) hear(text, law []byte) []byte {
	r := borrowRoom()
	defer r.giveBack()
	if e.format == PCMA {
		r.wire = g711.MuToA(r.wire[:0], law)
	} else {
		r.narrow = g711.DecodeMu(r.narrow[:0], law)
		if e.up == nil {
			e.up = new(pcm.Interpolator)
		}
		r.wide = e.up.Process(r.wide[:0], r.narrow)
		r.wire = pcm.Bytes(r.wire[:0], r.wide)
	}
	return base64.StdEncoding.AppendEncode(text, r.wire)
}
