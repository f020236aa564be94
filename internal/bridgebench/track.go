package main

import (
	"slices"
	"sync"
	"time"
)

// track is one direction of a line: how much audio was sent and when, and how much of
// it has arrived. Both are counted in microseconds of audio, which every format and
// every framing has in common, so a message that was cut or joined on its way is still
// known by the audio that it ends with. It is safe for concurrent use.
type track struct {
	mu        sync.Mutex
	sent, got int64
	open      []stamp // sent and not arrived yet, oldest first
	record    bool
	delays    []time.Duration
	garbled   int
}

// stamp is one message: the audio from start to end was sent at.
type stamp struct {
	start, end int64
	at         time.Time
	serial     int
}

// sending takes note of a message that is about to be written.
func (t *track) sending(us int64, serial int) {
	t.mu.Lock()
	t.open = append(t.open, stamp{t.sent, t.sent + us, time.Now(), serial})
	t.sent += us
	t.mu.Unlock()
}

// arrived takes note of a message. Its delay is that of the message sent which holds its
// last sample. serial is what its first bytes say, -1 where they say nothing: it must be
// that of the message that begins there.
func (t *track) arrived(us int64, serial int) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if serial >= 0 && (len(t.open) == 0 || t.open[0].start == t.got && t.open[0].serial != serial) {
		t.garbled++
	}
	t.got += us
	over := 0
	for over < len(t.open) && t.open[over].end < t.got {
		over++
	}
	if over < len(t.open) {
		if t.record {
			t.delays = append(t.delays, now.Sub(t.open[over].at))
		}
		if t.open[over].end == t.got {
			over++
		}
	}
	t.open = slices.Delete(t.open, 0, over) // what it lies in is used again
}

// skip forgets what was sent and has not arrived: the other end was told to drop it.
func (t *track) skip() {
	t.mu.Lock()
	t.got, t.open = t.sent, nil
	t.mu.Unlock()
}

// pad takes note of silence that the other end adds of its own.
func (t *track) pad(us int64) {
	t.mu.Lock()
	t.sent += us
	t.mu.Unlock()
}

func (t *track) recording(on bool) {
	t.mu.Lock()
	t.record = on
	t.mu.Unlock()
}

// missing is how much of what was sent has not arrived.
func (t *track) missing() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.sent-t.got)
}

// take hands the delays over.
func (t *track) take() (delays []time.Duration, garbled int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delays, t.delays = t.delays, nil
	return delays, t.garbled
}

// total is how much was sent.
func (t *track) total() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}
