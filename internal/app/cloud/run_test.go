package cloud

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheHeapsLimitFollowsTheFunctionsMemory(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for size, want := range map[string]float64{"1024": 1024, "128": 128, "": defaultMemory, "-1": defaultMemory, "much": defaultMemory} {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", size)
		collectLate()
		if got := debug.SetMemoryLimit(-1); math.Abs(float64(got)-heapShare*want*(1<<20)) > 1 {
			t.Errorf("with %q MB the limit is %d bytes", size, got)
		}
	}
}
