package folder

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestOneAppendsAtATime, and nobody waits long for one whose disk hangs.
func TestOneAppendsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Folder{turn: make(chan struct{}, 1)}
		began := time.Now()
		waited := func() time.Duration { return time.Since(began) }
		done := f.takeTurn()
		go func() { time.Sleep(turnMost / 2); done() }()
		second := f.takeTurn()
		if waited() != turnMost/2 {
			t.Errorf("the second waited %v for the first", waited())
		}
		third := f.takeTurn() // the second hangs
		if waited() != turnMost/2+turnMost {
			t.Errorf("the third waited %v", waited()-turnMost/2)
		}
		third() // it had no turn to give back
		second()
		if len(f.turn) != 0 {
			t.Error("the turn is taken, and nobody has it")
		}
	})
}
