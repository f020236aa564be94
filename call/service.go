package call

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Service is the use cases: it loads a call, lets the transition function decide,
// stores the result under a condition, and then does what follows. It keeps no state
// of its own, so any number of processes may run one over the same store. Its fields
// are set before first use and not changed; all methods may be called concurrently.
type Service struct {
	Store     Store
	Telephony Telephony
	Calendar  Calendar
	// Notifier is nil when notify is not configured; Rules.Notify is false then.
	Notifier  Notifier
	Scheduler Scheduler
	Numbers   Numbers
	Media     Media
	// Archive is what is kept of calls outside the store; nil where nothing is.
	Archive Archive

	Rules    Rules
	Defaults Defaults
	// PublicURL is server.publicBaseUrl without a trailing slash.
	PublicURL string
	// StreamSecret signs stream tokens; StreamAccount is the provider account that a
	// stream's start must name, empty where the provider has none (mock).
	StreamSecret  []byte
	StreamAccount string
	// TalkCost prices a conversation of a length; nil where nobody knows prices.
	TalkCost func(time.Duration) TalkCost
	// Disclosure is the sentence said first, with {userName} for the owner's name.
	Disclosure string

	Now func() time.Time
	Log *slog.Logger
}

// Time limits of contract sections 1, 3 and 4.
const (
	placeLimit   = 12 * time.Second
	reserveLimit = 3 * time.Second
	dialLimit    = 8 * time.Second // with reserveLimit and the writes within placeLimit
	hangUpLimit  = 10 * time.Second
	lookUpLimit  = 10 * time.Second
	notifyLimit  = 25 * time.Second
	storeLimit   = 5 * time.Second
)

// newID makes an unguessable identifier in the contract's alphabet.
func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// apply lets an event happen to a call. It returns the call as stored and whether
// the event changed it. The write is not cut off by the caller's going away: what
// happened has happened.
func (s *Service) apply(ctx context.Context, id ID, e Event) (Call, bool, error) {
	return s.applyBy(ctx, Call{ID: id}, e, s.Store.Update)
}

// applyTo is apply for who has the call as it was a moment ago: the write's condition
// says whether that still holds, which saves a read.
func (s *Service) applyTo(ctx context.Context, known Call, e Event) (Call, bool, error) {
	return s.applyBy(ctx, known, e, s.Store.Update)
}

// applyBy is applyTo with another way to write; a call without a version is read first.
// Where the write is refused, it returns the call as read. That an event changes nothing
// is only believed of a call as it is now.
func (s *Service) applyBy(ctx context.Context, c Call, e Event, write func(context.Context, Call) error) (Call, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	for read := false; ; read = true {
		if read || c.Version == 0 {
			var err error
			if c, err = s.Store.Get(ctx, c.ID); err != nil {
				return Call{}, false, fmt.Errorf("read call: %w", err)
			}
			read = true
		}
		next, changed := s.Rules.Next(c, e)
		if !changed && read {
			return c, false, nil
		}
		if !changed {
			continue
		}
		err := write(ctx, next)
		if errors.Is(err, ErrStale) {
			if ctx.Err() != nil {
				return Call{}, false, fmt.Errorf("write call: %w", ctx.Err())
			}
			continue
		}
		if err != nil {
			return c, false, fmt.Errorf("write call: %w", err)
		}
		next.Version++
		s.changed(ctx, c, next, e)
		return next, true, nil
	}
}

// changed logs a change of state and asks to be woken when the call is due. Losing
// the nudge costs at most a minute: the sweep finds the call.
func (s *Service) changed(ctx context.Context, before, after Call, e Event) {
	if before.Status != after.Status || before.Outcome != after.Outcome {
		reason := EndReason("")
		if a := after.Last(); a != nil {
			reason = a.EndReason
		}
		s.Log.InfoContext(ctx, "call changed", "call_id", after.ID, "attempt", len(after.Attempts),
			"from", before.Status, "to", after.Status, "outcome", after.Outcome,
			"cause", fmt.Sprintf("%T", e)[len("call."):], "end_reason", reason)
	}
	if a := before.Last(); a != nil && a.Live() {
		if b := after.Attempt(a.Number); b == nil || !b.Live() {
			s.Media.Release(after.ID, a.Number)
		}
	}
	if after.Due == nil || (before.Due != nil && before.Due.Equal(*after.Due)) {
		return
	}
	if err := s.Scheduler.Wake(ctx, after.ID, after.dueAttempt(), *after.Due); err != nil {
		s.Log.WarnContext(ctx, "cannot schedule the next step; the sweep will find it", "call_id", after.ID, "error", err)
	}
}

// dueAttempt is the number of the attempt that is to be made when the call is due, or 0.
func (c *Call) dueAttempt() int {
	if c.NextAttemptAt == nil || c.Due == nil || !c.NextAttemptAt.Equal(*c.Due) {
		return 0
	}
	return len(c.Attempts) + 1
}

// Get returns the call, if owner placed it or may read all calls.
func (s *Service) Get(ctx context.Context, owner string, readAll bool, id ID) (Call, error) {
	c, err := Call{}, ErrNotFound
	if id.Valid() {
		c, err = s.Store.Get(ctx, id)
	}
	if errors.Is(err, ErrNotFound) || (err == nil && c.Owner != owner && !readAll) {
		return Call{}, noSuchCall()
	}
	if err != nil {
		return Call{}, s.unavailable(ctx, err)
	}
	return c, nil
}

func noSuchCall() *Error {
	return &Error{Code: NotFound, Message: "There is no such call. Use the callId that call_agent returned, with the same token."}
}

func (s *Service) unavailable(ctx context.Context, err error) error {
	s.Log.ErrorContext(ctx, "the call store does not answer", "error", err)
	return &Error{Code: Unavailable, Message: "The call store does not answer. Nothing was changed; try again shortly.", RetryAfter: 5 * time.Second}
}
