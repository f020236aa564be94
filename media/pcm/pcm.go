// Package pcm handles 16-bit linear audio: bytes on a wire to samples and back, the change of
// rate between the model's 24 kHz and the telephone's 8 kHz, test tones and their measurement.
//
// It owns the filters and their state. It never knows a codec, a frame length or a wire event,
// and it allocates nothing per frame when the caller's dst has room.
package pcm

import "encoding/binary"

const (
	// PhoneRate is the rate of the telephone network in samples per second.
	PhoneRate = 8000
	// ModelRate is the only rate at which the model takes and gives "audio/pcm", in samples per second.
	ModelRate = 24000
)

// Bytes appends every sample of src to dst as two bytes, low byte first ("s16le").
func Bytes(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(s))
	}
	return dst
}

// Samples appends the s16le samples of src to dst. A last odd byte is half a sample and left
// out: a caller whose chunks may split a sample keeps that byte for the next one.
func Samples(dst []int16, src []byte) []int16 {
	for ; len(src) >= 2; src = src[2:] {
		dst = append(dst, int16(binary.LittleEndian.Uint16(src)))
	}
	return dst
}
