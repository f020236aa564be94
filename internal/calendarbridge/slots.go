package calendarbridge

import (
	"iter"
	"slices"
	"time"
)

const (
	maxSlots        = 50
	maxAlternatives = 3
)

// search describes the slots one looks for.
type search struct {
	from, to    time.Time // the whole slot lies in here; its buffers need not
	length      time.Duration
	granularity int // minutes on the wall, from midnight
	before      time.Duration
	after       time.Duration
	hours       *hours // nil: any time
	loc         *time.Location
}

// hours are working hours, in minutes of the day.
type hours struct {
	start, end int
	days       [7]bool
}

// slot is a found one.
type slot struct{ start, end time.Time }

// free yields the free slots in order. busy is sorted by start.
func (s search) free(busy []interval) iter.Seq[slot] {
	merged := merge(busy)
	return func(yield func(slot) bool) {
		for start := range s.starts() {
			end := start.Add(s.length)
			if start.Before(s.from) || end.After(s.to) || !s.inHours(start, end) {
				continue
			}
			if !isFree(merged, start.Add(-s.before), end.Add(s.after)) {
				continue
			}
			if !yield(slot{start, end}) {
				return
			}
		}
	}
}

// starts yields the moments between from and to at which a clock in the zone shows a multiple of the granularity; both
// where autumn repeats one, none where spring skips one.
func (s search) starts() iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		last := wallOf(s.to, s.loc)
		for day := midnight(wallOf(s.from, s.loc)); !day.After(last); day = day.AddDate(0, 0, 1) {
			var today []time.Time
			for m := 0; m < 24*60; m += s.granularity {
				today = append(today, instants(day.Add(time.Duration(m)*time.Minute), s.loc)...)
			}
			slices.SortFunc(today, time.Time.Compare)
			for _, t := range today {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// inHours: the slot lies within the working hours of the day on which it starts.
func (s search) inHours(start, end time.Time) bool {
	if s.hours == nil {
		return true
	}
	day := midnight(wallOf(start, s.loc))
	if !s.hours.days[day.Weekday()] {
		return false
	}
	open := instant(day.Add(time.Duration(s.hours.start)*time.Minute), s.loc)
	shut := lastInstant(day.Add(time.Duration(s.hours.end)*time.Minute), s.loc)
	return !start.Before(open) && !end.After(shut)
}

// lastInstant is instant, but the second where a clock shows the time twice: working hours end when the clock shows
// their end for good.
func lastInstant(wall time.Time, loc *time.Location) time.Time {
	if found := instants(wall, loc); len(found) > 0 {
		return found[len(found)-1]
	}
	return instant(wall, loc)
}

// merge joins overlapping intervals; busy is sorted by start.
func merge(busy []interval) []interval {
	var out []interval
	for _, b := range busy {
		if n := len(out); n > 0 && !b.start.After(out[n-1].end) {
			if b.end.After(out[n-1].end) {
				out[n-1].end = b.end
			}
			continue
		}
		out = append(out, b)
	}
	return out
}

// isFree says whether nothing in merged overlaps [start, end).
func isFree(merged []interval, start, end time.Time) bool {
	i, _ := slices.BinarySearchFunc(merged, start, func(b interval, t time.Time) int {
		if b.end.After(t) {
			return 1
		}
		return -1
	})
	return i == len(merged) || !merged[i].overlaps(start, end)
}
