package media

import (
	"sync"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
)

const (
	samplesPerSecond = bytesPerMS * 1000
	// LevelEvery is the time between two values of loudness.
	LevelEvery = 100 * time.Millisecond
	// levelsBehind is how late the callee's audio may be to count in the loudness, which is
	// shown while people talk, and soundBehind how late it may be to be in the recording,
	// which is listened to afterwards.
	levelsBehind = 300 * time.Millisecond
	soundBehind  = 5 * time.Second
	// lateMost is later than audio ever is: a phone that was away so long is lost.
	lateMost = 15 * samplesPerSecond
	// aheadMost is how far the callee's audio may run ahead of time where it has no stamps: a
	// phone that floods is not taped any faster than it can speak.
	aheadMost = 2 * samplesPerSecond
	// agentAheadMost is how much of the agent's audio may wait to be played: all that a model
	// can say in one response. The rest of it is silence on the tape.
	agentAheadMost = 240 * samplesPerSecond
	// heldMost is how long nobody may take from a tape. After that its recording is given up,
	// and loudness is dropped, the oldest first.
	heldMost = 60 * samplesPerSecond
)

// Tape takes down what a call sounds like: how loud both legs are, and if it records, the
// sound itself. The callee's leg is laid out by the stream's timestamps; the agent's is
// what the callee's phone plays, reckoned from what it was sent and told to drop. What is
// missing is silence. A Session writes it, without ever waiting; one other goroutine takes
// from it, about once a second. It holds what was not taken, within bounds.
//
// A nil Tape takes nothing down.
type Tape struct {
	mu            sync.Mutex
	began         time.Time // zero before the stream's start
	ended         int64     // in samples from then; 0 while it goes on
	recording     bool
	shift         int64 // from the callee's timestamps to the tape's samples
	level, sound  int64 // the next sample of which loudness and sound are to be taken
	callee, agent leg
	lost          int
}

// NewTape makes a tape for one Session.
func NewTape(recording bool) *Tape { return &Tape{recording: recording} }

// The Session's side: the conversation calls these, under the session's lock.

// begin starts the clock.
func (t *Tape) begin(now time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began = now
}

// at is a time's place. Callers hold mu.
func (t *Tape) at(now time.Time) int64 {
	return max(now.Sub(t.began).Microseconds()*bytesPerMS/1000, 0)
}

// heard takes the callee's audio, stamped; -1 is no stamp.
func (t *Tape) heard(now time.Time, stampMS int, law []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() || t.ended != 0 {
		return
	}
	at, ok := t.place(t.at(now), stampMS, int64(len(law)))
	if !ok || at+int64(len(law)) <= t.taken() {
		t.lost++
		return
	}
	t.put(&t.callee, t.at(now), at, law)
}

// place is where n samples with a stamp belong, false if nowhere. A stamp can't be of
// audio that is still to be spoken: one that seems so tells that the phone's clock began
// before ours, or was set, and is now; one that is very old tells the latter. One that is
// a frame off at most follows what came before, and one further back is a repeat.
func (t *Tape) place(now int64, stampMS int, n int64) (at int64, ok bool) {
	at = int64(stampMS)*bytesPerMS + t.shift
	switch {
	case stampMS < 0:
		at = max(t.callee.end, now-n-gapTolerance*bytesPerMS)
	case at+n > now+gapTolerance*bytesPerMS || at < now-lateMost:
		t.shift += now - n - at
		at = now - n
		t.callee.cut(max(at, 0)) // what was taken to be of this time was of an earlier one
	}
	off := at - t.callee.end
	if t.callee.end > 0 && off >= -gapTolerance*bytesPerMS && off <= gapTolerance*bytesPerMS {
		at, off = t.callee.end, 0
	}
	return at, off >= 0 && at <= now+aheadMost
}

// sent takes audio that the phone plays behind what it has, or at once.
func (t *Tape) sent(now time.Time, law []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() || t.ended != 0 {
		return
	}
	at := max(t.at(now), t.agent.end)
	if at > t.at(now)+agentAheadMost {
		t.lost++
		t.agent.end = at + int64(len(law))
		return
	}
	t.put(&t.agent, t.at(now), at, law)
}

// cleared: the phone drops what it has not played by now.
func (t *Tape) cleared(now time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agent.cut(t.at(now))
}

// end: nothing is played or heard after this.
func (t *Tape) end(now time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() || t.ended != 0 {
		return
	}
	t.ended = max(t.at(now), 1)
	t.agent.cut(t.ended)
	t.callee.cut(t.ended)
}

// put lays audio down, and keeps what is held in bounds.
func (t *Tape) put(l *leg, now, at int64, law []byte) {
	l.end = max(l.end, at+int64(len(law)))
	l.levels.add(at, law)
	if !t.recording {
		return
	}
	l.reel.put(at, law)
	if now-t.sound > heldMost {
		t.recording = false
		t.callee.reel, t.agent.reel = reel{}, reel{}
	}
}

// taken is up to where nothing can be added any more.
func (t *Tape) taken() int64 {
	if t.recording {
		return t.sound
	}
	return t.level
}

// The other side: one goroutine calls these.

// Levels appends the loudness of both legs, 0 to 100 for each LevelEvery from atMS on, as
// far as it is known by now and was not taken before.
func (t *Tape) Levels(now time.Time, callee, agent []int) (atMS int64, _, _ []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() {
		return 0, callee, agent
	}
	upTo := t.upTo(now, levelsBehind)
	t.level = max(t.level, (upTo-heldMost)/perLevel*perLevel)
	atMS = t.level / bytesPerMS
	for ; t.level+perLevel <= upTo; t.level += perLevel {
		callee = append(callee, t.callee.levels.take(t.level))
		agent = append(agent, t.agent.levels.take(t.level))
	}
	return atMS, callee, agent
}

// Sound appends the recording, interleaved, the callee first, as far as it can't change any
// more by now and was not taken before.
func (t *Tape) Sound(now time.Time, stereo []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() || !t.recording {
		return stereo
	}
	upTo := t.upTo(now, soundBehind)
	if upTo <= t.sound {
		return stereo
	}
	stereo = interleave(stereo, t.callee.reel.law, t.agent.reel.law, int(upTo-t.sound))
	t.sound = upTo
	t.callee.reel.drop(upTo)
	t.agent.reel.drop(upTo)
	return stereo
}

// upTo is up to where the tape is known, for whom audio may be that late.
func (t *Tape) upTo(now time.Time, behind time.Duration) int64 {
	if t.ended != 0 {
		return t.ended
	}
	return t.at(now.Add(-behind))
}

// Recording says whether the tape records still: not if it was too long that nobody took from it.
func (t *Tape) Recording() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.recording
}

// Lost is how many messages of audio are not on the tape.
func (t *Tape) Lost() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

// interleave appends n samples of two legs; silence where they have none.
func interleave(stereo, left, right []byte, n int) []byte {
	at := func(leg []byte, i int) byte {
		if i < len(leg) {
			return leg[i]
		}
		return g711.MuSilence
	}
	for i := range n {
		stereo = append(stereo, at(left, i), at(right, i))
	}
	return stereo
}
