package calltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Calendar is the owner's calendar: it books a key once, and never over a busy time.
// Set the On… and Lose fields before use.
type Calendar struct {
	// OnFind, OnCheck and OnCreate, if set, come before the answer; their error is it.
	OnFind   func(ctx context.Context, q call.FindSlots) error
	OnCheck  func(ctx context.Context, q call.CheckSlot) error
	OnCreate func(ctx context.Context, b call.Booking) error
	// LoseAnswer, if set, is asked after the event was made: its error is the answer.
	LoseAnswer func(b call.Booking) error

	mu     sync.Mutex
	busy   []call.Slot
	events []call.Booking
	asked  []call.Booking
	finds  []call.FindSlots
	checks []call.CheckSlot
}

// NewCalendar makes an empty calendar.
func NewCalendar() *Calendar { return &Calendar{} }

// Busy blocks a time.
func (c *Calendar) Busy(s call.Slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = append(c.busy, s)
}

// FindSlots implements [call.Calendar]; slots start at multiples of half an hour.
func (c *Calendar) FindSlots(ctx context.Context, q call.FindSlots) ([]call.Slot, error) {
	c.mu.Lock()
	c.finds = append(c.finds, q)
	c.mu.Unlock()
	if err := answer(ctx, c.OnFind, q); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(q.Timezone)
	if err != nil {
		return nil, &call.CalendarError{Kind: call.CalendarRefused, Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	const step, most = 30 * time.Minute, 200
	var free []call.Slot
	for t := q.WindowStart.Add(step - 1).Truncate(step); len(free) < most; t = t.Add(step) {
		s := call.Slot{Start: t, End: t.Add(time.Duration(q.DurationMinutes) * time.Minute)}
		if s.End.After(q.WindowEnd) {
			break
		}
		if (q.WorkingHours == nil || q.WorkingHours.Contain(s, zone)) && c.free(s) {
			free = append(free, s)
		}
	}
	return free, nil
}

// CheckSlot implements [call.Calendar].
func (c *Calendar) CheckSlot(ctx context.Context, q call.CheckSlot) (call.CheckAnswer, error) {
	c.mu.Lock()
	c.checks = append(c.checks, q)
	c.mu.Unlock()
	if err := answer(ctx, c.OnCheck, q); err != nil {
		return call.CheckAnswer{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.free(q.Slot) {
		return call.CheckAnswer{Free: true}, nil
	}
	later := q.Slot
	for range 48 {
		later = call.Slot{Start: later.End, End: later.End.Add(later.End.Sub(later.Start))}
		if c.free(later) {
			return call.CheckAnswer{Alternatives: []call.Slot{later}}, nil
		}
	}
	return call.CheckAnswer{}, nil
}

// CreateEvent implements [call.Calendar].
func (c *Calendar) CreateEvent(ctx context.Context, b call.Booking) (string, error) {
	c.mu.Lock()
	c.asked = append(c.asked, b)
	c.mu.Unlock()
	if err := answer(ctx, c.OnCreate, b); err != nil {
		return "", err
	}
	id, err := c.create(b)
	if err == nil && c.LoseAnswer != nil {
		err = c.LoseAnswer(b)
	}
	if err != nil {
		return "", err
	}
	return id, nil
}

func (c *Calendar) create(b call.Booking) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Key == b.Key {
			return e.EventID, nil
		}
	}
	if !c.free(b.Slot()) {
		return "", &call.CalendarError{Kind: call.CalendarTaken, Err: errors.New("conflict with: dinner with the minister")}
	}
	b.EventID = fmt.Sprintf("event-%d", len(c.events)+1)
	c.events = append(c.events, b)
	return b.EventID, nil
}

func (c *Calendar) free(s call.Slot) bool {
	return !slices.ContainsFunc(c.busy, s.Overlaps) &&
		!slices.ContainsFunc(c.events, func(e call.Booking) bool { return e.Slot().Overlaps(s) })
}

// answer is the error that the test, or the time limit, has for a request.
func answer[Q any](ctx context.Context, on func(context.Context, Q) error, q Q) error {
	if on != nil {
		if err := on(ctx, q); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return &call.CalendarError{Kind: call.CalendarDown, Err: err}
	}
	return nil
}

// Down is the error of a bridge that gives no usable answer. Its text must reach nobody.
func Down() error {
	return &call.CalendarError{Kind: call.CalendarDown, Err: errors.New("<html>secret stack trace")}
}

// Events are the events made, in order.
func (c *Calendar) Events() []call.Booking {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// Asked are the create-event requests made, in order.
func (c *Calendar) Asked() []call.Booking {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// Finds are the find-slots requests made.
func (c *Calendar) Finds() []call.FindSlots {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.finds)
}

// Checks are the check-slot requests made.
func (c *Calendar) Checks() []call.CheckSlot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.checks)
}
