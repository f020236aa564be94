//go:build linux

package lambdabench

import (
	"testing"
	"time"
)

// slow is a function that takes so long to start, and for each event; two in a hundred
// take tail.
func slow(start, event, tail time.Duration) *figures {
	f := &figures{}
	for n := range 1000 {
		f.ours = append(f.ours, start)
		if n%50 == 0 {
			f.inside = append(f.inside, tail)
		} else {
			f.inside = append(f.inside, event)
		}
	}
	return f
}

func TestTheJudgementFails(t *testing.T) {
	t.Parallel()
	base := slow(2*time.Millisecond, time.Millisecond/2, time.Millisecond)
	for _, c := range []struct {
		name   string
		f      *figures
		missed int
	}{
		{"voice", slow(6*time.Millisecond, 2*time.Millisecond, 5*time.Millisecond), 0},
		{"voice", slow(6100*time.Microsecond, 2*time.Millisecond, 5*time.Millisecond), 1},
		{"tools", slow(9*time.Millisecond, 2*time.Millisecond, 5500*time.Microsecond), 0}, // half of it is the Runtime API's
		{"tools", slow(9*time.Millisecond, 2*time.Millisecond, 5600*time.Microsecond), 1},
		{"calls", slow(9*time.Millisecond, 2*time.Millisecond, 5500*time.Microsecond), 0},
		{"calls", slow(9*time.Millisecond, 2*time.Millisecond, 5600*time.Microsecond), 1},
		{"notify", slow(11*time.Millisecond, 6*time.Millisecond, 6*time.Millisecond), 2},
		{minimal, slow(2*time.Millisecond, time.Millisecond, 6*time.Millisecond), 1}, // a machine on which nothing can be judged
	} {
		ratio, inside := c.f.judged(c.name, base)
		if got := misses(c.name, ratio, inside); len(got) != c.missed {
			t.Errorf("%s, start %v, tail %v: %q", c.name, c.f.ours[0], c.f.inside[0], got)
		}
	}
}
