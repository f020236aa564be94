//go:build !race

package realtime_test

import (
	"testing"
	"time"
)

// TestATwoHourCall crosses the cap twice; the race detector is with TestACallLongerThanTheCap.
func TestATwoHourCall(t *testing.T) { beyondTheCap(t, 2*time.Hour, 2) }
