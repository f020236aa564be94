package call

import "time"

func (e StreamOpened) apply(_ Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.StreamID != "" || a.ProviderEnd != "" || c.CancelRequestedAt != nil {
		return false
	}
	if ok, _ := c.bind(a, e.ProviderCallID); !ok {
		return false
	}
	lease := e.At.Add(LeaseLength)
	a.StreamID, a.StreamOpenedAt, a.LeaseUntil = e.StreamID, &e.At, &lease
	a.Status = InProgress
	if a.AnsweredAt == nil {
		a.AnsweredAt = &e.At
	}
	return true
}

// streaming returns the live attempt whose stream this is, or nil.
func (c *Call) streaming(attempt int, streamID string) *Attempt {
	a := c.liveAttempt(attempt)
	if a == nil || streamID == "" || a.StreamID != streamID {
		return nil
	}
	return a
}

func (e StreamRenewed) apply(_ Rules, c *Call) bool {
	a := c.streaming(e.Attempt, e.StreamID)
	lease := e.At.Add(LeaseLength)
	// Once the provider says that the line is down, the session has one lease left to end.
	if a == nil || a.ProviderEnd != "" || !lease.After(*a.LeaseUntil) {
		return false
	}
	a.LeaseUntil = &lease
	return true
}

func (e GreetingHeard) apply(_ Rules, c *Call) bool {
	a := c.streaming(e.Attempt, e.StreamID)
	if a == nil || a.GreetingHeardAt != nil {
		return false
	}
	a.GreetingHeardAt = &e.At
	return true
}

func (e CalleeSpoke) apply(_ Rules, c *Call) bool {
	a := c.streaming(e.Attempt, e.StreamID)
	if a == nil || a.CalleeSpokeAt != nil {
		return false
	}
	a.CalleeSpokeAt = &e.At
	return true
}

func (e MachineHeard) apply(_ Rules, c *Call) bool {
	a := c.liveAttempt(e.Attempt)
	if a == nil || a.CalleeSpokeAt != nil || a.IntendedAt == nil {
		return false
	}
	if ok, _ := c.bind(a, e.ProviderCallID); !ok {
		return false
	}
	a.end(NoAnswer, EndMachine, "", e.At)
	return true
}

func (e BookingIntended) apply(_ Rules, c *Call) bool {
	if c.streaming(e.Attempt, e.StreamID) == nil || c.Booking != nil || c.Event != nil || c.Outcome != Pending {
		return false
	}
	b := e.Booking
	next := e.At.Add(bookingRetry)
	b.IntendedAt, b.NextTryAt, b.Tries = e.At, &next, 1
	c.Booking = &b
	return true
}

// bookingRetry is how long after a request without an answer the sweep repeats it:
// longer than the request's own time limit, so that the two never race.
const bookingRetry = 30 * time.Second

// openBooking returns the booking that awaits its answer under this key, or nil.
func (c *Call) openBooking(key string) *Booking {
	if c.Booking == nil || c.Booking.Key != key || c.Outcome != Pending {
		return nil
	}
	return c.Booking
}

func (e BookingAnswered) apply(_ Rules, c *Call) bool {
	b := c.openBooking(e.Key)
	if b == nil || e.EventID == "" {
		return false
	}
	b.EventID, b.NextTryAt = e.EventID, nil
	c.Event, c.Booking, c.Outcome = b, nil, Booked
	if b.Revoked {
		c.Outcome = Unconfirmed
	}
	return true
}

func (e BookingDenied) apply(_ Rules, c *Call) bool {
	if c.openBooking(e.Key) == nil {
		return false
	}
	c.Booking = nil
	return true
}

func (e BookingTried) apply(_ Rules, c *Call) bool {
	b := c.openBooking(e.Key)
	if b == nil || b.NextTryAt == nil || e.At.Before(*b.NextTryAt) || !e.Next.After(e.At) {
		return false
	}
	b.Tries++
	next := e.Next
	b.NextTryAt = &next
	return true
}

func (e AgreementRevoked) apply(_ Rules, c *Call) bool {
	b := c.Booking
	switch {
	case c.streaming(e.Attempt, e.StreamID) == nil:
		return false
	case c.Outcome == Booked:
		c.Outcome = Unconfirmed
		return true
	case b != nil && c.Outcome == Pending && !b.Revoked && e.Said != EndUnclear:
		b.Revoked = true
		return true
	}
	return false
}

func (e SessionEnded) apply(r Rules, c *Call) bool {
	a := c.streaming(e.Attempt, e.StreamID)
	if a == nil { // ended by somebody else's word; what the session used is news all the same
		return c.ofStream(e.Attempt, e.StreamID).measure(e.Measures)
	}
	a.measure(e.Measures)
	if r.PhoneMinute != nil && *r.PhoneMinute == 0 && a.PhoneUSD == nil { // whatever the minutes are
		a.PhoneUSD = new(float64)
	}
	a.FarewellPlayed = e.FarewellPlayed
	a.end(e.Reason.sessionStatus(a.GreetingHeardAt != nil), e.Reason, e.Words, e.At)
	if a.GreetingHeardAt == nil && a.Status == Failed && a.EndReason == EndCalleeHangup {
		a.EndReason = EndGreetingUnheard
	}
	if e.Report != nil {
		c.Report = e.Report
	}
	return true
}

func (e LineDown) apply(_ Rules, c *Call) bool {
	a := c.Attempt(e.Attempt)
	if a == nil || a.LineDownAt != nil {
		return false
	}
	a.LineDownAt = &e.At
	return true
}

// openNotice returns the notice while it is to be sent, or nil.
func (c *Call) openNotice() *Notice {
	if c.Notice == nil || c.Notice.State != NoticePending {
		return nil
	}
	return c.Notice
}

func (e NoticeSending) apply(_ Rules, c *Call) bool {
	n := c.openNotice()
	if n == nil || len(e.Body) == 0 || e.At.Before(*n.NextTryAt) || !e.Until.After(e.At) {
		return false
	}
	if len(n.Body) == 0 {
		n.Body = e.Body
	}
	until := e.Until
	n.NextTryAt = &until
	return true
}

func (e AnswerGiven) apply(_ Rules, c *Call) bool {
	if c.Answer != nil {
		return false
	}
	c.Answer = &e.Answer
	return true
}

func (e NoticeTried) apply(_ Rules, c *Call) bool {
	n := c.openNotice()
	if n == nil {
		return false
	}
	n.Tries++
	switch {
	case e.Err == nil:
		n.State, n.LastError, n.NextTryAt, n.FinishedAt = NoticeDelivered, "", nil, &e.At
		return true
	case e.Err.WithoutRouting && !n.Plain:
		n.Plain, n.Body, n.Key = true, nil, n.Key+":plain"
		n.LastError, n.NextTryAt = e.Err.Error(), &e.At
		return true
	}
	n.LastError = e.Err.Error()
	if !e.Err.Retry || e.At.Sub(n.CreatedAt) >= noticePatience {
		n.State, n.NextTryAt, n.FinishedAt = NoticeGivenUp, nil, &e.At
		return true
	}
	next := e.Next
	n.NextTryAt = &next
	return true
}

func (e Ticked) apply(r Rules, c *Call) bool {
	changed := e.attempt(r, c)
	if b := c.Booking; b != nil && c.Outcome == Pending && e.At.Sub(b.IntendedAt) >= bookingPatience {
		c.Outcome, b.NextTryAt, changed = Unconfirmed, nil, true
	}
	if c.NextAttemptAt != nil && !c.Final() {
		// settle finds that the window has ended, or that policy or calling hours have changed.
		at, _, ok := r.nextAttempt(c, e.At)
		changed = changed || !ok || !at.Equal(*c.NextAttemptAt)
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if t := hangUpAt(a); !t.IsZero() && e.At.Sub(t) > hangUpPatience {
			a.LineDownAt, changed = &e.At, true // the provider's own time limit has ended it
		}
	}
	return changed
}

// attempt ends the live attempt if it is past its hard limit.
func (e Ticked) attempt(r Rules, c *Call) bool {
	a := c.Last()
	if a == nil || !a.Live() {
		return false
	}
	if t := c.cancelLimit(a); !t.IsZero() && !e.At.Before(t) {
		a.end(Canceled, EndCanceled, "the farewell took too long; the line was put down", e.At)
		return true
	}
	if e.At.Before(r.hardLimit(a)) {
		return false
	}
	switch {
	case a.IntendedAt == nil: // nothing was sent: the attempt may be claimed anew
		c.Attempts = c.Attempts[:len(c.Attempts)-1]
	case a.LeaseUntil != nil:
		a.end(Failed, EndHostLost, "the media host was lost during the call", e.At)
	case r.NoStreamIsFinal:
		a.Permanent = true
		a.end(NoAnswer, EndStreamUnopened, "nobody opened the call's stream", e.At)
	case a.AnsweredAt != nil:
		a.end(Failed, EndStreamUnopened, "the provider never opened the media stream", e.At)
	case a.ProviderCallID == "":
		a.end(Failed, EndDialUnknown, "the provider never said whether it placed the call", e.At)
	default:
		a.end(Failed, EndProviderLost, "the provider never said how the call ended", e.At)
	}
	return true
}
