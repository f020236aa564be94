package media

import "sync"

// ring holds the last bytes of a stream, without moving them when the oldest go. The zero
// value is empty.
type ring struct {
	room        []byte
	first, held int // where what is held begins in room, and how much it is
}

func (r *ring) len() int { return r.held }

// add appends b, for which there is made room.
func (r *ring) add(b []byte) {
	if need := r.held + len(b); need > len(r.room) {
		r.resize(need)
	}
	end := (r.first + r.held) % len(r.room)
	n := copy(r.room[end:], b)
	copy(r.room, b[n:])
	r.held += len(b)
}

// keep lets go of all but the last n bytes.
func (r *ring) keep(n int) {
	if over := r.held - n; over > 0 {
		r.first = (r.first + over) % len(r.room)
		r.held = n
	}
}

// resize moves what is held, which is no more than that, into room for n bytes.
func (r *ring) resize(n int) {
	room := borrowRing(n)
	k := copy(room, r.room[r.first:min(r.first+r.held, len(r.room))])
	copy(room[k:], r.room[:r.held-k])
	giveBackRing(r.room)
	r.room, r.first = room, 0
}

// bytes is what is held, in one piece; it is good until the next change.
func (r *ring) bytes() []byte {
	end := r.first + r.held
	if end <= len(r.room) {
		return r.room[r.first:end]
	}
	all := make([]byte, 0, r.held)
	all = append(all, r.room[r.first:]...)
	return append(all, r.room[:end-len(r.room)]...)
}

// rings are rooms that no ring has, by how often smallestRing was doubled. A call needs a larger
// one for as long as somebody speaks, and would leave it to be collected after every utterance.
var rings [5]sync.Pool

const smallestRing = recallRoom

// borrowRing is room for n bytes at least, of any content.
func borrowRing(n int) []byte {
	size := smallestRing
	for i := range rings {
		if n <= size {
			if room, ok := rings[i].Get().(*[]byte); ok {
				return *room
			}
			return make([]byte, size)
		}
		size *= 2
	}
	return make([]byte, n)
}

// giveBackRing takes back a room that nobody reads or writes any more.
func giveBackRing(room []byte) {
	for i := range rings {
		if len(room) == smallestRing<<i {
			rings[i].Put(&room)
			return
		}
	}
}
