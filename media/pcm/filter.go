package pcm

import "math"

const (
	// ratio is ModelRate / PhoneRate, both ways.
	ratio = ModelRate / PhoneRate
	// taps is odd, so that the delay is a whole number of samples, and 2·45+1, so that it is
	// one at 8 kHz too. 91 taps give 70 dB over a transition from 3.4 to 4.6 kHz (Kaiser's
	// estimate: (70-7.95) / (2.285 · 2π · 1.2/24) = 86).
	taps = 91
	// kaiserBeta is 0.1102 · (70 - 8.7): side lobes 70 dB down.
	kaiserBeta = 6.755
	// cutoff is the middle of the transition and the Nyquist frequency of the lower rate.
	cutoff = PhoneRate / 2
)

// lowPass is the impulse response at 24 kHz, gain 1 at 0 Hz, symmetric about its middle.
var lowPass = designLowPass()

// designLowPass is the windowed sinc of any text book on signal processing.
func designLowPass() (h [taps]float64) {
	const middle = taps / 2
	sum := 0.0
	for i := range h {
		x := float64(i - middle)
		window := besselI0(kaiserBeta*math.Sqrt(1-x*x/(middle*middle))) / besselI0(kaiserBeta)
		h[i] = sinc(2*cutoff/float64(ModelRate)*x) * window
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// besselI0 is the modified Bessel function of order zero by its power series, exact to a double here.
func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// saturate rounds to the nearest sample and holds what lies beyond at full scale: a filtered
// full-scale signal overshoots, and wrapping around would be a click.
func saturate(v float64) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Round(v))))
}
