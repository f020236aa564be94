package pcm

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// resampler is what Decimator and Interpolator have in common.
type resampler interface {
	Process(dst, src []int16) []int16
	Flush(dst []int16) []int16
	Reset()
}

var resamplers = map[string]func() resampler{
	"decimator":    func() resampler { return NewDecimator() },
	"interpolator": func() resampler { return NewInterpolator() },
}

// gain is the response of the linear filter, before rounding, at hz.
func gain(hz float64) float64 {
	var sum complex128
	for i, weight := range lowPass {
		sum += complex(weight, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz*float64(i)/ModelRate))
	}
	return decibels(cmplx.Abs(sum))
}

func TestFilterPassesSpeechAndStopsWhatWouldAlias(t *testing.T) {
	for hz := 0.0; hz <= 12000; hz += 10 {
		switch got := gain(hz); {
		case hz <= 3400 && math.Abs(got) > 0.1:
			t.Errorf("%g Hz: %.2f dB in the pass band", hz, got)
		case hz >= 4600 && got > -60:
			t.Errorf("%g Hz: %.2f dB in the stop band", hz, got)
		}
	}
}

// steady drops the filter's run-in and keeps whole periods of every tone that is a multiple of 100 Hz.
func steady(samples []int16, rate int) []int16 { return samples[rate/100*2 : rate/100*2+rate/10*8] }

func TestDecimatedToneKeepsItsLevelUpToFullScale(t *testing.T) {
	for _, level := range []float64{0, -0.1, -3, -12, -30} {
		for _, hz := range []float64{100, 300, 1000, 2500, 3400} {
			in := Tone(ModelRate, ModelRate, hz, level)
			out := NewDecimator().Process(nil, in)
			got := decibels(Goertzel(steady(out, PhoneRate), PhoneRate, hz))
			if math.Abs(got-level) > 0.5 {
				t.Errorf("%g Hz at %g dBFS came out at %.2f dB", hz, level, got)
			}
			if residue := residueOf(steady(out, PhoneRate), PhoneRate, hz); residue > level-50 && residue > -80 {
				t.Errorf("%g Hz at %g dBFS: distortion of %.1f dBFS", hz, level, residue)
			}
		}
	}
}

// residueOf is the level of what is left when the tone is taken out: distortion, aliases, noise.
func residueOf(samples []int16, rate, hz float64) float64 {
	var i, q float64
	for n, s := range samples {
		angle := 2 * math.Pi * hz * float64(n) / rate
		i += float64(s) * math.Cos(angle)
		q += float64(s) * math.Sin(angle)
	}
	i, q = 2*i/float64(len(samples)), 2*q/float64(len(samples))
	var power float64
	for n, s := range samples {
		angle := 2 * math.Pi * hz * float64(n) / rate
		rest := float64(s) - i*math.Cos(angle) - q*math.Sin(angle)
		power += rest * rest
	}
	return 10 * math.Log10(2*power/float64(len(samples))/(FullScale*FullScale)+1e-12)
}

func TestDecimatorStopsWhatWouldAlias(t *testing.T) {
	for _, hz := range []float64{4600, 5000, 6000, 7000, 9000, 11900} {
		out := NewDecimator().Process(nil, Tone(ModelRate, ModelRate, hz, 0))
		// A stopped tone can only come back as an alias, so all that is left counts.
		if got := LevelDBFS(steady(out, PhoneRate)); got > -60 {
			t.Errorf("%g Hz is only %.1f dB down", hz, got)
		}
	}
}

func TestInterpolatedToneKeepsItsLevelAndHasNoImages(t *testing.T) {
	for _, level := range []float64{0, -12, -30} {
		for _, hz := range []float64{300, 1000, 3400} {
			out := NewInterpolator().Process(nil, Tone(PhoneRate, PhoneRate, hz, level))
			got := decibels(Goertzel(steady(out, ModelRate), ModelRate, hz))
			if math.Abs(got-level) > 0.5 {
				t.Errorf("%g Hz at %g dBFS came out at %.2f dB", hz, level, got)
			}
			for _, image := range []float64{PhoneRate - hz, PhoneRate + hz} {
				if got := decibels(Goertzel(steady(out, ModelRate), ModelRate, image)); got > level-60 && got > -90 {
					t.Errorf("%g Hz has an image of %.1f dB at %g Hz", hz, got, image)
				}
			}
		}
	}
}

func TestFullScaleSquareSaturatesInsteadOfWrapping(t *testing.T) {
	square := make([]int16, 2400)
	for i := range square {
		square[i] = math.MaxInt16
		if i/24%2 == 1 {
			square[i] = math.MinInt16
		}
	}
	out := NewDecimator().Process(nil, square)
	for i := DecimatorDelay * 2; i < len(out); i++ {
		// 24 samples in are 8 out; the two around an edge may have any value.
		position := (i - DecimatorDelay) % 16
		if position >= 2 && position <= 6 && out[i] < 20000 || position >= 10 && position <= 14 && out[i] > -20000 {
			t.Fatalf("sample %d (position %d) is %d: wrapped around", i, position, out[i])
		}
	}
	if !slices.Contains(out, math.MaxInt16) {
		t.Error("the overshoot never reached full scale: the test proves nothing")
	}
}

func TestAToneInPiecesEqualsTheToneInOnePiece(t *testing.T) {
	for name, build := range resamplers {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				signal := Tone(600, ModelRate, rapid.Float64Range(50, 11000).Draw(t, "hz"), rapid.Float64Range(-40, 0).Draw(t, "level"))
				whole := build()
				want := whole.Flush(whole.Process(nil, signal))
				pieces := build()
				var got []int16
				for rest := signal; len(rest) > 0; {
					n := rapid.IntRange(0, min(len(rest), 200)).Draw(t, "piece")
					got = pieces.Process(got, rest[:n])
					rest = rest[n:]
					if n == 0 {
						got = pieces.Process(got, rest[:1])
						rest = rest[1:]
					}
				}
				if got = pieces.Flush(got); !slices.Equal(got, want) {
					t.Error("the pieces differ from the whole")
				}
			})
		})
	}
}

func TestDelayAndLengthAreAsStated(t *testing.T) {
	for n := range 10 {
		input := make([]int16, n)
		d := NewDecimator()
		if got, want := len(d.Flush(d.Process(nil, input))), (n+2)/3+DecimatorDelay; got != want {
			t.Errorf("%d samples decimated to %d, want %d", n, got, want)
		}
		p := NewInterpolator()
		if got, want := len(p.Flush(p.Process(nil, input))), 3*n+InterpolatorDelay; got != want {
			t.Errorf("%d samples interpolated to %d, want %d", n, got, want)
		}
	}
	impulse := make([]int16, 300)
	impulse[90] = 20000
	d, p := NewDecimator(), NewInterpolator()
	if got := peak(d.Process(nil, impulse)); got != 30+DecimatorDelay {
		t.Errorf("the decimated impulse peaks at %d", got)
	}
	if got := peak(p.Process(nil, impulse)); got != 270+InterpolatorDelay {
		t.Errorf("the interpolated impulse peaks at %d", got)
	}
}

func peak(samples []int16) int { return slices.Index(samples, slices.Max(samples)) }

func TestFlushAndResetForgetThePast(t *testing.T) {
	signal := Tone(500, ModelRate, 900, -3)
	for name, build := range resamplers {
		fresh := build().Process(nil, signal)
		used := build()
		used.Process(nil, signal[:100])
		used.Reset()
		if !slices.Equal(used.Process(nil, signal), fresh) {
			t.Errorf("%s: Reset kept something", name)
		}
		used.Flush(nil)
		if !slices.Equal(used.Process(nil, signal), fresh) {
			t.Errorf("%s: Flush kept something", name)
		}
	}
}

func TestThereAndBackIsTheSameSpeechBand(t *testing.T) {
	in := Tone(PhoneRate, PhoneRate, 1000, -6)
	out := NewDecimator().Process(nil, NewInterpolator().Process(nil, in))
	delay := DecimatorDelay + InterpolatorDelay/ratio
	for i := 200; i < len(in)-delay; i++ {
		if diff := math.Abs(float64(out[i+delay]) - float64(in[i])); diff > 30 {
			t.Fatalf("sample %d differs by %g", i, diff)
		}
	}
}

func TestAFrameNeedsNoAllocation(t *testing.T) {
	input, output := Tone(480, ModelRate, 1000, -6), make([]int16, 0, 1600)
	for name, build := range resamplers {
		r := build()
		if got := testing.AllocsPerRun(100, func() { output = r.Flush(r.Process(output[:0], input)) }); got != 0 {
			t.Errorf("%s: %g allocations per frame", name, got)
		}
	}
	raw := make([]byte, 0, 960)
	if got := testing.AllocsPerRun(100, func() {
		raw = Bytes(raw[:0], input)
		output = Samples(output[:0], raw)
	}); got != 0 {
		t.Errorf("bytes and samples: %g allocations per frame", got)
	}
}

func BenchmarkDecimateFrame(b *testing.B) {
	d, input, output := NewDecimator(), Tone(480, ModelRate, 1000, -6), make([]int16, 0, 160)
	b.SetBytes(960)
	for b.Loop() {
		output = d.Process(output[:0], input)
	}
}

// The baseline filters every sample and then throws two of three away.
func BenchmarkDecimateFrameNaively(b *testing.B) {
	input, output := Tone(480+taps, ModelRate, 1000, -6), make([]int16, 0, 160)
	b.SetBytes(960)
	for b.Loop() {
		output = output[:0]
		for i := range 480 {
			sum := 0.0
			for k, weight := range lowPass {
				sum += weight * float64(input[i+k])
			}
			if i%ratio == 0 {
				output = append(output, saturate(sum))
			}
		}
	}
}

func BenchmarkInterpolateFrame(b *testing.B) {
	p, input, output := NewInterpolator(), Tone(160, PhoneRate, 1000, -6), make([]int16, 0, 480)
	b.SetBytes(320)
	for b.Loop() {
		output = p.Process(output[:0], input)
	}
}

func ExampleDecimator() {
	d := NewDecimator()
	var phone []int16
	for range 50 {
		phone = d.Process(phone, Tone(480, ModelRate, 1000, -6))
	}
	phone = d.Flush(phone)
	fmt.Println(len(phone))
	// Output: 8015
}
