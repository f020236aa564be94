package pcm

import "math"

// FullScale is the amplitude of the loudest sine that fits 16 bits; its level is 0 dBFS.
const FullScale = math.MaxInt16

// Tone returns n samples of a sine of hz at rate samples per second, starting at phase 0, with
// the given level in dBFS (0 is full scale, -20 a tenth of it).
func Tone(n int, rate, hz, level float64) []int16 {
	samples := make([]int16, n)
	amplitude := FullScale * math.Pow(10, level/20)
	for i := range samples {
		samples[i] = saturate(amplitude * math.Sin(2*math.Pi*hz*float64(i)/rate))
	}
	return samples
}

// Goertzel returns the amplitude of the hz component of samples, 1 being full scale. It is
// exact when samples hold whole periods; otherwise neighbouring frequencies leak in.
func Goertzel(samples []int16, rate, hz float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	angle := 2 * math.Pi * hz / rate
	coefficient := 2 * math.Cos(angle)
	var last, before float64
	for _, s := range samples {
		last, before = float64(s)+coefficient*last-before, last
	}
	power := last*last + before*before - coefficient*last*before
	return 2 * math.Sqrt(max(power, 0)) / float64(len(samples)) / FullScale
}

// LevelDBFS returns the level of samples by their mean power, a full-scale sine being 0 dBFS
// (as in AES17); silence and no samples at all are -Inf.
func LevelDBFS(samples []int16) float64 {
	var sum float64
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	if sum == 0 {
		return math.Inf(-1)
	}
	meanSquare := sum / float64(len(samples))
	return 10 * math.Log10(2*meanSquare/(FullScale*FullScale))
}
