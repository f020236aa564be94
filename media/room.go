package media

import (
	"encoding/base64"
	"sync"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// room is where a message is turned from one format into another. It is borrowed for that
// moment and not a call's own: in two hundred calls of which each has its own, none is in the
// processor's caches when its frame comes.
type room struct {
	law, wire, text []byte
	narrow, wide    []int16
}

var rooms = sync.Pool{New: func() any { return new(room) }}

func borrowRoom() *room {
	r, _ := rooms.Get().(*room)
	return r
}

// roomAtMost is the most of a message's audio for which a room is kept: three seconds of PCM.
const roomAtMost = 128 << 10

// giveBack gives the room back, unless it was made for a message of a size that is rare. No
// other buffer of it is much larger than wire.
func (r *room) giveBack() {
	if cap(r.wire) <= roomAtMost {
		rooms.Put(r)
	}
}

// frameRoom holds the audio of a message as phones send them, on the stack.
type frameRoom [twiliostream.MaxMediaBytes]byte

// decodeLaw appends a payload's audio. What is no base64 was refused where it came in.
func decodeLaw(law []byte, payload string) []byte {
	law, _ = base64.StdEncoding.AppendDecode(law, []byte(payload))
	return law
}
