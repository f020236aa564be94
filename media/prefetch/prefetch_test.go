package prefetch

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// Whatever is added, the lines that it touches are asked for, all of them and no other.
func TestARegionIsTheLinesThatItTouches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Uint64Range(1, 1<<48).Draw(t, "at")
		size := rapid.Uint64Range(1, 200*line).Draw(t, "size")
		r := of(uintptr(at), uintptr(size))
		first, last := at/line, (at+size-1)/line
		if got, n := uint64(r>>8), uint64(r&0xff); got != first || n != last-first+1 {
			t.Fatalf("%d bytes at %#x: %d lines from %#x on, want %d from %#x", size, at, n, got*line, last-first+1, first*line)
		}
	})
	if n := of(line, 1<<20) & 0xff; n != 255 {
		t.Errorf("a megabyte is %d lines", n)
	}
}

type inner struct{ address uintptr }

type outer struct {
	head, tail int
	pointer    *inner
	slice      []byte
	lock       chan struct{}
	boxed      any
	none       *inner
}

func TestWhatIsAdded(t *testing.T) {
	o := &outer{pointer: &inner{address: 4096}, slice: make([]byte, 10), lock: make(chan struct{}, 1)}
	o.boxed = o.pointer
	var s Set
	Value(&s, o)
	Between(&s, &o.head, &o.pointer)
	for _, path := range [][]string{{"pointer"}, {"slice"}, {"lock"}, {"boxed"}, {"pointer", "address"}, {"boxed", "address"}} {
		if !s.Behind(o, 8, path...) {
			t.Errorf("%v is not found", path)
		}
	}
	want := []uintptr{
		uintptr(unsafe.Pointer(o)), uintptr(unsafe.Pointer(o)), uintptr(unsafe.Pointer(o.pointer)), uintptr(unsafe.Pointer(&o.slice[0])),
		0, uintptr(unsafe.Pointer(o.pointer)), 4096, 4096,
	}
	if s.Len() != len(want) {
		t.Fatalf("%d regions, want %d", s.Len(), len(want))
	}
	for i, at := range want {
		if got := s.regions[i] >> 8; at != 0 && got != region(at/line) {
			t.Errorf("region %d begins at %#x, want %#x", i, got*line, at)
		}
	}
	for _, path := range [][]string{{"gone"}, {"head"}, {"pointer", "gone"}, {"head", "gone"}, {"none", "address"}} {
		if s.Behind(o, 8, path...) {
			t.Errorf("%v is found", path)
		}
	}
	if !s.Behind(o, 8, "none") || s.Len() != len(want) {
		t.Error("nothing is a region")
	}
	for range 2 * most {
		Value(&s, o)
	}
	if s.Len() != most {
		t.Errorf("a set of %d regions", s.Len())
	}
}

// Whatever is asked for, whether it is there or not, nothing happens that a program could see.
func TestItDoesNothing(t *testing.T) {
	var none *Set
	none.Fetch()
	new(Set).Fetch()
	Room(nil)
	b := []byte("what stands here stays")
	rapid.Check(t, func(t *rapid.T) {
		var s Set
		for range rapid.IntRange(0, most).Draw(t, "regions") {
			s.add(uintptr(rapid.Uint64().Draw(t, "at")), uintptr(rapid.Uint64().Draw(t, "size")))
		}
		s.Fetch()
		Room(b)
		Stack(rapid.IntRange(0, 1<<20).Draw(t, "below"), rapid.IntRange(0, 1<<20).Draw(t, "above"))
	})
	if string(b) != "what stands here stays" {
		t.Errorf("now it is %q", b)
	}
	s := new(Set)
	Value(s, &b)
	if n := testing.AllocsPerRun(100, func() { s.Fetch(); Room(b); Stack(512, 512) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// BenchmarkColdLines reads 24 lines that lead to each other, as fields do, and are in no cache:
// those of 40,000 others were read since. Asked for together before, and not.
func BenchmarkColdLines(b *testing.B) {
	const chain, chains = 24, 40_000
	type cell struct {
		next int
		_    [line - 8]byte
	}
	cells := make([]cell, chain*chains)
	order := rand.Perm(len(cells))
	sets := make([]Set, chains)
	for i, at := range order {
		cells[at].next = order[(i+1)%len(order)]
		Value(&sets[i/chain], &cells[at])
	}
	for name, ahead := range map[string]bool{"asked for": true, "not": false} {
		b.Run(name, func(b *testing.B) {
			at := order[0]
			for i := 0; b.Loop(); i++ {
				if ahead {
					sets[i%chains].Fetch()
				}
				for range chain {
					at = cells[at].next
				}
				if i%chains == chains-1 && at != order[0] {
					b.Fatal("the last leads to the first")
				}
			}
		})
	}
}
