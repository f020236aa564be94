package keepalive

import (
	"testing"
	"testing/synctest"
	"time"
)

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
