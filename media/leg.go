package media

import (
	"math"

	"github.com/clawdbot/call-agent/media/g711"
)

const (
	// perSlot is how finely a meter resolves, in samples: what a clear cuts is known to 20 ms.
	perSlot  = frameBytes
	perLevel = int64(LevelEvery/1_000_000) * bytesPerMS
	// slotsMost bounds a meter: all that may wait to be played, and to be taken.
	slotsMost = (agentAheadMost + heldMost) / perSlot
)

// leg is one side of a tape. All its places are samples from the stream's start.
type leg struct {
	end    int64 // of what there is
	levels meter
	reel   reel
}

// cut takes away what lies behind a place.
func (l *leg) cut(at int64) {
	l.end = min(l.end, at)
	l.levels.cut(at)
	l.reel.cut(at)
}

// meter is a leg's power over time, far smaller than its sound: a sum of squares for each
// slot from first on.
type meter struct {
	first int64 // the number of slots[0]
	slots []float32
}

// add lays audio down from a place on; what lies before the first slot is left out.
func (m *meter) add(at int64, law []byte) {
	if early := m.first*perSlot - at; early > 0 {
		law = law[min(early, int64(len(law))):]
		at += early
	}
	for len(law) > 0 {
		n := min(int64(len(law)), perSlot-at%perSlot)
		*m.slot(at / perSlot) += energy(law[:n])
		law = law[n:]
		at += n
	}
}

// slot is the slot of that number, made where there is none.
func (m *meter) slot(number int64) *float32 {
	if over := number - m.first - slotsMost; over >= 0 { // nobody takes: the oldest go
		m.drop(m.first + over + 1)
	}
	for int64(len(m.slots)) <= number-m.first {
		m.slots = append(m.slots, 0)
	}
	return &m.slots[number-m.first]
}

// cut takes away what lies behind a place; of the slot that it is in, its share stays.
func (m *meter) cut(at int64) {
	i := at/perSlot - m.first
	if i < 0 || i >= int64(len(m.slots)) {
		return
	}
	m.slots = m.slots[:i+1]
	m.slots[i] *= float32(at%perSlot) / perSlot
}

// drop lets go of the slots before that number.
func (m *meter) drop(number int64) {
	n := min(max(number-m.first, 0), int64(len(m.slots)))
	m.slots = m.slots[:copy(m.slots, m.slots[n:])]
	m.first = max(m.first, number)
}

// take is the loudness over the next perLevel samples from a place on, which it lets go of.
func (m *meter) take(at int64) int {
	sum := float32(0)
	for i := at/perSlot - m.first; i < (at+perLevel)/perSlot-m.first; i++ {
		if i >= 0 && i < int64(len(m.slots)) {
			sum += m.slots[i]
		}
	}
	m.drop((at + perLevel) / perSlot)
	return loudness(float64(sum) / float64(perLevel))
}

// quietest is the level in dBFS that is shown as silence.
const quietest = -60

// loudness shows a mean power from 0, at quietest or less, to 100, as loud as can be.
func loudness(power float64) int {
	db := 10 * math.Log10(max(power, 1)/(32768*32768))
	return int(math.Round(100 * min(max(1-db/quietest, 0), 1)))
}

// energy is the sum of the squares of mu-law audio.
func energy(law []byte) float32 {
	sum := uint64(0)
	for _, code := range law {
		sum += uint64(wholeSquares[code])
	}
	return float32(sum)
}

// wholeSquares are squares, which are whole.
var wholeSquares = func() (t [256]uint32) {
	for code, s := range squares {
		t[code] = uint32(s)
	}
	return t
}()

// reel is a leg's sound from a place on.
type reel struct {
	first int64
	law   []byte
}

// put lays audio down; what lies before the first sample is left out, a gap is silence.
func (r *reel) put(at int64, law []byte) {
	if early := r.first - at; early > 0 {
		law = law[min(early, int64(len(law))):]
		at += early
	}
	for int64(len(r.law)) < at-r.first && len(law) > 0 {
		r.law = append(r.law, g711.MuSilence)
	}
	r.law = append(r.law[:min(int64(len(r.law)), at-r.first)], law...)
}

// cut takes away what lies behind a place.
func (r *reel) cut(at int64) {
	r.law = r.law[:min(max(at-r.first, 0), int64(len(r.law)))]
}

// drop lets go of what lies before a place.
func (r *reel) drop(at int64) {
	n := min(max(at-r.first, 0), int64(len(r.law)))
	r.law = r.law[:copy(r.law, r.law[n:])]
	r.first = max(r.first, at)
}
