package call

import (
	"slices"
	"time"
)

func sortSlots(s []Slot) {
	slices.SortFunc(s, func(a, b Slot) int { return a.Start.Compare(b.Start) })
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func firstNonEmpty(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
