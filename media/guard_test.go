//go:build !race

// One goroutine computes here: the race detector would find nothing, and take ten times as long.

package media

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// sound is one clip of the corpus, as it reaches us over one line.
type sound struct {
	voice, phrase string
	interrupts    bool
	tuning        bool // the rule was chosen on it
	samples       []int16
	// level is that of the callee's ordinary speech on this line in dBFS, noise that of the line.
	level, noise float64
}

func (s sound) String() string {
	return fmt.Sprintf("%s %q at %.0f dB, noise %.0f dB", s.voice, s.phrase, s.level, s.noise)
}

// Every clip is heard on lines of three levels, each with little noise and with much.
var (
	lineLevels = []float64{-30, -24, -18}
	// noiseBelow is how far the noise is below ordinary speech.
	noiseBelow = []float64{40, 20}
)

// quiet is how much quieter a backchannel is, in dB, where nothing else is said.
const quiet = 8.0

// corpus reads the clips and puts each on every line. A backchannel is quieter by so many
// dB than the same callee's ordinary speech, more or less 2; an interruption is as loud as
// that, more or less 2.
func corpus(t testing.TB, quieter float64) (all []sound) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 9))
	for _, kind := range []string{"backchannels", "interruptions"} {
		index, err1 := os.ReadFile(filepath.Join("testdata", "backchannel", kind+".tsv"))
		audio, err2 := os.ReadFile(filepath.Join("testdata", "backchannel", kind+".ulaw"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		phrases := map[string]int{}
		for line := range strings.Lines(string(index)) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			offset, _ := strconv.Atoi(f[2])
			size, _ := strconv.Atoi(f[3])
			if _, known := phrases[f[1]]; !known {
				phrases[f[1]] = len(phrases)
			}
			clip := g711.DecodeMu(nil, audio[offset:offset+size])
			for _, level := range lineLevels {
				for _, below := range noiseBelow {
					s := sound{
						voice: f[0], phrase: f[1], interrupts: kind == "interruptions", tuning: phrases[f[1]]%2 == 0,
						level: level, noise: level - below,
					}
					target := level + 4*random.Float64() - 2
					if !s.interrupts {
						target -= quieter
					}
					s.samples = scaled(clip, target)
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// scaled is a clip at that level.
func scaled(clip []int16, level float64) []int16 {
	gain := math.Pow(10, (level-pcm.LevelDBFS(clip))/20)
	out := make([]int16, len(clip))
	for i, s := range clip {
		out[i] = int16(max(-32000, min(32000, gain*float64(s))))
	}
	return out
}

// hiss is noise with the slope of a room's, at that level.
func hiss(n int, level float64, random *rand.Rand) []int16 {
	raw := make([]int16, n)
	last := 0.0
	for i := range raw {
		last = 0.8*last + 0.2*random.NormFloat64()
		raw[i] = int16(4000 * last)
	}
	return scaled(raw, level)
}

// line is what the phone sends: silence with noise, the callee's words where they are.
type noisyLine struct {
	sound  sound
	random *rand.Rand
	words  []int16
}

func (l *noisyLine) frame() []byte {
	f := hiss(frameBytes, l.sound.noise, l.random)
	n := min(len(l.words), frameBytes)
	for i, s := range l.words[:n] {
		f[i] = int16(max(-32000, min(32000, int(f[i])+int(s))))
	}
	l.words = l.words[n:]
	return g711.EncodeMu(nil, f)
}

// ordinarySpeech is a turn of the same voice at the line's ordinary level, so that the
// guard has heard the callee before.
func ordinarySpeech(all []sound, s sound) []int16 {
	i := slices.IndexFunc(all, func(o sound) bool { return o.interrupts && o.voice == s.voice && o.phrase != s.phrase })
	return scaled(all[i].samples, s.level)
}

// heardSound is a sound as the guard hears it: the levels of a turn of the callee's own,
// and those of the sound over the agent.
type heardSound struct {
	sound
	own, over []float64
}

// heardSounds puts every sound on its line.
func heardSounds(t testing.TB, quieter float64) (list []heardSound) {
	all := corpus(t, quieter)
	for n, s := range all {
		l := &noisyLine{sound: s, random: rand.New(rand.NewPCG(uint64(n), 3))}
		h := heardSound{sound: s}
		levels := func(words []int16, after int) (out []float64) {
			l.words = words
			for range len(words)/frameBytes + after {
				out = append(out, levelOf(l.frame()))
			}
			return out
		}
		h.own = append(append(levels(nil, 50), levels(ordinarySpeech(all, s), 1)...), levels(nil, 50)...)
		h.over = levels(s.samples, 20)
		list = append(list, h)
	}
	return list
}

// judged puts a sound to a rule and says when it is taken for an interruption, counted
// from its first sample; false if it never is.
func judged(rule guardRule, s heardSound) (after time.Duration, interrupts bool) {
	g := newGuard(true)
	g.rule = rule
	for _, level := range s.own {
		g.frame(level, 20, true)
	}
	for n, level := range s.over {
		g.frame(level, 20, false)
		if g.interrupts() {
			return time.Duration(n+1) * 20 * time.Millisecond, true
		}
	}
	return 0, false
}

// tally is how many of each kind were judged rightly.
type tally struct {
	backchannels, passed, interruptions, yielded int
	delays                                       []time.Duration
}

func (y *tally) add(s heardSound, after time.Duration, interrupts bool) {
	switch {
	case !s.interrupts:
		y.backchannels++
		if !interrupts {
			y.passed++
		}
	default:
		y.interruptions++
		if interrupts {
			y.yielded++
			y.delays = append(y.delays, after)
		}
	}
}

func (y *tally) pass() float64  { return 100 * float64(y.passed) / float64(max(1, y.backchannels)) }
func (y *tally) yield() float64 { return 100 * float64(y.yielded) / float64(max(1, y.interruptions)) }

func (y *tally) quantile(q float64) time.Duration {
	slices.Sort(y.delays)
	return y.delays[int(q*float64(len(y.delays)-1))]
}

func (y *tally) String() string {
	return fmt.Sprintf("%5.1f %% of %d backchannels pass, %5.1f %% of %d interruptions yield, after p50 %v, p95 %v",
		y.pass(), y.backchannels, y.yield(), y.interruptions, y.quantile(0.5), y.quantile(0.95))
}

// TestTheGuardTellsAWordFromAnInterruption: on the half of the phrases that its rule was
// not chosen on.
func TestTheGuardTellsAWordFromAnInterruption(t *testing.T) {
	var tuning, rest tally
	byLine := map[string]*tally{}
	for _, s := range heardSounds(t, quiet) {
		after, interrupts := judged(tunedRule, s)
		if s.tuning {
			tuning.add(s, after, interrupts)
			continue
		}
		rest.add(s, after, interrupts)
		key := fmt.Sprintf("speech %.0f dB, noise %.0f dB below", s.level, s.level-s.noise)
		if byLine[key] == nil {
			byLine[key] = &tally{}
		}
		byLine[key].add(s, after, interrupts)
		if s.interrupts != interrupts {
			t.Logf("wrong: %v", s)
		}
	}
	t.Logf("chosen on: %v", &tuning)
	t.Logf("the rest:  %v", &rest)
	for key, y := range byLine {
		t.Logf("%s: %v", key, y)
	}
	for _, quieter := range []float64{0, 2, 4, 6, 10} {
		var y tally
		for _, s := range heardSounds(t, quieter) {
			if !s.tuning {
				after, interrupts := judged(tunedRule, s)
				y.add(s, after, interrupts)
			}
		}
		t.Logf("backchannels %2.0f dB quieter: %v", quieter, &y)
	}
	if rest.backchannels < 3*60/2 || rest.interruptions < 3*60/2 {
		t.Errorf("too few: %v", &rest)
	}
	if rest.pass() < 90 || rest.yield() < 98 {
		t.Errorf("want 90 %% to pass and 98 %% to yield: %v", &rest)
	}
}

// TestTheRuleIsAmongTheBestOfItsHalf: no rule of the grid that keeps the targets with a
// margin on the tuning half yields sooner.
func TestTheRuleIsAmongTheBestOfItsHalf(t *testing.T) {
	all := heardSounds(t, quiet)
	type result struct {
		rule  guardRule
		tally tally
	}
	var kept []result
	for _, loudDB := range []float64{1, 2, 3, 4, 5, 6} {
		for loudMS := 80; loudMS <= 320; loudMS += 40 {
			for longMS := 480; longMS <= 960; longMS += 80 {
				r := result{rule: guardRule{loudDB: loudDB, loudMS: loudMS, longMS: longMS}}
				for _, s := range all {
					if s.tuning {
						after, interrupts := judged(r.rule, s)
						r.tally.add(s, after, interrupts)
					}
				}
				if r.tally.pass() >= 93 && r.tally.yield() >= 99 {
					kept = append(kept, r)
				}
			}
		}
	}
	slices.SortFunc(kept, func(a, b result) int { return int(a.tally.quantile(0.5) - b.tally.quantile(0.5)) })
	for _, r := range kept[:min(12, len(kept))] {
		t.Logf("%+v: %v", r.rule, &r.tally)
	}
	i := slices.IndexFunc(kept, func(r result) bool { return r.rule == tunedRule })
	if i < 0 {
		t.Fatalf("the rule %+v does not keep the targets on its own half; %d rules do", tunedRule, len(kept))
	}
	if best, ours := kept[0].tally.quantile(0.5), kept[i].tally.quantile(0.5); ours > best+40*time.Millisecond {
		t.Errorf("the rule yields after %v, the best after %v", ours, best)
	}
}
