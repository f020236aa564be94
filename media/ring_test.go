package media

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Rings that borrow each other's rooms hold what slices would.
func TestRingsAreSlices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rings [3]ring
		var want [3][]byte
		next := byte(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, len(rings)-1).Draw(t, "ring")
			r := &rings[i]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				b := make([]byte, rapid.SampledFrom([]int{1, 160, 480, 3000, smallestRing, 20 * smallestRing}).Draw(t, "bytes"))
				for j := range b {
					next++
					b[j] = next
				}
				r.add(b)
				want[i] = append(want[i], b...)
			case 2:
				n := rapid.IntRange(0, 2*smallestRing).Draw(t, "keep")
				r.keep(n)
				want[i] = slices.Clone(want[i][max(len(want[i])-n, 0):])
			case 3:
				if r.len() <= smallestRing {
					r.resize(smallestRing)
				}
			}
			for j := range rings {
				if rings[j].len() != len(want[j]) || !bytes.Equal(rings[j].bytes(), want[j]) {
					t.Fatalf("ring %d holds %d bytes, want %d, or others", j, rings[j].len(), len(want[j]))
				}
			}
		}
	})
}
