package pcm

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSamplesAreLittleEndian(t *testing.T) {
	got := Bytes(nil, []int16{1, -2, math.MinInt16, math.MaxInt16})
	if want := []byte{1, 0, 0xFE, 0xFF, 0, 0x80, 0xFF, 0x7F}; !slices.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestBytesAndSamplesAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOf(rapid.Int16()).Draw(t, "samples")
		if got := Samples(nil, Bytes(nil, samples)); !slices.Equal(got, samples) {
			t.Errorf("%v became %v", samples, got)
		}
	})
}

func FuzzSamples(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{1, 0, 2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		samples := Samples(nil, raw)
		if back := Bytes(nil, samples); !slices.Equal(back, raw[:len(raw)/2*2]) {
			t.Errorf("% x became % x", raw, back)
		}
	})
}

func TestMeasurementsAgreeWithTheToneTheyMeasure(t *testing.T) {
	for _, level := range []float64{0, -6, -20, -40} {
		tone := Tone(8000, PhoneRate, 1000, level)
		if got := LevelDBFS(tone); math.Abs(got-level) > 0.05 {
			t.Errorf("tone of %g dBFS measures %g", level, got)
		}
		if got := decibels(Goertzel(tone, PhoneRate, 1000)); math.Abs(got-level) > 0.05 {
			t.Errorf("tone of %g dBFS has a component of %g", level, got)
		}
		if got := decibels(Goertzel(tone, PhoneRate, 2000)); got > level-60 && got > -90 {
			t.Errorf("tone of 1 kHz has %g dB at 2 kHz", got)
		}
	}
	if got := LevelDBFS(make([]int16, 10)); !math.IsInf(got, -1) {
		t.Errorf("silence measures %g", got)
	}
	if got := LevelDBFS(nil); !math.IsInf(got, -1) {
		t.Errorf("nothing measures %g", got)
	}
	if got := Goertzel(nil, PhoneRate, 1000); got != 0 {
		t.Errorf("nothing has a component of %g", got)
	}
}

func decibels(amplitude float64) float64 { return 20 * math.Log10(amplitude) }
