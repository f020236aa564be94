package calendarbridge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// interval is busy time: start included, end excluded.
type interval struct {
	start, end time.Time
	summary    string
}

func (i interval) overlaps(start, end time.Time) bool {
	return i.start.Before(end) && start.Before(i.end)
}

// feeds are the subscribed calendars as they stood at the beginning of a request. They are read before any lock is
// taken, so that a slow feed delays its own request alone.
func (b *Bridge) feeds(ctx context.Context) ([]*calendar, error) {
	calendars, errs := make([]*calendar, len(b.sources)), make([]error, len(b.sources))
	var wg sync.WaitGroup
	for i, s := range b.sources {
		wg.Go(func() { calendars[i], errs[i] = s.calendar(ctx) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return calendars, nil
}

// own reads and parses the named calendars of the folder.
func (b *Bridge) own(ids []string) ([]*calendar, error) {
	var out []*calendar
	for _, id := range ids {
		c, _, err := b.ownFile(id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// ownFile is one calendar of the folder, parsed, and its bytes.
func (b *Bridge) ownFile(id string) (*calendar, []byte, error) {
	data, err := b.store.read(id)
	if errors.Is(err, errNoCalendar) {
		return nil, nil, invalid(404, "calendar %q does not exist; use %q, or put %s.ics into the bridge's folder", clip(id, 80), primary, clip(id, 80))
	}
	if err != nil {
		return nil, nil, unavailable{source: "calendar " + id, cause: tidyPathError(err)}
	}
	c, err := parseCalendar(data, b.opts.Location)
	if err != nil {
		return nil, nil, unavailable{source: "calendar " + id, cause: err}
	}
	return c, data, nil
}

// busyBetween expands calendars into sorted busy intervals that touch [from, to).
func busyBetween(ctx context.Context, calendars []*calendar, from, to time.Time) ([]interval, error) {
	x := &expansion{from: from, to: to}
	for _, c := range calendars {
		if err := x.add(ctx, c); err != nil {
			return nil, unavailable{source: "a calendar", cause: err}
		}
	}
	slices.SortFunc(x.out, func(a, b interval) int { return a.start.Compare(b.start) })
	return x.out, nil
}

// conflicts are the intervals that overlap [start, end).
func conflicts(busy []interval, start, end time.Time) []interval {
	var found []interval
	for _, i := range busy {
		if i.overlaps(start, end) {
			found = append(found, i)
		}
	}
	return found
}
