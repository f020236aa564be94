// Package g711 converts between 16-bit linear samples and the two companding laws of
// ITU-T G.711: mu-law, the only format of Twilio Media Streams and "audio/pcmu" at the model,
// and A-law, "audio/pcma" at the model.
//
// It owns the code words and nothing else: no framing, no resampling, no gain. All functions
// append to dst as append does, allocate only when dst lacks room, keep no state and may be
// called by any number of goroutines at once.
package g711

import "math/bits"

// SampleRate is the rate of both laws in samples per second; one byte is one sample.
const SampleRate = 8000

// MuSilence is the mu-law code of +0. The other zero, 0x7F, decodes to 0 too but EncodeMu never makes it.
const MuSilence byte = 0xFF

const (
	// muBias moves the decision values of G.711 table 2a, times four for 16-bit samples, to powers of two.
	muBias = 33 << 2
	// muClip is the largest magnitude that still fits the last segment: 8159 of the 14-bit scale.
	muClip = 8159<<2 - 1
)

var muToLinear = expandAll(expandMu)

// EncodeMu appends the mu-law code of every sample of src to dst.
func EncodeMu(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, compressMu(s))
	}
	return dst
}

// DecodeMu appends the linear value of every mu-law code of src to dst; the extremes are ±32124.
func DecodeMu(dst []int16, src []byte) []int16 {
	for _, b := range src {
		dst = append(dst, muToLinear[b])
	}
	return dst
}

// compressMu finds the segment by the position of the leading bit instead of a 64 KiB table,
// which would compete with everything else for the cache.
func compressMu(s int16) byte {
	magnitude, sign := int32(s), byte(0)
	if s < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	biased := uint32(min(magnitude, muClip) + muBias)
	segment := bits.Len32(biased) - 8
	return ^(sign | byte(segment)<<4 | byte(biased>>(segment+3))&0x0F)
}

func expandMu(code byte) int16 {
	inverted := ^code
	segment := inverted >> 4 & 7
	magnitude := (int32(inverted&0x0F)<<3+muBias)<<segment - muBias
	if inverted&0x80 != 0 {
		magnitude = -magnitude
	}
	return int16(magnitude)
}

func expandAll(expand func(byte) int16) (table [256]int16) {
	for code := range table {
		table[code] = expand(byte(code))
	}
	return table
}
