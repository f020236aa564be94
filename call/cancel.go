package call

import (
	"context"
	"fmt"
	"time"
)

// cancelPatience is how long a live session may take to say goodbye after somebody asked for
// the call to be stopped; then the line is put down without it. It is longer than a farewell
// (20 s) and the time until the session's host sees the request.
const cancelPatience = 30 * time.Second

// maxCancelReason bounds what is kept of a reason, in characters.
const maxCancelReason = 200

// Cancel asks for a call to be stopped, and returns it as it is then: a call that waits is
// final at once, a line that rings is put down, a conversation is ended with a goodbye by
// whoever holds it, within seconds. A call that is final, or was to be stopped already, is
// returned as it is. Errors are *Error.
func (s *Service) Cancel(ctx context.Context, owner string, readAll bool, id ID, reason string) (Call, error) {
	c, err := s.Get(ctx, owner, readAll, id)
	if err != nil || c.Final() {
		return c, err
	}
	c, changed, err := s.applyTo(ctx, c, CancelRequested{Reason: PlainText(reason, maxCancelReason), At: s.Now()})
	if err != nil {
		return Call{}, s.unavailable(ctx, err)
	}
	if changed {
		s.Media.HangUp(id)
		s.Log.InfoContext(ctx, "call is to be stopped", "call_id", id, "attempt", len(c.Attempts), "by", owner)
		s.putDownCanceled(ctx, &c)
	}
	return c, nil
}

// putDownCanceled ends the line of an attempt that was ended in the record because the call
// is to be stopped. Where the provider cannot be reached the sweep repeats it.
func (s *Service) putDownCanceled(ctx context.Context, c *Call) {
	a := c.Last()
	if a == nil || c.CancelRequestedAt == nil || a.EndReason != EndCanceled || a.ProviderCallID == "" || a.LineDownAt != nil {
		return
	}
	if err := s.HangUp(ctx, c.ID, a.Number); err != nil {
		s.Log.WarnContext(ctx, "cannot put a canceled call's line down; the sweep will", "call_id", c.ID, "attempt", a.Number, "error", err)
	}
}

func (e CancelRequested) apply(_ Rules, c *Call) bool {
	if c.Final() || c.CancelRequestedAt != nil {
		return false
	}
	c.CancelRequestedAt, c.CancelReason = &e.At, e.Reason
	c.NotBefore, c.Waiting = nil, ""
	return true
}

// obeyCancel ends the live attempt of a call that is to be stopped, if nobody talks on it and
// its fate is known. One whose create request has no answer yet is bound first: only then is
// there a line that could be put down. A conversation is ended by the session itself.
func (c *Call) obeyCancel(at time.Time) {
	a := c.Last()
	if c.CancelRequestedAt == nil || a == nil || !a.Live() || a.LeaseUntil != nil {
		return
	}
	if a.IntendedAt == nil || a.ProviderCallID != "" {
		a.end(Canceled, EndCanceled, "", at)
	}
}

// cancelLimit is when the line of a conversation is put down that was to be ended and was
// not; zero where there is none.
func (c *Call) cancelLimit(a *Attempt) time.Time {
	if c.CancelRequestedAt == nil || !a.Live() || a.LeaseUntil == nil {
		return time.Time{}
	}
	return c.CancelRequestedAt.Add(cancelPatience)
}

func (c *Call) cancelWords() string {
	if c.CancelReason == "" {
		return "The call was canceled on request."
	}
	return fmt.Sprintf("The call was canceled on request: %s", c.CancelReason)
}

// CancelEvery is how often who holds a session asks [Live.Canceled], where another process may
// take such a request; the one that holds it is told at once.
const CancelEvery = 2 * time.Second

// Canceled says whether somebody asked for the call to be stopped. The session is to say
// goodbye then, and to end as [EndCanceled].
func (l *Live) Canceled(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	c, err := l.s.Store.Get(ctx, l.call.ID)
	if err != nil {
		return false, fmt.Errorf("read call: %w", err)
	}
	return c.CancelRequestedAt != nil, nil
}
