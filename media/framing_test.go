package media

import (
	"bytes"
	"encoding/base64"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// collect gathers messages, checks that each is whole frames within the limit, and
// returns what is heard of them.
func collect(t interface{ Fatalf(string, ...any) }, heard *[]byte) emitFunc {
	return func(payload string, law []byte, n int, _ bool) {
		raw, err := base64.StdEncoding.DecodeString(payload)
		if err != nil || len(raw) > twiliostream.MaxMediaBytes || len(raw)%frameBytes != 0 || n > len(raw) {
			t.Fatalf("a message of %d bytes, %d heard (%v)", len(raw), n, err)
		}
		if !bytes.Equal(law, raw) {
			t.Fatalf("a message that is not of its audio")
		}
		for _, pad := range raw[n:] {
			if pad != g711.MuSilence {
				t.Fatalf("padding is not silence")
			}
		}
		*heard = append(*heard, raw[:n]...)
	}
}

func TestFramingKeepsEverySampleWhateverTheDeltas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		deltas := rapid.SliceOf(rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 1, 2000),
			rapid.Map(rapid.IntRange(1, 12), func(n int) []byte { return bytes.Repeat([]byte{byte(n), 0x80}, n*frameBytes/2) }),
		)).Draw(rt, "deltas")
		f := newFramer(PCMU)
		var heard []byte
		for _, d := range deltas {
			f.push(base64.StdEncoding.EncodeToString(d), d, collect(rt, &heard))
		}
		f.finish(collect(rt, &heard))
		if want := bytes.Join(deltas, nil); !bytes.Equal(heard, want) {
			rt.Fatalf("%d bytes in, %d heard", len(want), len(heard))
		}
	})
}

func TestWholeFramesArePassedOnAsTheyCame(t *testing.T) {
	text, joined := audio(200), ""
	f := newFramer(PCMU)
	f.push(text, decodeLaw(text), func(payload string, law []byte, _ int, asItCame bool) {
		if !asItCame || payload != base64.StdEncoding.EncodeToString(law) {
			t.Errorf("%q was made anew, or is not %v", payload, law)
		}
		joined += payload
	})
	if joined != text {
		t.Error("the text is not passed on as it is")
	}
}

// A-law comes out as mu-law, code by code, in whatever pieces it came.
func TestALawIsTranslated(t *testing.T) {
	said := g711.EncodeA(nil, pcm.Tone(1000, pcm.PhoneRate, 700, -9))
	f := newFramer(PCMA)
	var heard []byte
	for rest := said; len(rest) > 0; rest = rest[min(333, len(rest)):] {
		d := rest[:min(333, len(rest))]
		f.push(base64.StdEncoding.EncodeToString(d), d, collect(t, &heard))
	}
	f.finish(collect(t, &heard))
	if want := g711.AToMu(nil, said); string(heard) != string(want) {
		t.Errorf("%d bytes were heard of %d", len(heard), len(want))
	}
	if got := f.limitMS(125); got != 125 {
		t.Errorf("125 ms are %d", got)
	}
}

// framedTone pushes a second of a 24 kHz tone through the framer, in odd pieces, and
// returns what the phone gets.
func framedTone(t *testing.T, hz, dBFS float64) []int16 {
	t.Helper()
	raw := pcm.Bytes(nil, pcm.Tone(24000, 24000, hz, dBFS))
	f := newFramer(PCM24k)
	var heard []byte
	for n := 777; len(raw) > 0; raw = raw[min(n, len(raw)):] {
		d := raw[:min(n, len(raw))]
		f.push(base64.StdEncoding.EncodeToString(d), d, collect(t, &heard))
	}
	f.finish(collect(t, &heard))
	if got := f.limitMS(len(heard) / bytesPerMS); got > 1000 || got < 990 {
		t.Errorf("1 s is %d ms", got)
	}
	return g711.DecodeMu(nil, heard)[800:7200]
}

func TestPCMKeepsTheLevelOfSpeechUpToFullScale(t *testing.T) {
	for _, dBFS := range []float64{0, -3, -12, -30} {
		got := 20 * math.Log10(pcm.Goertzel(framedTone(t, 1000, dBFS), 8000, 1000))
		if math.Abs(got-dBFS) > 0.5 {
			t.Errorf("a 1 kHz tone of %.0f dBFS arrives at %.2f", dBFS, got)
		}
	}
}

// What lies above 4 kHz would come back as a whistle below it.
func TestPCMDoesNotAlias(t *testing.T) {
	for _, hz := range []float64{5000, 6000, 7000, 9000, 11000} {
		if got := pcm.LevelDBFS(framedTone(t, hz, 0)); got > -40 {
			t.Errorf("a full-scale tone of %.0f Hz arrives at %.1f dBFS", hz, got)
		}
	}
}

func BenchmarkFramePCMU(b *testing.B) {
	text := audio(200)
	law, none := decodeLaw(text), func(string, []byte, int, bool) {}
	b.ReportAllocs()
	for b.Loop() {
		f := newFramer(PCMU)
		f.push(text, law, none)
	}
}
