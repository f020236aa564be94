package media

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// heardBy is what the model hears of audio that comes in pieces of these lengths, the
// last of which repeats.
func heardBy(t *testing.T, f Format, audio []byte, lengths ...int) []byte {
	t.Helper()
	e := ear{format: f}
	var all []byte
	for n := 0; len(audio) > 0; n++ {
		length := min(lengths[min(n, len(lengths)-1)], len(audio))
		text := base64.StdEncoding.AppendEncode(nil, audio[:length])
		if !e.passes() {
			text = e.hear(text[:0], audio[:length])
		}
		raw, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			t.Fatal(err)
		}
		all, audio = append(all, raw...), audio[length:]
	}
	return all
}

func TestTheModelHearsInItsFormat(t *testing.T) {
	tone := g711.EncodeMu(nil, pcm.Tone(8000, pcm.PhoneRate, 1000, -12))
	if got := heardBy(t, PCMU, tone, 160); string(got) != string(tone) {
		t.Error("mu-law is not passed on as it is")
	}
	if got := heardBy(t, "", tone, 160); string(got) != string(tone) {
		t.Error("no format is not mu-law")
	}
	for f, decoded := range map[Format][]int16{
		PCMA:   g711.DecodeA(nil, heardBy(t, PCMA, tone, 160)),
		PCM24k: pcm.Samples(nil, heardBy(t, PCM24k, tone, 160)),
	} {
		rate := map[Format]float64{PCMA: pcm.PhoneRate, PCM24k: pcm.ModelRate}[f]
		if len(decoded) != int(rate) {
			t.Errorf("%s: %d samples of a second", f, len(decoded))
		}
		if level := pcm.LevelDBFS(decoded); level < -12.5 || level > -11.5 {
			t.Errorf("%s: a tone of -12 dB has %.1f dB", f, level)
		}
		if at, off := pcm.Goertzel(decoded, rate, 1000), pcm.Goertzel(decoded, rate, 1700); at < 20*off {
			t.Errorf("%s: 1000 Hz has %.3f, 1700 Hz %.3f", f, at, off)
		}
	}
}

// A tone in pieces of any length is the tone in one piece, sample for sample.
func TestPiecesAreNotHeard(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tone := g711.EncodeMu(nil, pcm.Tone(4000, pcm.PhoneRate, 440, -9))
	for range 50 {
		var lengths []int
		for sum := 0; sum < len(tone); {
			n := 1 + random.IntN(700)
			lengths, sum = append(lengths, n), sum+n
		}
		for _, f := range []Format{PCMU, PCMA, PCM24k} {
			if string(heardBy(t, f, tone, lengths...)) != string(heardBy(t, f, tone, len(tone))) {
				t.Fatalf("%s: pieces of %v differ from the whole", f, lengths)
			}
		}
	}
}

func BenchmarkHearPCM(b *testing.B) {
	law := g711.EncodeMu(nil, pcm.Tone(160, pcm.PhoneRate, 440, -9))
	e := ear{format: PCM24k}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = e.hear(text[:0], law)
	}
}
