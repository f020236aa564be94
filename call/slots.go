package call

import (
	"slices"
	"time"
)

// offers picks what to offer of what the bridge calls free: through our own guards, at most
// five, not more than two on one day while other days have room.
func (r Request) offers(slots []Slot, now time.Time) []Slot {
	const perDay = 2
	var picked, rest []Slot
	days := map[string]int{}
	for _, s := range slots {
		if r.checkSlot(s, now) != "" {
			continue
		}
		day := s.Start.In(location(r.CalleeTimezone)).Format(time.DateOnly)
		if days[day]++; days[day] <= perDay && len(picked) < maxOffered {
			picked = append(picked, s)
		} else {
			rest = append(rest, s)
		}
	}
	picked = append(picked, rest[:min(len(rest), maxOffered-len(picked))]...)
	sortSlots(picked)
	return picked
}

// spoken is a slot as it is offered: instants in the callee's zone, and how to say the start.
func (r Request) spoken(s Slot) OfferedSlot {
	z := location(r.CalleeTimezone)
	words := s.Start.In(z).Format("Monday, 2 January 2006 at 3:04 PM")
	if r.CalleeTimezone != r.Timezone {
		words += " " + ZoneWords(r.CalleeTimezone)
	}
	return OfferedSlot{Start: s.Start.In(z).Format(time.RFC3339), End: s.End.In(z).Format(time.RFC3339), Spoken: words}
}

// search is the question for free slots between two instants.
func (r Request) search(from, to time.Time) FindSlots {
	hours := r.WorkingHours
	return FindSlots{
		CalendarIDs: []string{r.CalendarID}, WindowStart: from, WindowEnd: to,
		DurationMinutes: r.DurationMinutes, Timezone: r.Timezone, WorkingHours: &hours,
	}
}

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
