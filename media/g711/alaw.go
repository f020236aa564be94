package g711

import "math/bits"

// ASilence is the A-law code nearest to zero: A-law has no zero, this one decodes to +8.
const ASilence byte = 0xD5

// aInvert is the pattern that G.711 section 3.2 applies to every second bit, together with the
// sign bit being 1 for positive values.
const aInvert = 0x55

var aToLinear = expandAll(expandA)

// EncodeA appends the A-law code of every sample of src to dst.
func EncodeA(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, compressA(s))
	}
	return dst
}

// DecodeA appends the linear value of every A-law code of src to dst; the extremes are ±32256.
func DecodeA(dst []int16, src []byte) []int16 {
	for _, b := range src {
		dst = append(dst, aToLinear[b])
	}
	return dst
}

func compressA(s int16) byte {
	magnitude, sign := uint32(s), byte(0x80)
	if s < 0 {
		// One's complement: the interval of the smallest negative code is [-16, -1], of the positive one [0, 15].
		magnitude, sign = uint32(^s), 0
	}
	segment := max(bits.Len32(magnitude)-8, 0)
	shift := max(segment, 1) + 3
	return (sign | byte(segment)<<4 | byte(magnitude>>shift)&0x0F) ^ aInvert
}

func expandA(code byte) int16 {
	plain := code ^ aInvert
	segment := plain >> 4 & 7
	magnitude := int32(plain&0x0F)<<4 + 8
	if segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if plain&0x80 == 0 {
		magnitude = -magnitude
	}
	return int16(magnitude)
}

// Each code of one law to the nearest of the other, by way of the linear value.
var (
	muToA = translate(expandMu, compressA)
	aToMu = translate(expandA, compressMu)
)

// MuToA appends src, mu-law, to dst as A-law.
func MuToA(dst, src []byte) []byte {
	for _, b := range src {
		dst = append(dst, muToA[b])
	}
	return dst
}

// AToMu appends src, A-law, to dst as mu-law.
func AToMu(dst, src []byte) []byte {
	for _, b := range src {
		dst = append(dst, aToMu[b])
	}
	return dst
}

func translate(expand func(byte) int16, compress func(int16) byte) (table [256]byte) {
	for code := range table {
		table[code] = compress(expand(byte(code)))
	}
	return table
}
