package calendarbridge

import "time"

// A wall time is a time.Time in UTC whose clock fields are what a clock on the wall of some zone shows.

// wallOf is what a clock in loc shows at t.
func wallOf(t time.Time, loc *time.Location) time.Time {
	l := t.In(loc)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
}

// instants are the moments at which a clock in loc shows wall: none in the hour that spring skips, two in the hour that
// autumn repeats, earlier first. Offsets a day before and after see any one change between them; no zone has had two
// changes within two days in the era of calendars.
func instants(wall time.Time, loc *time.Location) []time.Time {
	before, after := offsets(wall, loc)
	first := wall.Add(-before).In(loc)
	second := wall.Add(-after).In(loc)
	var out []time.Time
	if wallOf(first, loc).Equal(wall) {
		out = append(out, first)
	}
	if after != before && wallOf(second, loc).Equal(wall) {
		out = append(out, second)
	}
	if len(out) == 2 && out[1].Before(out[0]) {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// instant is the one moment RFC 5545 section 3.3.5 gives a local time: the first where it occurs twice, and where it
// does not occur the offset before the gap.
func instant(wall time.Time, loc *time.Location) time.Time {
	if found := instants(wall, loc); len(found) > 0 {
		return found[0]
	}
	before, _ := offsets(wall, loc)
	return wall.Add(-before).In(loc)
}

func offsets(wall time.Time, loc *time.Location) (before, after time.Duration) {
	_, b := wall.Add(-24 * time.Hour).In(loc).Zone()
	_, a := wall.Add(24 * time.Hour).In(loc).Zone()
	return time.Duration(b) * time.Second, time.Duration(a) * time.Second
}

// midnight is the wall time at which wall's day begins.
func midnight(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
}
