//go:build !race

package media_test

import "testing"

// TestNothingGoesWrongInAnyOrderOfMany is TestNothingGoesWrongInAnyOrder on more calls than
// there is time for under the race detector.
func TestNothingGoesWrongInAnyOrderOfMany(t *testing.T) { inAnyOrder(t, 40) }
