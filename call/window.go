package call

import (
	"fmt"
	"slices"
	"time"
)

// Slot is a stretch of time, end exclusive.
type Slot struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Overlaps says whether the two share any instant.
func (s Slot) Overlaps(o Slot) bool { return s.Start.Before(o.End) && o.Start.Before(s.End) }

// Equal says whether the two are the same instants, in whatever zone they are written.
func (s Slot) Equal(o Slot) bool { return s.Start.Equal(o.Start) && s.End.Equal(o.End) }

// WorkingHours are the hours of the day, on some weekdays, in which an appointment
// may lie; the zone is that of the request. Days count from Sunday = 0.
type WorkingHours struct {
	Start string `json:"start"`
	End   string `json:"end"`
	Days  []int  `json:"days"`
}

// ClockMinutes reads "HH:mm" as minutes since midnight; 24:00 is the day's end.
func ClockMinutes(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q is no time of day: write HH:mm, such as 09:00", s)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// parseHours returns the hours, or what is wrong with them.
func parseHours(w *wireHours) (WorkingHours, string) {
	if w.Start == nil || w.End == nil || len(w.Days) == 0 {
		return WorkingHours{}, `must be {"start":"HH:mm","end":"HH:mm","days":[0..6]} with at least one day, 0 = Sunday`
	}
	h := WorkingHours{Start: *w.Start, End: *w.End, Days: w.Days}
	if err := h.Check(); err != nil {
		return WorkingHours{}, err.Error()
	}
	return h, ""
}

// Check says what is wrong with the hours, or nil.
func (h WorkingHours) Check() error {
	start, err := ClockMinutes(h.Start)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	end, err := ClockMinutes(h.End)
	if err != nil {
		return fmt.Errorf("end: %w", err)
	}
	if end <= start {
		return fmt.Errorf("end %s must be after start %s", h.End, h.Start)
	}
	for _, d := range h.Days {
		if d < 0 || d > 6 {
			return fmt.Errorf("days: %d is no weekday: 0 is Sunday, 6 is Saturday", d)
		}
	}
	return nil
}

// Contain says whether the whole slot lies within the hours of one working day of
// zone. It compares wall-clock times, so it is right on days of 23 and 25 hours.
func (h WorkingHours) Contain(s Slot, zone *time.Location) bool {
	start, end := s.Start.In(zone), s.End.In(zone)
	open, err1 := ClockMinutes(h.Start)
	closes, err2 := ClockMinutes(h.End)
	if err1 != nil || err2 != nil || !slices.Contains(h.Days, int(start.Weekday())) {
		return false
	}
	from := start.Hour()*60 + start.Minute()
	to := end.Hour()*60 + end.Minute()
	sharp := end.Second() == 0 && end.Nanosecond() == 0
	switch y, m, d := start.Date(); {
	case sameDay(start, end):
	case to == 0 && sharp && sameDay(time.Date(y, m, d+1, 0, 0, 0, 0, zone), end):
		to = 24 * 60 // ends at the very midnight that closes the day
	default:
		return false
	}
	return from >= open && (to < closes || to == closes && sharp)
}

func sameDay(a, b time.Time) bool {
	ya, ma, da := a.Date()
	yb, mb, db := b.Date()
	return ya == yb && ma == mb && da == db
}

// location returns a zone that was validated when the request was taken; should
// the zone data have lost it since, UTC keeps the process alive.
func location(name string) *time.Location {
	z, err := zone(name)
	if err != nil {
		return time.UTC
	}
	return z
}

// checkSlot says, in words the model can use, why a slot must not be booked, or "".
func (r Request) checkSlot(s Slot, now time.Time) string {
	switch {
	case !s.Start.After(now):
		return "That time is in the past. Offer a later one."
	case s.End.Sub(s.Start) != r.Duration():
		return fmt.Sprintf("The appointment must be %d minutes long.", r.DurationMinutes)
	case s.Start.Before(r.WindowStart) || s.End.After(r.WindowEnd):
		return "That time is outside the window the owner gave. Do not book it; note it as a next step if the callee insists."
	case !r.WorkingHours.Contain(s, location(r.Timezone)):
		return "That time is outside the owner's hours. Do not book it; note it as a next step if the callee insists."
	}
	for _, o := range r.Occupied {
		if o.Overlaps(s) {
			return "The owner is busy then. Offer another time."
		}
	}
	return ""
}
