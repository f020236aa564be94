package speech

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestEveryLineOfEveryScenarioCanBeSaid(t *testing.T) {
	for _, s := range Scenarios() {
		if s.Hello != "" {
			mustSay(t, Callee, s.Hello)
		}
		for _, turn := range s.Turns {
			if turn.Say != "" {
				mustSay(t, Callee, turn.Say)
			}
		}
	}
	for _, line := range AgentLines(SlotWords(CounterStart, "America/Los_Angeles", true)) {
		mustSay(t, Agent, line)
	}
	for _, name := range []string{"Alex", "Alex Morgan", "Maria", "Sam Taylor"} {
		mustSay(t, Agent, "Hello, this is an AI assistant calling on behalf of "+name+".")
	}
}

func TestEverySlotOfAYearCanBeSaidByBothVoices(t *testing.T) {
	start := time.Date(2028, time.January, 1, 0, 0, 0, 0, time.UTC) // a leap year
	for at := start; at.Year() == 2028; at = at.Add(7*time.Hour + 11*time.Minute) {
		mustSay(t, Agent, SlotWords(at, "Europe/Berlin", true))
		mustSay(t, Callee, SlotWords(at, "", false))
	}
	for minute := range 60 {
		mustSay(t, Agent, SlotWords(start.Add(time.Duration(minute)*time.Minute), "", false))
	}
}

func TestSlotWords(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2026, time.March, 5, h, m, 0, 0, time.UTC) }
	for want, got := range map[string]string{
		"thursday the fifth of march at eleven a m":                     SlotWords(CounterStart, "", false),
		"thursday the fifth of march at eleven a m pacific time":        SlotWords(CounterStart, "America/Los_Angeles", true),
		"thursday the fifth of march at one oh five p m berlin time":    SlotWords(at(13, 5), "Europe/Berlin", true),
		"thursday the fifth of march at twelve p m new york time":       SlotWords(at(12, 0), "X/New_York", true),
		"thursday the fifth of march at twelve forty five a m":          SlotWords(at(0, 45), "", false),
		"thursday the fifth of march at nine thirty a m local time":     SlotWords(at(9, 30), "Africa/Nowhere", true),
		"thursday the fifth of march at three fifteen p m kolkata time": SlotWords(at(15, 15), "Asia/Kolkata", true),
	} {
		if got != want {
			t.Errorf("SlotWords = %q, want %q", got, want)
		}
	}
}

func TestUnknownWordIsNamed(t *testing.T) {
	_, err := Say(Agent, "Hello, this is an AI assistant calling on behalf of Wolfgang.")
	if !errors.Is(err, ErrUnknownWord) || !strings.Contains(err.Error(), `"wolfgang"`) {
		t.Fatalf("err = %v, want ErrUnknownWord naming wolfgang", err)
	}
	if _, err := Say("nobody", "hello"); err == nil {
		t.Fatal("a voice that was never recorded speaks")
	}
}

func TestUnknownNameIsSpelled(t *testing.T) {
	got := Spell(Agent, "on behalf of Wolf, hello. Ünal")
	if _, err := Say(Agent, got); err != nil {
		t.Fatalf("Say(%q): %v", got, err)
	}
	if want := "w o l f, hello."; !strings.Contains(got, want) {
		t.Fatalf("Spell = %q, want %q in it", got, want)
	}
}

func TestLongestPhraseWins(t *testing.T) {
	whole := mustSay(t, Agent, "hello this is an ai assistant")
	p, err := packOf(Agent)
	if err != nil {
		t.Fatal(err)
	}
	if string(whole) != string(p.clips["hello this is an ai assistant"]) {
		t.Fatal("the recorded phrase was put together from shorter ones")
	}
	if string(mustSay(t, Agent, "Hello! This is an A.I. assistant?")) != string(whole) {
		t.Fatal("case and punctuation changed the words")
	}
}

func TestPunctuationPauses(t *testing.T) {
	plain, comma, stop := mustSay(t, Agent, "yes goodbye"), mustSay(t, Agent, "yes, goodbye"), mustSay(t, Agent, "yes. goodbye")
	if len(plain) >= len(comma) || len(comma) >= len(stop) {
		t.Fatalf("%d, %d and %d samples: want a longer pause for a comma and the longest for a full stop", len(plain), len(comma), len(stop))
	}
	if d := Duration(stop) - Duration(plain); d != pauseSentence-pauseWord {
		t.Fatalf("the full stop adds %v, want %v", d, pauseSentence-pauseWord)
	}
}

func TestClipsAreLevelAndTrimmed(t *testing.T) {
	for _, voice := range []Voice{Agent, Callee} {
		p, err := packOf(voice)
		if err != nil {
			t.Fatal(err)
		}
		for phrase, clip := range p.clips {
			if db := level(clip); db < -24 || db > -17 {
				t.Errorf("%s %q is at %.1f dBFS, want -24 to -17", voice, phrase, db)
			}
			if head := quiet(clip); head > SampleRate/10 {
				t.Errorf("%s %q begins with %d quiet samples, want 100 ms at most (an s begins softly)", voice, phrase, head)
			}
			if n := len(clip); n < SampleRate/10 || n > 4*SampleRate {
				t.Errorf("%s %q lasts %v", voice, phrase, Duration(clip))
			}
		}
	}
}

func TestClipsStayUnderTwoMegabytes(t *testing.T) {
	total := 0
	for _, voice := range []Voice{Agent, Callee} {
		b, err := recorded.ReadFile("clips/" + string(voice) + ".ulaw")
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
	}
	if total > 2_000_000-64_000 {
		t.Fatalf("the clips are %d bytes; with their indexes they must stay under 2 MB", total)
	}
}

func TestTurnsBeyondTheScriptAgree(t *testing.T) {
	s, ok := ScenarioOf("books")
	if !ok || s.Turn(0).Means != Answers || s.Turn(99).Means != Accepts {
		t.Fatalf("books: %+v", s)
	}
	if p, _ := ScenarioOf("person"); p.Turn(0).Means != Answers || p.Turn(1).Means != Accepts {
		t.Fatal("a person first answers, then accepts")
	}
	if _, ok := ScenarioOf("nothing"); ok {
		t.Fatal("a scenario that does not exist was found")
	}
}

func TestSayNeverPanicsAndNeverReturnsAudioWithAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		audio, err := Say(Agent, text)
		if err != nil && audio != nil {
			t.Fatalf("Say(%q) = %d bytes and %v", text, len(audio), err)
		}
		if _, err := Say(Agent, Spell(Agent, text)); err != nil {
			t.Fatalf("Spell(%q) can't be said: %v", text, err)
		}
	})
}

func mustSay(t *testing.T, voice Voice, text string) []byte {
	t.Helper()
	audio, err := Say(voice, text)
	if err != nil || len(audio) == 0 {
		t.Fatalf("Say(%s, %q) = %d bytes, %v", voice, text, len(audio), err)
	}
	return audio
}

// sample decodes one mu-law byte as G.711 says, on its own, so that the clips are judged by a second witness.
func sample(b byte) float64 {
	b = ^b
	v := float64((int(b&0x0F)<<3+0x84)<<(b>>4&7) - 0x84)
	if b&0x80 != 0 {
		return -v
	}
	return v
}

func level(clip []byte) float64 {
	sum := 0.0
	for _, b := range clip {
		sum += sample(b) * sample(b)
	}
	return 10 * math.Log10(sum/float64(len(clip))/(32768*32768))
}

func quiet(clip []byte) int {
	for i, b := range clip {
		if math.Abs(sample(b)) > 150 {
			return i
		}
	}
	return len(clip)
}
