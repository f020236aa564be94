package pcm

const (
	// InterpolatorDelay is by how many 24 kHz samples (1.875 ms) an Interpolator's output lags its input.
	InterpolatorDelay = taps / 2

	// branchTaps is the length of each of the three polyphase branches; the last ends in zeros.
	branchTaps = (taps + ratio - 1) / ratio
)

// branches[p][k] weighs the input k samples back in the output with phase p.
var branches = splitBranches()

// splitBranches multiplies by the ratio, since two of three samples that the filter sees are zero.
func splitBranches() (b [ratio][branchTaps]float64) {
	for i, weight := range lowPass {
		b[i%ratio][i/ratio] = weight * ratio
	}
	return b
}

// Interpolator turns 8 kHz into 24 kHz with the filter of the Decimator: the images above
// 4.6 kHz are at least 60 dB down. Its state lives across calls. The zero value is ready;
// not for concurrent use.
type Interpolator struct {
	// history holds the last inputs twice, branchTaps apart, so that any window is contiguous.
	history [2 * branchTaps]float64
	next    int
}

// NewInterpolator returns an Interpolator whose past is silence.
func NewInterpolator() *Interpolator { return &Interpolator{} }

// Process appends three samples to dst for every one of src, which may have any length.
func (p *Interpolator) Process(dst, src []int16) []int16 {
	for _, s := range src {
		p.push(float64(s))
		window := (*[branchTaps]float64)(p.history[p.next : p.next+branchTaps])
		for phase := range branches {
			sum := 0.0
			for k, weight := range &branches[phase] {
				sum += weight * window[branchTaps-1-k]
			}
			dst = append(dst, saturate(sum))
		}
	}
	return dst
}

// Flush appends what the delay still holds back, then resets: after n samples in and a Flush,
// 3n + InterpolatorDelay samples have come out.
func (p *Interpolator) Flush(dst []int16) []int16 {
	var silence [InterpolatorDelay / ratio]int16
	dst = p.Process(dst, silence[:])
	p.Reset()
	return dst
}

// Reset forgets the past, for audio that does not continue what went before.
func (p *Interpolator) Reset() { *p = Interpolator{} }

func (p *Interpolator) push(s float64) {
	p.history[p.next], p.history[p.next+branchTaps] = s, s
	p.next = (p.next + 1) % branchTaps
}
