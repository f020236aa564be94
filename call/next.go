package call

import (
	"slices"
	"time"
)

// Next is the transition function: what becomes of the call when the event happens.
// It is total (every event is defined in every state), pure (it reads no clock and
// does no I/O) and leaves c untouched. Changed is false where the event has nothing
// left to change, as duplicated, late and reordered ones have.
func (r Rules) Next(c Call, e Event) (next Call, changed bool) {
	next = c.Clone()
	if !e.apply(r, &next) {
		return c, false
	}
	next.UpdatedAt = maxTime(c.UpdatedAt, e.at()) // events come out of order
	next.obeyCancel(e.at())
	r.settle(&next, e.at())
	next.track(&c, e.at())
	next.Due = r.due(&next)
	return next, true
}

// settle derives the call's own state from its attempts and its booking. It is the
// only place that makes a call final.
func (r Rules) settle(c *Call, at time.Time) {
	if c.Final() {
		return
	}
	c.NextAttemptAt = nil
	last := c.Last()
	switch {
	case last != nil && last.Live():
		c.Status = last.Status
		if last.Unknown || last.IntendedAt == nil {
			c.Status = Queued // an unknown answer is awaited (contract section 1)
		}
		return
	case c.Booking != nil && c.Outcome == Pending:
		c.Status = Queued
		return
	}
	next, why, ok := r.nextAttempt(c, at)
	if ok {
		c.Status, c.NextAttemptAt = Queued, &next
		return
	}
	if why != "" {
		c.LastError = why
		if c.Waiting != "" {
			c.LastError += " (the last attempt waited: " + c.Waiting + ")"
		}
	}
	r.finish(c, at)
}

func (r Rules) finish(c *Call, at time.Time) {
	c.Status = Failed
	switch last := c.Last(); {
	case c.CancelRequestedAt != nil && (last == nil || last.Status != Completed):
		c.Status, c.LastError = Canceled, c.cancelWords()
	case last != nil:
		c.Status = last.Status
	}
	if c.Outcome == Pending {
		c.Outcome = NotBooked
	}
	c.CompletedAt = &at
	c.NotBefore, c.Waiting = nil, ""
	if r.Notify {
		c.Notice = &Notice{State: NoticePending, Key: string(c.ID) + ":" + string(c.Outcome), CreatedAt: at, NextTryAt: &at}
	}
}

// end makes an attempt's status terminal. A terminal attempt is never passed here.
func (a *Attempt) end(s Status, reason EndReason, words string, at time.Time) {
	a.Status, a.EndReason, a.EndedAt, a.Unknown = s, reason, &at, false
	if words != "" {
		a.Error = words
	}
	if a.ProviderEnd != "" && a.LineDownAt == nil {
		a.LineDownAt = &at
	}
}

func (e Claimed) apply(r Rules, c *Call) bool {
	if c.Final() || c.NextAttemptAt == nil || e.At.Before(*c.NextAttemptAt) {
		return false
	}
	if !e.At.Before(c.Request.WindowEnd) || r.Policy.destination(c.Request) != "" {
		return false // Ticked makes such a call final
	}
	if !r.Policy.Dialling || !r.Policy.Hours.Contain(e.At, location(c.Request.CalleeTimezone)) {
		return false
	}
	c.NotBefore, c.Waiting = nil, ""
	n := len(c.Attempts) + 1
	c.Attempts = append(c.Attempts, Attempt{Number: n, Status: Dialing, ClaimID: e.ClaimID, StartedAt: e.At})
	return true
}

func (e Postponed) apply(_ Rules, c *Call) bool {
	if c.Final() || c.NextAttemptAt == nil || !e.Until.After(e.At) || !e.Until.After(*c.NextAttemptAt) {
		return false
	}
	c.NotBefore, c.Waiting = &e.Until, e.Words
	return true
}

func (e Deferred) apply(_ Rules, c *Call) bool {
	if c.Due == nil || !e.Until.After(e.At) || !e.Until.After(*c.Due) {
		return false
	}
	c.DeferredTo = &e.Until
	return true
}

func (e Intended) apply(r Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.IntendedAt != nil || a.ClaimID != e.ClaimID {
		return false
	}
	expiry := e.At.Add(r.StreamPatience).Truncate(time.Second) // the token holds whole seconds
	a.IntendedAt, a.StreamExpiry = &e.At, &expiry
	return true
}

func (e Bound) apply(_ Rules, c *Call) bool {
	a := c.Attempt(e.Attempt)
	if a == nil || a.IntendedAt == nil || e.ProviderCallID == "" || (a.ProviderCallID != "" && !a.Unknown) {
		return false
	}
	if a.ProviderCallID != "" && a.ProviderCallID != e.ProviderCallID {
		return false
	}
	a.ProviderCallID, a.Unknown = e.ProviderCallID, false
	if e.Reply != nil && c.Answer == nil {
		answer := c.answer(*e.Reply)
		c.Answer = &answer
	}
	return true
}

func (e Refused) apply(_ Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.IntendedAt == nil || a.ProviderCallID != "" {
		return false
	}
	reason := EndRateLimited
	switch {
	case e.Permanent:
		reason = EndRefusedDial
	case e.NotSent:
		reason = EndUnreachable
	}
	a.Permanent = e.Permanent
	a.end(Failed, reason, e.Words, e.At)
	c.LastError = e.Words
	if e.RetryAfter > 0 {
		until := e.At.Add(min(e.RetryAfter, maxDelay))
		c.NotBefore, c.Waiting = &until, e.Words
	}
	return true
}

func (e DialLost) apply(_ Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.IntendedAt == nil || a.ProviderCallID != "" || a.Unknown {
		return false
	}
	a.Unknown, a.Error = true, e.Words
	c.LastError = e.Words
	return true
}

func (e NotPlaced) apply(r Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.IntendedAt == nil || a.ProviderCallID != "" || e.At.Before(r.lookUpAt(a)) {
		return false
	}
	a.end(Failed, EndDialUnknown, "the provider has no call for this attempt", e.At)
	return true
}

// bind ties the first provider call id that speaks for the attempt; another one, and
// that of another attempt, is ignored.
func (c *Call) bind(a *Attempt, providerCallID string) (ok, changed bool) {
	switch {
	case a.IntendedAt == nil || providerCallID == "" || slices.Contains(c.boundElsewhere(a), providerCallID):
		return false, false
	case a.ProviderCallID == "":
		a.ProviderCallID, a.Unknown = providerCallID, false
		return true, true
	default:
		return a.ProviderCallID == providerCallID, false
	}
}

// boundElsewhere lists the provider call ids of the other attempts.
func (c *Call) boundElsewhere(a *Attempt) []string {
	var ids []string
	for i := range c.Attempts {
		if o := &c.Attempts[i]; o.Number != a.Number && o.ProviderCallID != "" {
			ids = append(ids, o.ProviderCallID)
		}
	}
	return ids
}

func (e Reported) apply(r Rules, c *Call) bool {
	a := c.Attempt(e.Attempt)
	if a == nil {
		return false
	}
	ok, changed := c.bind(a, e.Report.ProviderCallID)
	if !ok || (e.Report.Sequence >= 0 && e.Report.Sequence < a.LastSequence) {
		return changed
	}
	if e.Report.Sequence >= 0 {
		a.LastSequence, changed = e.Report.Sequence+1, true
	}
	if e.Report.Status.Terminal() {
		return e.terminal(r, a) || changed
	}
	if a.Live() && e.Report.Status.rank() > a.Status.rank() {
		a.Status, changed = e.Report.Status, true
	}
	if a.Live() && a.Status == InProgress && a.AnsweredAt == nil {
		a.AnsweredAt, changed = &e.At, true
	}
	return changed
}

// terminal applies the provider's last word. While our own session is alive it has
// the better word, and comes a moment later (or its lease ends).
func (e Reported) terminal(r Rules, a *Attempt) bool {
	changed := r.billPhone(a, e.Report.Minutes)
	if a.LineDownAt == nil {
		a.LineDownAt, changed = &e.At, true
	}
	if !a.Live() {
		return changed
	}
	if a.LeaseUntil != nil {
		if a.ProviderEnd == "" {
			a.ProviderEnd, changed = e.Report.Status, true
		}
		return changed
	}
	s := e.Report.Status
	reason := providerReason(s)
	if s == Completed { // completed, but no stream of ours was heard (contract section 2)
		s = Failed
	}
	a.end(s, reason, e.Report.Words, e.At)
	return true
}

func (e Answered) apply(_ Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil {
		return false
	}
	ok, changed := c.bind(a, e.ProviderCallID)
	if !ok || a.AnsweredAt != nil {
		return changed
	}
	a.AnsweredAt, a.Status = &e.At, InProgress
	return true
}

// liveAttempt returns attempt n if it is the latest and not over.
func (c *Call) liveAttempt(n int) *Attempt {
	a := c.Last()
	if a == nil || a.Number != n || !a.Live() {
		return nil
	}
	return a
}
