package realtime

import (
	"encoding/binary"
	"math/rand/v2"
)

// messageHead is the room before a message for what its frame begins with: 2 bytes, at most 8
// for its length, and 4 for the mask (RFC 6455 section 5.2).
const messageHead = 14

// seal makes the message that stands behind such a room the one frame of a client's text
// message: it is masked where it is. The frame is a part of b.
func seal(b []byte) []byte {
	message := b[messageHead:]
	const final, text, masked = 0x80, 0x1, 0x80
	begin := messageHead - 4 - 2
	switch n := len(message); {
	case n < 126:
		b[begin+1] = masked | byte(n)
	case n <= 0xffff:
		begin -= 2
		b[begin+1] = masked | 126
		binary.BigEndian.PutUint16(b[begin+2:], uint16(n))
	default:
		begin -= 8
		b[begin+1] = masked | 127
		binary.BigEndian.PutUint64(b[begin+2:], uint64(n))
	}
	b[begin] = final | text
	key := rand.Uint32() // whoever writes the message must not foresee it (RFC 6455 section 10.3): this one is seeded by the system
	binary.LittleEndian.PutUint32(b[messageHead-4:], key)
	mask(message, key)
	return b[begin:]
}

// mask masks b, the key's lowest byte first.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}
