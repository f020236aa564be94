package g711

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

// law binds the functions of one companding law to a bit-level reading of G.711 written apart from the code.
type law struct {
	name      string
	encode    func([]byte, []int16) []byte
	decode    func([]int16, []byte) []int16
	reference func(int16) byte
	decoded   string
	encoded   string
}

var laws = []law{
	{"mu", EncodeMu, DecodeMu, referenceMu, "testdata/mu-decoded.s16", "testdata/mu-encoded.ul"},
	{"a", EncodeA, DecodeA, referenceA, "testdata/a-decoded.s16", "testdata/a-encoded.al"},
}

// referenceMu walks the decision values of G.711 table 2a (14 bits; samples have 16, hence the 4s):
// segment 0 has 15.5 intervals of 2, each further segment 16 intervals of twice the width.
func referenceMu(s int16) byte {
	magnitude, sign := int(s), 0x80
	if s < 0 {
		magnitude, sign = -magnitude, 0
	}
	upper, width, code := 1*4, 2*4, 0
	for magnitude >= upper && code < 127 {
		code++
		upper += width
		if code%16 == 15 && code < 127 {
			width *= 2
		}
	}
	return byte(sign | (127 - code))
}

// referenceA walks table 1a (13 bits): 32 intervals of 2, then 16 of twice the width per segment.
func referenceA(s int16) byte {
	magnitude, sign := int(s), 0x80
	if s < 0 {
		magnitude, sign = -1-magnitude, 0
	}
	upper, width, code := 2*8, 2*8, 0
	for magnitude >= upper && code < 127 {
		code++
		if code%16 == 0 && code >= 32 {
			width *= 2
		}
		upper += width
	}
	return byte(sign|code) ^ 0x55
}

func TestEverySampleGetsTheCodeOfTheStandard(t *testing.T) {
	for _, l := range laws {
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			got := l.encode(nil, []int16{int16(v)})[0]
			if want := l.reference(int16(v)); got != want {
				t.Fatalf("%s-law of %d: %#02x, G.711 says %#02x", l.name, v, got, want)
			}
		}
	}
}

func TestEveryDecodedCodeLiesInTheMiddleOfItsInterval(t *testing.T) {
	for _, l := range laws {
		lowest, highest := map[byte]int{}, map[byte]int{}
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			code := l.reference(int16(v))
			if _, seen := lowest[code]; !seen {
				lowest[code] = v
			}
			highest[code] = v
		}
		for code, low := range lowest {
			value := int(l.decode(nil, []byte{code})[0])
			// The outermost interval is open towards full scale and the zero of mu-law is half an interval.
			if value < low-1 || value > highest[code]+1 {
				t.Errorf("%s-law %#02x decodes to %d, outside [%d, %d]", l.name, code, value, low, highest[code])
			}
			middle := float64(low+highest[code]) / 2
			outermost := highest[code] == math.MaxInt16 || low == math.MinInt16
			if math.Abs(float64(value)-middle) > 1 && !outermost && value != 0 {
				t.Errorf("%s-law %#02x decodes to %d, the middle is %g", l.name, code, value, middle)
			}
		}
	}
}

func TestEncodingADecodedSampleChangesNothing(t *testing.T) {
	for _, l := range laws {
		for code := range 256 {
			once := l.decode(nil, []byte{byte(code)})
			twice := l.decode(nil, l.encode(nil, once))
			if once[0] != twice[0] {
				t.Errorf("%s-law %#02x: %d became %d", l.name, code, once[0], twice[0])
			}
		}
	}
}

func TestGoldenTablesOfSox(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	for _, l := range laws {
		golden := readFile(t, l.decoded)
		for i, got := range l.decode(nil, codes) {
			if want := int16(binary.LittleEndian.Uint16(golden[2*i:])); got != want {
				t.Errorf("%s-law %#02x: %d, sox has %d", l.name, i, got, want)
			}
		}
		encoded := readFile(t, l.encoded)
		if len(encoded) != 65536/16 {
			t.Fatalf("%s holds %d codes, want %d", l.encoded, len(encoded), 65536/16)
		}
		for i, want := range encoded {
			sample := int16(-32768 + 16*i)
			if got := l.encode(nil, []int16{sample})[0]; got != want {
				t.Errorf("%s-law of %d: %#02x, sox has %#02x", l.name, sample, got, want)
			}
		}
	}
}

// TestEverySampleGetsTheCodeOfSox: SoX rounds to the 14 bits of the standard before it
// compands, so each sample is rounded here as it rounds (half up, and held at full scale).
func TestEverySampleGetsTheCodeOfSox(t *testing.T) {
	golden := readFile(t, "testdata/mu-all.ul")
	if len(golden) != 65536 {
		t.Fatalf("%d codes", len(golden))
	}
	rounded := 0
	for i, want := range golden {
		exact := i + math.MinInt16
		sample := min((exact+2)>>2<<2, math.MaxInt16)
		if got := EncodeMu(nil, []int16{int16(sample)})[0]; got != want {
			t.Fatalf("%d, rounded to %d: %#02x, sox has %#02x", exact, sample, got, want)
		}
		if EncodeMu(nil, []int16{int16(exact)})[0] != want {
			rounded++
		}
	}
	if rounded > 65536/128 { // only those next to one of the 255 decision values
		t.Errorf("%d samples change their code by the rounding", rounded)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSilenceIsZero(t *testing.T) {
	if got := EncodeMu(nil, []int16{0})[0]; got != MuSilence {
		t.Errorf("mu-law of 0 is %#02x, want %#02x", got, MuSilence)
	}
	if got := EncodeA(nil, []int16{0})[0]; got != ASilence {
		t.Errorf("A-law of 0 is %#02x, want %#02x", got, ASilence)
	}
}

func TestResultsAreAppended(t *testing.T) {
	if got := EncodeMu([]byte{1, 2}, []int16{0}); len(got) != 3 || got[0] != 1 || got[2] != MuSilence {
		t.Errorf("EncodeMu gave %v", got)
	}
	if got := DecodeMu([]int16{7}, []byte{MuSilence}); len(got) != 2 || got[0] != 7 || got[1] != 0 {
		t.Errorf("DecodeMu gave %v", got)
	}
}

func TestAFrameNeedsNoAllocation(t *testing.T) {
	samples, codes := make([]int16, 160), make([]byte, 160)
	outSamples, outCodes := make([]int16, 0, 160), make([]byte, 0, 160)
	for _, l := range laws {
		allocations := testing.AllocsPerRun(100, func() {
			outCodes = l.encode(outCodes[:0], samples)
			outSamples = l.decode(outSamples[:0], codes)
		})
		if allocations != 0 {
			t.Errorf("%s-law: %g allocations per frame", l.name, allocations)
		}
	}
}

func BenchmarkEncodeMuFrame(b *testing.B) {
	samples, out := ramp(160), make([]byte, 0, 160)
	b.SetBytes(160)
	for b.Loop() {
		out = EncodeMu(out[:0], samples)
	}
}

// The baseline is the walk through the decision values, as the standard is written.
func BenchmarkEncodeMuFrameByTableWalk(b *testing.B) {
	samples, out := ramp(160), make([]byte, 160)
	b.SetBytes(160)
	for b.Loop() {
		for i, s := range samples {
			out[i] = referenceMu(s)
		}
	}
}

func BenchmarkDecodeMuFrame(b *testing.B) {
	codes, out := EncodeMu(nil, ramp(160)), make([]int16, 0, 160)
	b.SetBytes(160)
	for b.Loop() {
		out = DecodeMu(out[:0], codes)
	}
}

func ramp(n int) []int16 {
	samples := make([]int16, n)
	for i := range samples {
		samples[i] = int16(i*397 - 32000)
	}
	return samples
}

// Between the laws a sample moves by no more than half a step of the coarser one: 3 % of
// its size, or 8 near zero.
func TestBetweenTheLaws(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	for name, x := range map[string]struct{ was, is []int16 }{
		"mu to A": {DecodeMu(nil, codes), DecodeA(nil, MuToA(nil, codes))},
		"A to mu": {DecodeA(nil, codes), DecodeMu(nil, AToMu(nil, codes))},
	} {
		for i, was := range x.was {
			size, off := int(max(was, -was)), int(x.is[i])-int(was)
			if most := 8 + size*33/1000; off > most || off < -most {
				t.Errorf("%s: %d becomes %d", name, was, x.is[i])
			}
		}
	}
}
