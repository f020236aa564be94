package call

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// SweepEvery is how often the due index is swept (architecture, step 8).
const SweepEvery = time.Minute

// sweepWidth is how many due calls are attended at once; the rest wait their turn.
const sweepWidth = 8

// sweepBatch is how many calls are read from the due index at once.
const sweepBatch = 256

// Sweep attends to every call that is due. It is the guarantee behind every
// callback and every nudge that may be lost. It returns when all are attended.
func (s *Service) Sweep(ctx context.Context) error {
	now, seen := s.Now(), map[ID]bool{}
	for ctx.Err() == nil {
		ids, err := s.Store.Due(ctx, now, sweepBatch)
		if err != nil {
			return fmt.Errorf("read the due index: %w", err)
		}
		fresh := ids[:0:0]
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				fresh = append(fresh, id)
			}
		}
		s.attendAll(ctx, fresh)
		if len(ids) < sweepBatch || len(fresh) == 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

func (s *Service) attendAll(ctx context.Context, ids []ID) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, sweepWidth)
	for _, id := range ids {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := s.Attend(ctx, id); err != nil {
				s.Log.ErrorContext(ctx, "cannot attend to a due call; a later sweep tries again", "call_id", id, "error", err)
			}
		})
	}
	wg.Wait()
}

// deferral is how long after a step that failed a call is attended to again: it must
// not stand in the way of calls that can be helped.
const deferral = 30 * time.Second

// Attend does what is due for one call, and nothing if nothing is.
func (s *Service) Attend(ctx context.Context, id ID) error {
	c, _, err := s.apply(ctx, id, Ticked{At: s.Now()})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	steps := []struct {
		due func(*Call) bool
		do  func(context.Context, Call) error
	}{
		{s.hangUpDue, s.hangUps}, {s.lookUpDue, s.lookUp}, {s.bookDue, s.bookAgain}, {s.dialDue, s.dialNext}, {s.noticeDue, s.notify},
	}
	var all error
	for _, step := range steps {
		if !step.due(&c) {
			continue
		}
		if err := step.do(ctx, c); err != nil {
			all = errors.Join(all, err)
		}
		if c, err = s.Store.Get(ctx, id); err != nil {
			return errors.Join(all, err)
		}
	}
	if all == nil || c.Due == nil {
		return all
	}
	now := s.Now()
	_, _, err = s.applyTo(ctx, c, Deferred{Until: now.Add(deferral), At: now})
	return errors.Join(all, err)
}

func (s *Service) past(t time.Time) bool { return !t.IsZero() && !s.Now().Before(t) }

func (s *Service) dialDue(c *Call) bool { return c.NextAttemptAt != nil && s.past(*c.NextAttemptAt) }

func (s *Service) dialNext(ctx context.Context, c Call) error {
	_, _, err := s.dial(ctx, c, false)
	return err
}

func (s *Service) hangUpDue(c *Call) bool {
	return slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return s.past(hangUpAt(&a)) })
}

func (s *Service) hangUps(ctx context.Context, c Call) error {
	for i := range c.Attempts {
		if s.past(hangUpAt(&c.Attempts[i])) {
			if err := s.HangUp(ctx, c.ID, c.Attempts[i].Number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) lookUpDue(c *Call) bool {
	a := c.Last()
	return a != nil && s.past(s.Rules.lookUpAt(a))
}

// lookUp asks the provider about an attempt that no callback settled.
func (s *Service) lookUp(ctx context.Context, c Call) error {
	a := c.Last()
	lctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	report, found, err := s.Telephony.LookUp(lctx, LookUp{
		ProviderCallID: a.ProviderCallID, To: c.Request.To, DialledAfter: *a.IntendedAt, Exclude: c.boundElsewhere(a),
	})
	if err != nil {
		return fmt.Errorf("look attempt %d up: %w", a.Number, err)
	}
	if !found || report.Foreign {
		_, _, err = s.applyTo(ctx, c, NotPlaced{Attempt: a.Number, At: s.Now()})
		return err
	}
	report.Sequence = -1 // a look-up has no place in the order of the callbacks
	after, _, err := s.applyTo(ctx, c, Reported{Attempt: a.Number, Report: report, At: s.Now()})
	if err != nil {
		return err
	}
	// Up at the provider long after its stream should have opened: nobody is talking to the callee.
	if l := after.liveAttempt(a.Number); l != nil && l.AnsweredAt != nil && l.LeaseUntil == nil && s.past(s.Rules.lookUpAt(l)) {
		return s.Telephony.EndCall(lctx, l.ProviderCallID)
	}
	return nil
}

func (s *Service) bookDue(c *Call) bool {
	b := c.Booking
	return b != nil && b.NextTryAt != nil && s.past(*b.NextTryAt) && c.Outcome == Pending
}

// bookAgain repeats the create-event request whose answer is unknown: the same
// request, under the same key, and never another (contract section 3).
func (s *Service) bookAgain(ctx context.Context, c Call) error {
	b, now := c.Booking, s.Now()
	c, mine, err := s.applyTo(ctx, c, BookingTried{Key: b.Key, Next: now.Add(bookingRetry), At: now})
	if err != nil || !mine {
		return err
	}
	bctx, cancel := context.WithTimeout(ctx, createLimit)
	defer cancel()
	_, err = s.book(bctx, c.ID, *c.Booking)
	var refused *CalendarError
	if errors.As(err, &refused) {
		s.Log.WarnContext(ctx, "repeated booking", "call_id", c.ID, "error", err)
		return nil
	}
	return err
}

// book sends one create-event request and records its answer. A *CalendarError says
// what the bridge answered; another error, that the record could not be written.
func (s *Service) book(ctx context.Context, id ID, b Booking) (Call, error) {
	eventID, err := s.Calendar.CreateEvent(ctx, b)
	var failed *CalendarError
	switch {
	case err == nil:
		c, _, werr := s.apply(ctx, id, BookingAnswered{Key: b.Key, EventID: eventID, At: s.Now()})
		return c, werr
	case errors.As(err, &failed) && failed.Kind == CalendarTaken && b.Tries > 1:
		// A request before this one had no answer: what takes the slot may be our own event.
	case errors.As(err, &failed) && failed.Kind != CalendarDown:
		if _, _, werr := s.apply(ctx, id, BookingDenied{Key: b.Key, At: s.Now()}); werr != nil {
			return Call{}, werr
		}
	}
	return Call{}, err
}

// errNoNotifier is the fate of a notice that nobody can send.
var errNoNotifier = errors.New("notify is not configured; set notify.hooksUrl and notify.hooksToken")

// Deliver sends a call's notice if it is due: for who is woken by the outbox itself. A
// call that is gone is nothing.
func (s *Service) Deliver(ctx context.Context, id ID) error {
	c, err := s.Store.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read call: %w", err)
	}
	if !s.noticeDue(&c) {
		return nil
	}
	return s.notify(ctx, c)
}

func (s *Service) noticeDue(c *Call) bool {
	n := c.openNotice()
	return n != nil && n.NextTryAt != nil && s.past(*n.NextTryAt)
}

// notify sends the notice from the outbox.
func (s *Service) notify(ctx context.Context, c Call) error {
	n := c.openNotice()
	if s.Notifier == nil { // configured when the call ended, and not any more
		now := s.Now()
		_, _, err := s.applyTo(ctx, c, NoticeTried{Err: &NotifyError{Retry: true, Err: errNoNotifier}, Next: now.Add(noticeDelay(n.Tries)), At: now})
		return err
	}
	body := n.Body
	if len(body) == 0 {
		var err error
		if body, err = s.Notifier.Compose(c.noticeContent()); err != nil {
			return fmt.Errorf("compose the notice: %w", err)
		}
	}
	now := s.Now()
	c, mine, err := s.applyTo(ctx, c, NoticeSending{Body: body, Until: now.Add(notifyLimit + 5*time.Second), At: now})
	if err != nil || !mine {
		return err
	}
	nctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyLimit)
	defer cancel()
	err = s.Notifier.Send(nctx, c.Notice.Key, c.Notice.Body)
	var failed *NotifyError
	if err != nil && !errors.As(err, &failed) {
		failed = &NotifyError{Retry: true, Err: err}
	}
	now = s.Now()
	_, _, err = s.applyTo(ctx, c, NoticeTried{Err: failed, Next: now.Add(noticeDelay(c.Notice.Tries)), At: now})
	return err
}

// noticeDelay waits 1 s to 15 min, doubling, with jitter (contract section 4).
func noticeDelay(tries int) time.Duration {
	const first, longest = 2 * time.Second, 15 * time.Minute
	d := longest
	if tries < 9 { // 2 s · 2^9 is past the longest
		d = min(first<<tries, longest)
	}
	return d/2 + rand.N(d/2)
}
