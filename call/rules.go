package call

import (
	"math"
	"slices"
	"time"
)

// Rules are the parts of the configuration that the transition function obeys.
type Rules struct {
	// MaxAttempts is retry.maxAttempts: dials per call, the first included.
	MaxAttempts int
	// InitialDelay and BackoffFactor: attempt n+1 follows n after InitialDelay · BackoffFactor^(n-1).
	InitialDelay  time.Duration
	BackoffFactor float64
	// RetryStatuses are the attempt statuses after which another attempt is made.
	RetryStatuses []Status
	// RingTimeout bounds the ringing, MaxCall the whole call at the provider.
	RingTimeout, MaxCall time.Duration
	// StreamPatience is how long after the dial the media stream may still be opened.
	StreamPatience time.Duration
	// NoStreamIsFinal: an attempt whose stream nobody opened ends the call as
	// no_answer, since nobody holds the next attempt's link (provider mock).
	NoStreamIsFinal bool
	// Policy limits whom and when to dial.
	Policy Policy
	// Notify says whether there is anybody to tell.
	Notify bool
	// PhoneMinute is the provider's price of a minute begun, in US dollars; nil: not known.
	PhoneMinute *float64
}

// Fixed patiences. They are generous where waiting costs nothing and short where a
// call would hang.
const (
	// claimPatience is how long a claim may stand without the intent to dial.
	claimPatience = 30 * time.Second
	// callbackGrace is how long after the ring limit a callback may still be on its way.
	callbackGrace = time.Minute
	// LeaseLength is how long a media session may stay silent; it renews three times as often.
	LeaseLength = time.Minute
	// hangUpRetry and hangUpPatience bound the repeats of a hang-up that did not get through.
	hangUpRetry    = 10 * time.Second
	hangUpPatience = time.Hour
)

// maxDelay keeps an absurd backoff within what a duration can hold.
const maxDelay = 30 * 24 * time.Hour

// retryDelay is the wait between attempt n and n+1.
func (r Rules) retryDelay(n int) time.Duration {
	d := float64(r.InitialDelay) * math.Pow(r.BackoffFactor, float64(n-1))
	if math.IsNaN(d) || d > float64(maxDelay) {
		return maxDelay
	}
	return time.Duration(max(d, 0))
}

// nextAttempt says when the next dial is due, or why there is none. No attempt may
// be live.
func (r Rules) nextAttempt(c *Call, now time.Time) (at time.Time, why string, ok bool) {
	last := c.Last()
	switch {
	case c.Outcome != Pending, c.CancelRequestedAt != nil:
		return time.Time{}, "", false
	case last == nil:
		at = c.CreatedAt
	case len(c.Attempts) >= c.MaxAttempts, last.Permanent, !slices.Contains(r.RetryStatuses, last.Status):
		return time.Time{}, "", false
	default:
		at = last.EndedAt.Add(r.retryDelay(last.Number))
	}
	if why := r.Policy.destination(c.Request); why != "" {
		return time.Time{}, why, false
	}
	at = r.admissible(c, at, now)
	if !at.Before(c.Request.WindowEnd) || !now.Before(c.Request.WindowEnd) {
		return time.Time{}, "the window ends before another attempt could be made; ask again with a later windowEnd", false
	}
	return at, "", true
}

// admissible is the first time from at on that lies in the callee's calling hours and
// not before what the attempt waits for. A time that was missed counts from now.
func (r Rules) admissible(c *Call, at, now time.Time) time.Time {
	if c.NotBefore != nil && c.NotBefore.After(at) {
		at = *c.NotBefore
	}
	zone := location(c.Request.CalleeTimezone)
	at = r.Policy.Hours.Next(at, zone)
	if at.Before(now) && !r.Policy.Hours.Contain(now, zone) {
		at = r.Policy.Hours.Next(now, zone)
	}
	return at
}

// lookUpAt is when the provider should be asked about a live attempt, since no
// callback told; zero while our own session has the word.
func (r Rules) lookUpAt(a *Attempt) time.Time {
	switch {
	case !a.Live() || a.IntendedAt == nil || a.LeaseUntil != nil:
		return time.Time{}
	case a.AnsweredAt != nil && a.StreamExpiry != nil:
		return a.StreamExpiry.Add(callbackGrace)
	default:
		return a.IntendedAt.Add(r.RingTimeout + callbackGrace)
	}
}

// hardLimit is when a live attempt is over whatever anybody says.
func (r Rules) hardLimit(a *Attempt) time.Time {
	switch {
	case a.IntendedAt == nil:
		return a.StartedAt.Add(claimPatience)
	case a.LeaseUntil != nil:
		return *a.LeaseUntil
	case r.NoStreamIsFinal && a.StreamExpiry != nil:
		return *a.StreamExpiry
	default:
		return a.IntendedAt.Add(r.RingTimeout + r.MaxCall + 5*callbackGrace)
	}
}

// hangUpAt is when the line of an attempt that is over should be put down (again),
// or zero.
func hangUpAt(a *Attempt) time.Time {
	if a.Live() || a.ProviderCallID == "" || a.LineDownAt != nil || a.EndedAt == nil {
		return time.Time{}
	}
	return a.EndedAt.Add(hangUpRetry)
}

// due is when something must be done about the call although nobody reports
// anything: dial, look up, repeat a booking or a notice, settle what is lost. Nil:
// nothing is due.
func (r Rules) due(c *Call) *time.Time {
	var due *time.Time
	soonest := func(t time.Time) {
		if !t.IsZero() && (due == nil || t.Before(*due)) {
			due = &t
		}
	}
	if c.NextAttemptAt != nil {
		soonest(*c.NextAttemptAt)
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.Live() {
			soonest(r.lookUpAt(a))
			soonest(r.hardLimit(a))
			soonest(c.cancelLimit(a))
		}
		soonest(hangUpAt(a))
	}
	if b := c.Booking; b != nil && b.NextTryAt != nil {
		soonest(*b.NextTryAt)
	}
	if n := c.Notice; n != nil && n.State == NoticePending && n.NextTryAt != nil {
		soonest(*n.NextTryAt)
	}
	if due != nil && c.DeferredTo != nil && due.Before(*c.DeferredTo) {
		due = clonePtr(c.DeferredTo)
	}
	return due
}
