package call

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Forget deletes a final call that the owner placed, or any where it may read all: what
// was said and recorded first, so that nothing is left behind a record that is gone, and
// once more after it, since a host may still be writing the last of it (see [Archive]).
func (s *Service) Forget(ctx context.Context, owner string, readAll bool, id ID) error {
	c, err := s.Get(ctx, owner, readAll, id)
	if err != nil {
		return err
	}
	if !c.Final() {
		return NotFinal(id)
	}
	if err := s.forget(ctx, c); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "call deleted", "call_id", id, "by", owner)
	return nil
}

// forget deletes a final call. It is not cut off by the caller's going away.
func (s *Service) forget(ctx context.Context, c Call) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetLimit)
	defer cancel()
	id := c.ID
	if err := s.putDown(ctx, c); err != nil {
		return err
	}
	if err := s.forgetKept(ctx, id); err != nil {
		return &Error{Code: Unavailable, RetryAfter: 5 * time.Second, Message: "What is kept of the call could not be deleted now, so that its record stays. Send the same again shortly."}
	}
	err := s.Store.Delete(ctx, id)
	var refused *Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, ErrNotFound):
		return noSuchCall()
	case err != nil:
		return s.unavailable(ctx, err)
	}
	_ = s.forgetKept(ctx, id) // logged; who holds the rest sees that the record is gone
	return nil
}

// putDown puts the lines of a final call down that are not known to be: without its record
// nobody would. It is not recorded: the record goes, and where it stays the sweep asks again.
func (s *Service) putDown(ctx context.Context, c Call) error {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if hangUpAt(a).IsZero() {
			continue
		}
		if err := s.Telephony.EndCall(ctx, a.ProviderCallID); err != nil {
			s.Log.ErrorContext(ctx, "cannot put the line of a call down that is to be deleted", "call_id", c.ID, "attempt", a.Number, "error", err)
			return &Error{Code: Unavailable, CallID: c.ID, RetryAfter: 5 * time.Second, Message: "The call's line is being put down, and its record stays until it is. Send the same again shortly."}
		}
	}
	return nil
}

func (s *Service) forgetKept(ctx context.Context, id ID) error {
	if s.Archive == nil {
		return nil
	}
	err := s.Archive.Delete(ctx, id)
	if err != nil {
		s.Log.ErrorContext(ctx, "cannot delete what is kept of a call", "call_id", id, "error", err)
		return fmt.Errorf("delete what is kept: %w", err)
	}
	return nil
}

// forgetBatch bounds how many calls ForgetOld deletes at a time, and forgetFailures at how
// many that it cannot delete it gives up: then it is not the call.
const (
	forgetBatch    = 100
	forgetFailures = 20
)

// ForgetOld deletes final calls that ended before then, of which nothing is to be done
// any more; it is for stores that forget nothing by themselves. More says that there may
// be others: it deletes only so many at a time. A call that cannot be deleted is named in
// the error, and those behind it are deleted all the same.
func (s *Service) ForgetOld(ctx context.Context, then time.Time) (n int, more bool, err error) {
	var failed []error
	for q := (Query{Until: then, Limit: forgetBatch}); ; {
		p, err := s.Store.List(ctx, q)
		if err != nil {
			return n, false, errors.Join(append(failed, fmt.Errorf("list old calls: %w", err))...)
		}
		for _, c := range p.Calls {
			if !c.Final() || c.Due != nil || !c.CompletedAt.Before(then) {
				continue
			}
			if n == forgetBatch {
				return n, true, errors.Join(failed...)
			}
			switch err := s.forget(ctx, c); {
			case err == nil:
				n++
			case !isNotFound(err): // otherwise somebody was faster
				failed = append(failed, fmt.Errorf("delete old call %s: %w", c.ID, err))
			}
			if len(failed) == forgetFailures {
				return n, false, errors.Join(failed...)
			}
		}
		if p.Next == nil {
			return n, false, errors.Join(failed...)
		}
		q.After = p.Next
	}
}

func isNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == NotFound
}

// forgetLimit bounds a deletion: an archive is asked, a store, and rarely a phone company.
const forgetLimit = 2 * storeLimit

// NotFinal is the refusal to delete a call that is not over.
func NotFinal(id ID) *Error {
	return &Error{Code: Conflict, CallID: id, Message: fmt.Sprintf("Call %s is not final. Stop it with call_agent_cancel, and delete it when it has ended.", id)}
}
