package pcm

// DecimatorDelay is by how many 8 kHz samples (1.875 ms) a Decimator's output lags its input.
const DecimatorDelay = taps / 2 / ratio

// Decimator turns 24 kHz into 8 kHz: a low-pass filter (within 0.1 dB to 3.4 kHz, at least
// 60 dB down from 4.6 kHz), of whose output every third sample is kept and only those are
// computed. Its state lives across calls, so the chunks' borders are inaudible. The zero value
// is ready; not for concurrent use.
type Decimator struct {
	// history holds the last inputs twice, taps apart, so that any window of them is contiguous.
	history [2 * taps]float64
	next    int
	phase   int
}

// NewDecimator returns a Decimator whose past is silence.
func NewDecimator() *Decimator { return &Decimator{} }

// Process appends to dst one sample for every third of src, counted over all calls since the
// last Reset or Flush, the first of them for the first input. src may have any length.
func (d *Decimator) Process(dst, src []int16) []int16 {
	for _, s := range src {
		d.push(float64(s))
		if d.phase == 0 {
			dst = append(dst, saturate(d.output()))
		}
		d.phase = (d.phase + 1) % ratio
	}
	return dst
}

// Flush appends what the delay still holds back, then resets: after n samples in and a Flush,
// ceil(n/3) + DecimatorDelay samples have come out.
func (d *Decimator) Flush(dst []int16) []int16 {
	var silence [DecimatorDelay * ratio]int16
	dst = d.Process(dst, silence[:])
	d.Reset()
	return dst
}

// Reset forgets the past, for audio that does not continue what went before.
func (d *Decimator) Reset() { *d = Decimator{} }

func (d *Decimator) push(s float64) {
	d.history[d.next], d.history[d.next+taps] = s, s
	d.next = (d.next + 1) % taps
}

// output folds the symmetric filter, which halves the multiplications.
func (d *Decimator) output() float64 {
	window := (*[taps]float64)(d.history[d.next : d.next+taps])
	sum := lowPass[taps/2] * window[taps/2]
	for i := range taps / 2 {
		sum += lowPass[i] * (window[i] + window[taps-1-i])
	}
	return sum
}
