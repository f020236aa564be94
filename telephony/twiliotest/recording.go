package twiliotest

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
)

// Recording is what was said, from the answer on: both legs as mu-law at 8 kHz, of one length
// and on one clock.
type Recording struct {
	// Callee is what the callee said; Agent what it heard, Twilio's own voice included.
	Callee, Agent []byte
	// Played is the stream's audio as far as it was played, byte for byte as it was sent:
	// without silence between, without what a clear or the end of the call dropped.
	Played []byte
}

// Recording returns what was said so far.
func (c *Call) Recording() Recording {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	return Recording{
		Callee: slices.Clone(c.line.calleeLeg), Agent: slices.Clone(c.line.agentLeg), Played: slices.Clone(c.line.played),
	}
}

// Duration is the length of both legs.
func (r Recording) Duration() time.Duration { return durationOf(len(r.Agent)) }

// WriteWAV writes 8 kHz 16-bit stereo: callee left, agent right.
func (r Recording) WriteWAV(w io.Writer) error {
	left, right := g711.DecodeMu(nil, r.Callee), g711.DecodeMu(nil, r.Agent)
	const channels, bytesPerSample = 2, 2
	size := len(left) * channels * bytesPerSample
	wav := make([]byte, 0, 44+size)
	wav = append(wav, "RIFF"...)
	wav = binary.LittleEndian.AppendUint32(wav, uint32(36+size))
	wav = append(wav, "WAVEfmt "...)
	wav = binary.LittleEndian.AppendUint32(wav, 16)
	wav = binary.LittleEndian.AppendUint16(wav, 1) // linear PCM
	wav = binary.LittleEndian.AppendUint16(wav, channels)
	wav = binary.LittleEndian.AppendUint32(wav, g711.SampleRate)
	wav = binary.LittleEndian.AppendUint32(wav, g711.SampleRate*channels*bytesPerSample)
	wav = binary.LittleEndian.AppendUint16(wav, channels*bytesPerSample)
	wav = binary.LittleEndian.AppendUint16(wav, 8*bytesPerSample)
	wav = append(wav, "data"...)
	wav = binary.LittleEndian.AppendUint32(wav, uint32(size))
	for i := range left {
		wav = binary.LittleEndian.AppendUint16(wav, uint16(left[i]))
		wav = binary.LittleEndian.AppendUint16(wav, uint16(right[i]))
	}
	if _, err := w.Write(wav); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}
