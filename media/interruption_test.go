package media_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// toldWithin is how far a truncation may be off what the simulated callee heard.
const toldWithin = 60

// faults are what must not have happened in a call, whatever its order of events.
// onTheWay is the longest time that anything is on its way, each way.
func (w *witness) faults(onTheWay int) (all []string) {
	fault := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	all = append(all, w.objected...)
	heard, rest := w.heard(false)
	if rest > 0 {
		heard, rest = w.heard(true)
	}
	if rest > 0 {
		fault("%d bytes were played that the model never sent, or too late", rest)
	}
	for i, id := range w.order {
		told, cut := w.cut[id]
		switch whole := len(w.audio[id]) / 8; {
		case !cut && heard[i] < whole && w.outcome.Reason != media.EndCalleeHangup:
			fault("item %d was heard for %d of %d ms, and nobody told the model", i, heard[i], whole)
		case cut && (told-heard[i] > toldWithin || heard[i]-told > toldWithin+2*onTheWay):
			fault("item %d was heard for %d ms, and the model told %d", i, heard[i], told)
		case cut && heard[i] == 0 && told != 0:
			fault("item %d was queued behind another, and the model told %d ms of it", i, told)
		}
	}
	if n := w.count("greeting"); n != 1 {
		fault("%d greetings", n)
	}
	if n := w.count("opening"); n > 2 { // a second one only where the first was interrupted before a word of it
		fault("%d openings", n)
	}
	if !w.outcome.DisclosurePlayed {
		fault("the disclosure was not played: %s", w.outcome.Reason)
	}
	return all
}

// virtual runs a call on a clock of its own.
func virtual(t *testing.T, seed uint64, delayMS int, change func(*whole)) (w *witness) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 11))
		var mu sync.Mutex
		delay := func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(random.IntN(delayMS*1000+1)) * time.Microsecond
		}
		c := anyCall(t, rand.New(rand.NewPCG(seed, 12)))
		if change != nil {
			change(&c)
		}
		w = c.run(t, memoryNetwork(delay), memoryNetwork(delay))
		time.Sleep(time.Minute) // for segments that are still on their way
	})
	return w
}

// TestNothingGoesWrongInAnyOrder: both vendors' strict simulators, a callee who talks over
// the agent at any time, tools that take their time, and networks that are late by up
// to so much, each in its own way. No double greeting, no conflict but where events crossed
// on the wire, no word after its interruption; with the guard, where only we ask for
// responses, no conflict at all.
func TestNothingGoesWrongInAnyOrder(t *testing.T) { inAnyOrder(t, 12) }

// inAnyOrder holds so many calls; after twelve every pair of a network and a guard has been.
func inAnyOrder(t *testing.T, calls uint64) {
	t.Helper()
	races, cuts, fillers, ends := 0, 0, 0, map[media.EndReason]int{}
	for seed := range calls {
		late, guard := []int{0, 0, 20, 120}[seed%4], seed%3 == 0
		w := virtual(t, seed, late, func(c *whole) {
			c.config = func(cfg *media.Config) { cfg.BackchannelGuard = guard }
		})
		for _, f := range w.faults(late) {
			t.Errorf("seed %d: %s", seed, f)
		}
		conflicts := slices.DeleteFunc(w.races, func(v realtimetest.Violation) bool { // of what had just ended
			return v.Code == "response_cancel_not_active"
		})
		if guard && len(conflicts) > 0 {
			t.Errorf("seed %d: a conflict: %v", seed, conflicts)
		}
		races += len(conflicts)
		cuts += len(w.cut)
		fillers += w.outcome.Quality.Fillers
		ends[w.outcome.Reason]++
	}
	t.Logf("%d truncations, %d fillers, %d requests that crossed an answer of the model's own on the wire; ends: %v", cuts, fillers, races, ends)
}
