//go:build !race

package media

import "testing"

// TestALongUtteranceLeavesNoGarbage: a room is borrowed for it, and given back.
func TestALongUtteranceLeavesNoGarbage(t *testing.T) {
	law := silence(frameBytes)
	var r recall
	speak := func() {
		r.hold(0)
		for range 200 {
			r.add(law, true)
		}
		r.open = false
		r.release()
	}
	speak()
	// A pool's entry is a slice's header.
	if n := testing.AllocsPerRun(50, speak); n > 8 {
		t.Errorf("%g allocations for an utterance of 4 s", n)
	}
	if len(r.law.room) != smallestRing {
		t.Errorf("%d bytes of room are left", len(r.law.room))
	}
}
