package stream

import (
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestABeatThatTakesLongIsFollowedByTheNextOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		var work sync.WaitGroup
		began := time.Now()
		var beats []time.Duration
		p.start(100*time.Millisecond, time.Second, &work, func() bool {
			beats = append(beats, time.Since(began))
			if len(beats) == 2 {
				time.Sleep(3500 * time.Millisecond)
			}
			return len(beats) < 4
		})
		work.Wait()
		p.stop()
		want := []time.Duration{100 * time.Millisecond, 1100 * time.Millisecond, 5100 * time.Millisecond, 6100 * time.Millisecond}
		if !reflect.DeepEqual(beats, want) {
			t.Errorf("beats after %v, want %v", beats, want)
		}
	})
}
