package keepalive

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// noted is a connection that takes note of the write deadlines that it is told.
type noted struct {
	net.Conn
	writes []time.Duration
	began  time.Time
}

func (c *noted) SetWriteDeadline(t time.Time) error {
	c.writes = append(c.writes, t.Sub(c.began))
	return nil
}

func TestADeadlineIsSetWhereItChanges(t *testing.T) {
	c := &noted{began: time.Now()}
	l := NewLax(c)
	for _, s := range []int{10, 10, 10, 1, 10, 10} {
		if err := l.SetWriteDeadline(c.began.Add(time.Duration(s) * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{10 * time.Second, time.Second, 10 * time.Second}; !slices.Equal(c.writes, want) {
		t.Errorf("set %v, want %v", c.writes, want)
	}
}

// TestEveryWriteHasHalfOfItsTime: the deadline of frames is put off now and then.
func TestEveryWriteHasHalfOfItsTime(t *testing.T) {
	ws, _, _ := connect(t)
	synctest.Test(t, func(t *testing.T) {
		var w Writes
		changed := map[time.Time]bool{}
		for range 500 { // 10 s of frames
			if err := w.Within(ws, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			if left := time.Until(w.until); left < 5*time.Second || left > 10*time.Second {
				t.Fatalf("a write has %v", left)
			}
			changed[w.until] = true
			time.Sleep(20 * time.Millisecond)
		}
		if len(changed) != 2 {
			t.Errorf("it was set %d times", len(changed))
		}
	})
}
