package calendarbridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	rrule "github.com/teambition/rrule-go"
)

// maxSteps bounds the repetitions counted for one request, over all its calendars: a daily event of 50 years takes 18,000.
const maxSteps = 500_000

// expansion turns events into the intervals in which they are busy between from and to.
type expansion struct {
	from, to time.Time
	steps    int
	out      []interval
}

// add expands one calendar. The rule library cannot be interrupted; between events ctx can stop the work.
func (x *expansion) add(ctx context.Context, c *calendar) error {
	replaced := map[string]map[int64]bool{}
	for _, e := range c.events {
		if e.replaces == nil {
			continue
		}
		if replaced[e.uid] == nil {
			replaced[e.uid] = map[int64]bool{}
		}
		replaced[e.uid][e.replaces.instant().Unix()] = true
	}
	for i := range c.events {
		e := &c.events[i]
		if e.free {
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("it took too long to expand: %w", err)
		}
		if err := x.event(e, replaced[e.uid]); err != nil {
			return fmt.Errorf("event %q: %w", clip(e.uid, 80), err)
		}
	}
	for _, b := range c.busy {
		x.emit(b.start, b.end, b.summary)
	}
	return nil
}

func (x *expansion) emit(start, end time.Time, summary string) {
	if start.Before(end) && start.Before(x.to) && end.After(x.from) {
		x.out = append(x.out, interval{start: start, end: end, summary: summary})
	}
}

// event emits every repetition that is neither excepted nor replaced by an event of its own.
func (x *expansion) event(e *event, replaced map[int64]bool) error {
	if e.replaces != nil {
		x.emit(e.start.instant(), e.length.end(e.start), e.summary)
		return nil
	}
	gone, goneDays := map[int64]bool{}, map[time.Time]bool{}
	for _, m := range e.except {
		gone[m.instant().Unix()] = true
		if m.date {
			goneDays[m.wall] = true // some programs except a day where the event has a time
		}
	}
	once := func(at moment, l length, t time.Time) {
		k := t.Unix()
		if gone[k] || replaced[k] || goneDays[midnight(at.wall)] {
			return
		}
		gone[k] = true // RRULE and RDATE may name the same repetition
		x.emit(t, l.end(at).Add(t.Sub(at.instant())), e.summary)
	}
	once(e.start, e.length, e.start.instant())
	for _, r := range e.extra {
		l := e.length
		if r.length != nil {
			l = *r.length
		}
		once(r.start, l, r.start.instant())
	}
	for _, rule := range e.rules {
		if err := x.rule(e, rule, once); err != nil {
			return fmt.Errorf("RRULE: %w", err)
		}
	}
	return nil
}

// rule counts on the wall: the library sees wall times as UTC, and each becomes an instant afterwards. So 09:00 stays
// 09:00 across a clock change, and skipped and repeated hours follow RFC 5545 rather than time.Date.
func (x *expansion) rule(e *event, text string, once func(moment, length, time.Time)) (err error) {
	// rrule-go v1.8.2 indexes past its tables for some valid rules (BYWEEKNO, BYDAY=53FR); a rule we cannot count is an
	// unreadable source, not a broken connection, which the caller would have to take for "perhaps created".
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%q cannot be counted (%v); simplify it", clip(text, 120), p)
		}
	}()
	option, err := readRule(text, e.start)
	if err != nil {
		return err
	}
	r, err := rrule.NewRRule(*option)
	if err != nil {
		return err
	}
	last := wallOf(x.to, e.start.loc).Add(24 * time.Hour)
	next := r.Iterator()
	for {
		wall, ok := next()
		if !ok || wall.After(last) {
			return nil
		}
		if x.steps++; x.steps > maxSteps {
			return errors.New("too many repetitions; give long series an end")
		}
		at := moment{wall: wall, loc: e.start.loc, date: e.start.date}
		times := []time.Time{at.instant()}
		if option.Freq >= rrule.HOURLY {
			times = instants(wall, e.start.loc) // an hourly event happens in both of autumn's hours
		}
		for _, t := range times {
			once(at, e.length, t)
		}
	}
}

// readRule parses an RRULE with its start and its end as wall times.
func readRule(text string, start moment) (*rrule.ROption, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	option, err := rrule.StrToROption(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", clip(text, 120), err)
	}
	if option.Freq > rrule.HOURLY {
		return nil, errors.New("an event every minute or second is not supported; make it one long event")
	}
	if option.Interval < 0 || option.Interval > 10000 || option.Count < 0 || len(option.Byeaster) > 0 {
		return nil, fmt.Errorf("%q: INTERVAL, COUNT or BYEASTER is out of bounds", clip(text, 120))
	}
	if option.Freq == rrule.HOURLY && !reachable(start.wall.Hour(), option.Interval, option.Byhour) {
		return nil, fmt.Errorf("%q: INTERVAL never meets BYHOUR; mend the rule", clip(text, 120))
	}
	option.Dtstart = start.wall
	if !option.Until.IsZero() {
		option.Until = wallUntil(text, option.Until, start)
	}
	return option, nil
}

// reachable says whether hourly steps from an hour ever meet one of byHour. rrule-go v1.8.2 would look for it for ever
// (rIterator.generate, its HOURLY branch).
func reachable(hour, interval int, byHour []int) bool {
	for k := range 24 {
		if slices.Contains(byHour, (hour+k*max(interval, 1))%24) {
			return true
		}
	}
	return len(byHour) == 0
}

// wallUntil: UNTIL is UTC where it ends in Z, a whole day where it is a date, else a wall time.
func wallUntil(text string, until time.Time, start moment) time.Time {
	_, after, _ := strings.Cut(text, "UNTIL=")
	written, _, _ := strings.Cut(after, ";")
	switch {
	case strings.HasSuffix(written, "Z"):
		return wallOf(until, start.loc)
	case len(written) == len("20060102"):
		return until.Add(24*time.Hour - time.Second)
	}
	return until
}
