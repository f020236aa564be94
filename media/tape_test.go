package media

import (
	"bytes"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/media/g711"
)

// taped is a tape with a clock.
type taped struct {
	*Tape
	t      testing.TB
	start  time.Time
	stereo []byte
}

func newTaped(t testing.TB) *taped {
	p := &taped{Tape: NewTape(true), t: t, start: time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)}
	p.begin(p.start)
	return p
}

func (p *taped) time(ms int) time.Time { return p.start.Add(time.Duration(ms) * time.Millisecond) }

// codes is mu-law of one code, by which it is known again.
func codes(ms int, code byte) []byte { return bytes.Repeat([]byte{code}, ms*bytesPerMS) }

func (p *taped) hears(atMS, stampMS, ms int, code byte) {
	p.heard(p.time(atMS), stampMS, codes(ms, code))
}
func (p *taped) says(atMS, ms int, code byte) { p.sent(p.time(atMS), codes(ms, code)) }

// take takes what is known at a time; play is one leg of all that was taken, as runs of
// code and milliseconds.
func (p *taped) take(atMS int) { p.stereo = p.Sound(p.time(atMS), p.stereo) }

type run struct {
	code byte
	ms   int
}

func (p *taped) leg(channel int) (runs []run) {
	for i := channel; i < len(p.stereo); i += 2 * bytesPerMS {
		code := p.stereo[i]
		if n := len(runs); n > 0 && runs[n-1].code == code {
			runs[n-1].ms++
			continue
		}
		runs = append(runs, run{code, 1})
	}
	return runs
}

func (p *taped) expect(channel int, want ...run) {
	p.t.Helper()
	if got := p.leg(channel); !slices.Equal(got, want) {
		p.t.Errorf("leg %d is %v, want %v", channel, got, want)
	}
}

const (
	calleeLeg, agentLeg = 0, 1
	hush                = g711.MuSilence
)

// TestTheAgentIsTapedAsThePhonePlaysIt: it comes faster than it is played, one piece
// behind the other, and a clear takes away what was not played by then.
func TestTheAgentIsTapedAsThePhonePlaysIt(t *testing.T) {
	p := newTaped(t)
	p.says(100, 400, 1)
	p.says(110, 400, 2) // 500 to 900
	p.says(120, 400, 3) // 900 to 1300
	p.cleared(p.time(1000))
	p.says(1040, 60, 4)
	p.says(2000, 20, 5)
	p.take(3000 + 5000)
	p.end(p.time(8500))
	p.take(8500)
	p.expect(agentLeg, run{hush, 100}, run{1, 400}, run{2, 400}, run{3, 100}, run{hush, 40}, run{4, 60}, run{hush, 900}, run{5, 20}, run{hush, 6480})
	p.expect(calleeLeg, run{hush, 8500})
}

// TestTheCalleeIsTapedByTimestamps: bursts and late audio lie where they were spoken.
func TestTheCalleeIsTapedByTimestamps(t *testing.T) {
	p := newTaped(t)
	p.hears(140, 100, 20, 1) // the first stamp is not 0 (research/twilio section 5)
	p.hears(160, 120, 20, 2)
	p.hears(190, 141, 20, 3) // a stamp that is a little off is no gap
	p.hears(3000, 400, 20, 4)
	p.hears(3000, 420, 20, 5) // a burst after a stall of the network
	p.hears(3000, 420, 20, 6) // a repeat
	p.hears(3001, 440, 20, 7)
	p.end(p.time(3100))
	p.take(3100)
	p.expect(calleeLeg, run{hush, 100}, run{1, 20}, run{2, 20}, run{3, 20}, run{hush, 240}, run{4, 20}, run{5, 20}, run{6, 20}, run{7, 20}, run{hush, 2620})
}

// TestACalleeWhoseClockBeganBeforeOurs: the stream is older than we know; what can't have
// been spoken yet was spoken now.
func TestACalleeWhoseClockBeganBeforeOurs(t *testing.T) {
	p := newTaped(t)
	for i := range 10 { // waited for us, all at once
		p.hears(0, i*20, 20, 1)
	}
	p.hears(20, 200, 20, 2)
	p.hears(40, 220, 20, 3)
	p.hears(60, -1, 20, 4) // without a stamp it follows
	p.end(p.time(80))
	p.take(80)
	got := p.leg(calleeLeg)
	if !slices.Equal(got, []run{{2, 20}, {3, 20}, {4, 20}, {hush, 20}}) {
		t.Errorf("%v", got)
	}
}

func TestAPhoneThatFloodsIsTapedNoFasterThanItSpeaks(t *testing.T) {
	p := newTaped(t)
	for i := range 10_000 {
		p.hears(100, i*20, 20, 1)
	}
	for i := range 10_000 {
		p.hears(200, 1<<40+i, 20, 2)
		p.hears(200, -1, 20, 3)
	}
	if n := len(p.callee.reel.law); n > aheadMost+2000 {
		t.Errorf("%d bytes are held", n)
	}
	if p.Lost() < 9_000 {
		t.Errorf("%d are lost", p.Lost())
	}
	p.end(p.time(400))
	p.take(400)
	if len(p.stereo) != 400*2*bytesPerMS {
		t.Errorf("%d bytes on the tape", len(p.stereo))
	}
}

// TestATapeThatNobodyTakesFrom stays within its bounds, and its recording is given up.
func TestATapeThatNobodyTakesFrom(t *testing.T) {
	p := newTaped(t)
	most := 0
	for ms := 0; ms < 600_000; ms += 20 {
		p.hears(ms+20, ms, 20, 1)
		p.says(ms, 25, 2)
		most = max(most, cap(p.callee.reel.law)+cap(p.agent.reel.law)+4*cap(p.callee.levels.slots)+4*cap(p.agent.levels.slots))
	}
	if p.Recording() {
		t.Error("it is still recording")
	}
	if most > 2<<20 {
		t.Errorf("it held %d bytes", most)
	}
	p.take(600_000)
	at, callee, agent := p.Levels(p.time(600_000), nil, nil)
	if len(p.stereo) != 0 || len(callee) != len(agent) || len(callee) > 600 || at+int64(len(callee))*100 < 599_000 {
		t.Errorf("%d bytes; %d levels from %d on", len(p.stereo), len(callee), at)
	}
}

func TestLoudnessIsShownWhilePeopleTalk(t *testing.T) {
	p := newTaped(t)
	loud := g711.EncodeMu(nil, []int16{32124})[0]
	half := g711.EncodeMu(nil, []int16{1000})[0]
	for ms := 0; ms < 1000; ms += 20 {
		p.hears(ms+20, ms, 20, half)
	}
	p.says(200, 300, loud)
	p.cleared(p.time(450))
	at, callee, agent := p.Levels(p.time(1000), nil, nil)
	if at != 0 || !slices.Equal(agent, []int{0, 0, 100, 100, 95, 0, 0}) {
		t.Errorf("the agent from %d on: %v", at, agent)
	}
	if !slices.Equal(callee, slices.Repeat([]int{49}, 7)) {
		t.Errorf("the callee: %v", callee)
	}
	p.end(p.time(1049))
	if at, callee, agent := p.Levels(p.time(1049), callee[:0], agent[:0]); at != 700 || len(callee) != 3 || len(agent) != 3 {
		t.Errorf("the rest from %d on: %v %v", at, callee, agent)
	}
}

func TestNothingIsTapedBeforeTheStreamOrAfterIt(t *testing.T) {
	p := &taped{Tape: NewTape(true), t: t, start: time.Now()}
	p.hears(0, 0, 20, 1)
	p.says(0, 20, 1)
	p.cleared(p.start)
	p.end(p.start)
	p.take(10_000)
	if _, callee, _ := p.Levels(p.time(10_000), nil, nil); len(callee) != 0 || len(p.stereo) != 0 {
		t.Errorf("%v, %d bytes", callee, len(p.stereo))
	}
	p.begin(p.start)
	p.end(p.time(10))
	p.hears(20, 0, 20, 1)
	p.says(20, 20, 1)
	p.take(10_000)
	p.expect(calleeLeg, run{hush, 10})
	p.expect(agentLeg, run{hush, 10})

	var none *Tape
	none.begin(time.Now())
	none.heard(time.Now(), 0, nil)
	none.sent(time.Now(), nil)
	none.cleared(time.Now())
	none.end(time.Now())
}

// TestATapeIsWholeHoweverItIsTaken: when it is taken changes nothing of what is on it, as
// long as audio is not later than it may be.
func TestATapeIsWholeHoweverItIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		often, once := newTaped(nil), newTaped(nil)
		both := []*taped{often, once}
		now, stamp := 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.IntRange(0, 400).Draw(t, "pause")
			code := rapid.Byte().Draw(t, "code")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				stamp = max(stamp, now-rapid.IntRange(20, 1000).Draw(t, "late"))
				for _, p := range both {
					p.hears(now, stamp, 20, code)
				}
				stamp += 20
			case 1:
				n := rapid.IntRange(1, 60).Draw(t, "length")
				for _, p := range both {
					p.says(now, n, code)
				}
			case 2:
				for _, p := range both {
					p.cleared(p.time(now))
				}
			case 3:
				often.take(now)
			}
		}
		for _, p := range both {
			p.end(p.time(now + 1))
			p.take(now + 1)
		}
		if !bytes.Equal(often.stereo, once.stereo) || len(once.stereo) != (now+1)*2*bytesPerMS {
			t.Fatalf("%d and %d bytes", len(often.stereo), len(once.stereo))
		}
	})
}

// BenchmarkTape is what a session pays for each frame, in both directions: beside
// it, what decoding the frame costs that nobody can do without.
func BenchmarkTape(b *testing.B) {
	frame := codes(20, 0x23)
	text := base64.StdEncoding.EncodeToString(frame)
	clock := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	bench := func(name string, one func(i int, now time.Time), flush func(now time.Time)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				now := clock.Add(time.Duration(i) * 20 * time.Millisecond)
				one(i, now)
				if i%50 == 49 { // as often as it is taken from
					flush(now)
				}
			}
		})
	}
	law := make([]byte, 0, 480)
	bench("baseline: decoding", func(int, time.Time) {
		law, _ = base64.StdEncoding.AppendDecode(law[:0], []byte(text))
		law, _ = base64.StdEncoding.AppendDecode(law[:0], []byte(text))
	}, func(time.Time) {})
	for _, recording := range []bool{false, true} {
		name := "levels"
		if recording {
			name = "levels and recording"
		}
		tape := NewTape(recording)
		tape.begin(clock)
		var callee, agent []int
		var stereo []byte
		bench(name, func(i int, now time.Time) {
			if i == 0 {
				*tape = *NewTape(recording)
				tape.begin(clock)
			}
			tape.heard(now, i*20, frame)
			tape.sent(now, frame)
		}, func(now time.Time) {
			_, callee, agent = tape.Levels(now, callee[:0], agent[:0])
			stereo = tape.Sound(now, stereo[:0])
		})
	}
}
