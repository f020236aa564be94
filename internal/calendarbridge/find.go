package calendarbridge

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// find answers find-slots: the first free slots of the window, earliest first, at most maxSlots.
func (b *Bridge) find(ctx context.Context, body []byte) (any, error) {
	var r findRequest
	if err := decode(body, findFields, &r); err != nil {
		return nil, err
	}
	ids, s, err := r.read()
	if err != nil {
		return nil, err
	}
	// The past is never offered, and a window that is over is an empty answer rather than an error.
	if now := b.now(); s.from.Before(now) {
		s.from = now.In(s.loc)
		if s.to.Before(s.from) {
			s.from = s.to
		}
	}
	busy, err := b.busy(ctx, ids, s.from.Add(-s.before), s.to.Add(s.after))
	if err != nil {
		return nil, err
	}
	out := findAnswer{OK: true, Timezone: r.Timezone, Slots: []slotJSON{}, WindowStart: stamp(s.from, s.loc), WindowEnd: stamp(s.to, s.loc)}
	for found := range s.free(busy) {
		if out.Slots = append(out.Slots, found.json(s.loc)); len(out.Slots) == maxSlots {
			break
		}
	}
	return out, nil
}

func (r findRequest) read() (ids []string, s search, err error) {
	if s.loc, err = readZone(r.Timezone); err != nil {
		return nil, s, err
	}
	if s.from, s.to, err = readSpan("windowStart", r.WindowStart, "windowEnd", r.WindowEnd, maxWindow, s.loc); err != nil {
		return nil, s, err
	}
	if err = readMinutes("durationMinutes", r.DurationMinutes, 1, int(maxDuration.Minutes())); err != nil {
		return nil, s, err
	}
	s.length = time.Duration(r.DurationMinutes) * time.Minute
	if s.granularity = r.GranularityMinutes; s.granularity == 0 {
		s.granularity = defaultGranularity(s.length)
	}
	if err = readMinutes("granularityMinutes", s.granularity, 5, 1440); err != nil {
		return nil, s, err
	}
	if s.before, s.after, err = readBuffers(r.BufferBeforeMinutes, r.BufferAfterMinutes); err != nil {
		return nil, s, err
	}
	if s.hours, err = r.WorkingHours.read(); err != nil {
		return nil, s, err
	}
	if err = checkAttendees(r.Attendees); err != nil {
		return nil, s, err
	}
	ids, err = readCalendars(r.CalendarIDs)
	return ids, s, err
}

func defaultGranularity(length time.Duration) int {
	if length < 30*time.Minute {
		return 15
	}
	return 30
}

// busy reads everything that can be busy in the named calendars.
func (b *Bridge) busy(ctx context.Context, ids []string, from, to time.Time) ([]interval, error) {
	own, err := b.own(ids)
	if err != nil {
		return nil, err
	}
	feeds, err := b.feeds(ctx)
	if err != nil {
		return nil, err
	}
	return busyBetween(ctx, append(own, feeds...), from, to)
}

// check answers check-slot: what is in the way, and what is free nearby.
func (b *Bridge) check(ctx context.Context, body []byte) (any, error) {
	var r checkRequest
	if err := decode(body, checkFields, &r); err != nil {
		return nil, err
	}
	ids, s, err := r.read()
	if err != nil {
		return nil, err
	}
	around := s.around(b.now())
	busy, err := b.busy(ctx, ids, earlier(s.from, around.from).Add(-s.before), later(s.to, around.to).Add(s.after))
	if err != nil {
		return nil, err
	}
	found := conflicts(busy, s.from.Add(-s.before), s.to.Add(s.after))
	out := checkAnswer{OK: true, Conflicts: conflictsJSON(found, s.loc)}
	if len(found) > 0 {
		out.Alternatives = around.nearest(s.from, busy)
	}
	return out, nil
}

func (r checkRequest) read() (ids []string, s search, err error) {
	if s.loc, err = readZone(r.Timezone); err != nil {
		return nil, s, err
	}
	if s.from, s.to, err = readSpan("start", r.Start, "end", r.End, maxDuration, s.loc); err != nil {
		return nil, s, err
	}
	if s.before, s.after, err = readBuffers(r.BufferBeforeMinutes, r.BufferAfterMinutes); err != nil {
		return nil, s, err
	}
	s.length = s.to.Sub(s.from)
	ids, err = readCalendars(r.CalendarIDs)
	return ids, s, err
}

// around is where alternatives to a slot are looked for: its day and the seven after, never the past, from 08:00 to
// 20:00, since the request has no working hours and nobody wants 03:00 offered.
func (s search) around(now time.Time) search {
	day := midnight(wallOf(s.from, s.loc))
	s.from = later(instant(day, s.loc), now)
	s.to = instant(day.AddDate(0, 0, 8), s.loc)
	s.granularity = defaultGranularity(s.length)
	s.hours = &hours{start: 8 * 60, end: 20 * 60, days: [7]bool{true, true, true, true, true, true, true}}
	return s
}

// nearest are the free slots that start closest to t, in the order of time.
func (s search) nearest(t time.Time, busy []interval) []slotJSON {
	var all []slot
	for found := range s.free(busy) {
		all = append(all, found)
	}
	slices.SortStableFunc(all, func(a, b slot) int { return cmp.Compare(a.start.Sub(t).Abs(), b.start.Sub(t).Abs()) })
	all = all[:min(len(all), maxAlternatives)]
	slices.SortFunc(all, func(a, b slot) int { return a.start.Compare(b.start) })
	var out []slotJSON
	for _, a := range all {
		out = append(out, a.json(s.loc))
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
