package archive

import (
	"encoding/binary"
	"fmt"
	"os"
)

// A recording is a WAV file of mu-law, 8 kHz, two channels: the callee left, the agent right.
const (
	SampleRate = 8000
	Channels   = 2
	// BytesPerMS of sound.
	BytesPerMS = SampleRate * Channels / 1000
	// HeaderSize is what stands before the sound.
	HeaderSize = 58
	// MaxRecording bounds the sound of a recording: two hours and a half. What a longer call
	// sounded like after that is not kept.
	MaxRecording = 9000 * 1000 * BytesPerMS

	formatMuLaw = 7
)

// Header is a WAV file's over size bytes of sound: RIFF, then "fmt " with the size of an
// extension and "fact" with the number of samples, as a format other than PCM needs.
func Header(size int64) []byte {
	b := make([]byte, 0, HeaderSize)
	u32 := func(v int64) { b = binary.LittleEndian.AppendUint32(b, uint32(v)) } //nolint:gosec // bounded by MaxRecording
	u16 := func(v uint16) { b = binary.LittleEndian.AppendUint16(b, v) }
	b = append(b, "RIFF"...)
	u32(HeaderSize - 8 + size)
	b = append(b, "WAVEfmt "...)
	u32(18)
	u16(formatMuLaw)
	u16(Channels)
	u32(SampleRate)
	u32(SampleRate * Channels)
	u16(Channels) // bytes of one moment
	u16(8)        // bits of one sample
	u16(0)        // no extension
	b = append(b, "fact"...)
	u32(4)
	u32(size / Channels)
	b = append(b, "data"...)
	u32(size)
	return b
}

// AddSound writes sound behind the taken bytes that a recording has, as far as it may have
// more, and counts what it wrote: nothing of a write that failed. A nil file is no recording.
func AddSound(recording *os.File, taken *int64, stereo []byte) error {
	if recording == nil {
		return nil
	}
	stereo = stereo[:min(int64(len(stereo)), MaxRecording-*taken)]
	n, err := recording.WriteAt(stereo, HeaderSize+*taken)
	if err != nil {
		return fmt.Errorf("write a recording: %w", err)
	}
	*taken += int64(n)
	return nil
}
