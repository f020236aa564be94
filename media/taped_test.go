package media_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/g711"
)

const (
	tapeFrame  = 160
	msOfTape   = 8
	tapeWithin = 22 * msOfTape // the phone's own frame, and the way there
)

// TestATapeIsWhatTheCalleeHeardAndSaid holds the tape of whole calls, with interruptions and
// lost marks, against the phone's own recording: the callee's leg sample for sample, the
// agent's frame by frame, each within the frame that the phone may take to begin playing.
func TestATapeIsWhatTheCalleeHeardAndSaid(t *testing.T) {
	var frames, bargeIns, edges int
	for seed := range uint64(12) {
		tape := media.NewTape(true)
		w := virtual(t, seed, 1, func(c *whole) { c.config = func(cfg *media.Config) { cfg.Tape = tape } })
		callee, agent := split(tape.Sound(time.Time{}, nil))
		lasted := w.outcome.EndedAt.Sub(w.outcome.StartedAt)
		if n := time.Duration(len(callee)) * time.Second / 8000; (n - lasted).Abs() > time.Millisecond {
			t.Errorf("seed %d: the tape is %v long, the call %v", seed, n, lasted)
		}
		offset := alignment(t, callee, w.recording.Callee)
		missing := unmatched(agent, w.recording.Agent, offset)
		unheard := unmatched(w.recording.Agent, agent, -offset)
		clears := 0
		for _, m := range w.moments {
			if m.Kind == media.MomentClear {
				clears++
			}
		}
		// What is being played when it is cleared, or when the line goes down, may differ in
		// its last frame.
		if most := clears + 1; len(missing) > most || len(unheard) > most {
			t.Errorf("seed %d: the phone did not play the tape's frames at %v ms; the tape lacks the phone's at %v ms (%d clears)", seed, missing, unheard, clears)
		}
		frames += len(agent) / tapeFrame
		bargeIns += w.outcome.Quality.BargeIns
		edges += len(missing) + len(unheard)
	}
	t.Logf("%d frames, %d barge-ins; %d frames are one side's alone", frames, bargeIns, edges)
	if bargeIns == 0 {
		t.Error("nobody interrupted the agent")
	}
}

func split(stereo []byte) (left, right []byte) {
	for i := 0; i < len(stereo); i += 2 {
		left, right = append(left, stereo[i]), append(right, stereo[i+1])
	}
	return left, right
}

// alignment is where in the phone's recording, which begins with the answer, the tape
// begins, by the callee's leg: all of it must be there, sample for sample.
func alignment(t *testing.T, tape, phone []byte) int {
	t.Helper()
	first := 0
	for first < len(tape) && silent(tape[first:min(first+tapeFrame, len(tape))]) {
		first += tapeFrame
	}
	at := bytes.Index(phone, tape[first:min(first+800, len(tape))])
	if at < 0 {
		t.Fatal("the phone did not send what is on the tape")
	}
	offset := at - first
	for i := range tape {
		if i+offset >= 0 && i+offset < len(phone) && tape[i] != phone[i+offset] && !silent(tape[i:i+1]) {
			t.Fatalf("the callee's leg is not the phone's at %d ms", i/msOfTape)
		}
		if i+offset >= 0 && i+offset < len(phone) && silent(tape[i:i+1]) && phone[i+offset] != tape[i] && i < len(tape)-tapeWithin {
			t.Fatalf("the callee's leg lacks what the phone sent at %d ms", i/msOfTape)
		}
	}
	return offset
}

// unmatched are the places, in ms, of frames of one recording that the other does not have
// at about the same time.
func unmatched(frames, in []byte, offset int) (at []int) {
	for i := 0; i+tapeFrame <= len(frames); i += tapeFrame {
		f := frames[i : i+tapeFrame]
		if silent(f) {
			continue
		}
		from, to := i+offset-tapeWithin, i+offset+tapeFrame+tapeWithin
		if from = max(from, 0); from >= len(in) || !bytes.Contains(in[from:min(max(to, from), len(in))], bytes.Trim(f, "\xff")) {
			at = append(at, i/msOfTape)
		}
	}
	return at
}

func silent(law []byte) bool {
	for _, code := range law {
		if code != g711.MuSilence {
			return false
		}
	}
	return true
}
