package media

import (
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
// other buffer of it is much larger than the largest of these.
func (r *room) giveBack() {
	if max(cap(r.wire), cap(r.law), 2*cap(r.wide)) <= roomAtMost {
		rooms.Put(r)
	}
}

// decodeLaw is a payload's audio. What is no base64 was refused where it came in.
func decodeLaw(payload string) []byte {
	law, _ := twiliostream.AppendAudio(nil, payload)
	return law
}
