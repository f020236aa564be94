package twiliotest

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever arrives when: audio plays once and in order, and a mark comes back in the first
// frame after all audio before it has sounded, or at once if there is none.
func TestPlaybackKeepsOrderAndMarksTellTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p playback
		var sent, played []byte
		due := map[string]int{} // bytes that must have sounded
		var order, back []string
		sounded := 0
		echo := func(marks []string) {
			for _, m := range marks {
				if sounded < due[m] {
					t.Fatalf("mark %s came back after %d bytes, %d are before it", m, sounded, due[m])
				}
				if sounded-due[m] >= frameBytes && due[m] > 0 {
					t.Fatalf("mark %s came back %d bytes late", m, sounded-due[m])
				}
			}
			back = append(back, marks...)
		}
		tick := func() {
			sounded = len(played)
			var frame [frameBytes]byte
			n, marks := p.next(frame[:])
			echo(marks)
			played = append(played, frame[:n]...)
			if n < min(frameBytes, len(sent)-sounded) {
				t.Fatalf("a gap: %d bytes played, %d were there", n, len(sent)-sounded)
			}
		}
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				chunk := rapid.SliceOfN(rapid.Byte(), 1, 500).Draw(t, "audio")
				sent = append(sent, chunk...)
				p.audio(slices.Clone(chunk))
			case 1:
				name := string(rune('a' + step))
				order, due[name] = append(order, name), len(sent)
				if p.mark(name) {
					sounded = len(played)
					echo([]string{name})
				}
			case 2:
				tick()
			}
		}
		for len(played) < len(sent) || len(back) < len(order) {
			before := len(played) + len(back)
			tick()
			if len(played)+len(back) == before {
				t.Fatalf("stuck: %d of %d bytes, marks %v of %v", len(played), len(sent), back, order)
			}
		}
		if !bytes.Equal(played, sent) || !slices.Equal(back, order) {
			t.Fatalf("audio equal: %v; marks %v, want %v", bytes.Equal(played, sent), back, order)
		}
		if p.buffered != 0 {
			t.Fatalf("%d bytes are counted as buffered", p.buffered)
		}
	})
}

func TestClearedMarksComeBackInOrderAndTheSoundingFrameStays(t *testing.T) {
	var p playback
	p.audio(make([]byte, 400))
	p.mark("a")
	p.audio(make([]byte, 400))
	p.mark("b")
	var frame [frameBytes]byte
	p.next(frame[:])
	same2(t, "cleared", p.clear(), []string{"a", "b"})
	if p.mark("c") {
		t.Error("a mark came back while the last frame was sounding")
	}
	n, marks := p.next(frame[:])
	same2(t, "after the frame", marks, []string{"c"})
	if n != 0 || !p.mark("d") {
		t.Error("the buffer is not empty after a clear")
	}
}
