package call

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Repeat returns the first answer of a request that the key placed before; found is
// false where it placed none. A repeat is answered so whatever has become of the
// request since: its window may be over. Errors are *Error.
func (s *Service) Repeat(ctx context.Context, key *IdempotencyKey) (answer Answer, found bool, err error) {
	if key == nil {
		return Answer{}, false, nil
	}
	c, err := s.Store.Repeat(ctx, *key, s.Now())
	var refused *Error
	switch {
	case errors.Is(err, ErrNotFound):
		return Answer{}, false, nil
	case errors.As(err, &refused):
		return Answer{}, false, refused
	case err != nil:
		return Answer{}, false, s.unavailable(ctx, err)
	}
	return c.firstAnswer(), true, nil
}

// Place stores a new call and makes its first attempt, and answers once the provider
// has accepted or refused it, 12 s at most (contract section 1). A repeat with the
// same idempotency key gets the first answer. Errors are *Error.
func (s *Service) Place(ctx context.Context, owner string, r Request, key *IdempotencyKey) (Answer, error) {
	now := s.Now()
	c, err := s.newCall(owner, r, now)
	if err != nil {
		return Answer{}, err
	}
	stored, err := s.Store.Create(ctx, c, key, s.Rules.Policy.quota(now))
	var refused *Error
	var full *QuotaError
	switch {
	case errors.As(err, &refused):
		return Answer{}, refused
	case errors.As(err, &full):
		return Answer{}, &Error{
			Code: RateLimited, RetryAfter: s.Rules.Policy.tomorrow(now).Sub(now),
			Message: "As many calls as a day allows were placed today (policy.max_calls_per_day). Nothing was dialled; try again tomorrow, or ask the service's owner to raise the limit.",
		}
	case err != nil:
		return Answer{}, s.unavailable(ctx, err)
	case stored.ID != c.ID:
		return stored.firstAnswer(), nil
	}
	s.Log.InfoContext(ctx, "call placed", "call_id", c.ID, "owner", owner, "to", MaskNumber(r.To))
	return s.firstDial(ctx, stored)
}

// newCall makes the record, or says why the request is not taken.
func (s *Service) newCall(owner string, r Request, now time.Time) (Call, error) {
	if err := s.Rules.Policy.refuse(r); err != nil {
		return Call{}, err
	}
	c := Call{
		Schema: SchemaVersion, ID: ID(newID()), Owner: owner, Request: r,
		Status: Queued, Outcome: Pending, MaxAttempts: s.Rules.MaxAttempts, CreatedAt: now, UpdatedAt: now,
	}
	at, why, ok := s.Rules.nextAttempt(&c, now)
	if !ok {
		why = fmt.Sprintf("must leave time to call: %s (calling hours %s in %s)", why, s.Rules.Policy.Hours, r.CalleeTimezone)
		return Call{}, &Error{Code: InvalidRequest, Message: "The window ends before the callee may be called.", Fields: map[string]string{"windowEnd": why}}
	}
	c.NextAttemptAt, c.Due = &at, &at
	c.Waiting = s.Rules.waits(&c, now)
	return c, nil
}

// firstAnswer is the stored answer, or, while the first request is still on its way
// (or was cut off), the state of things.
func (c *Call) firstAnswer() Answer {
	if c.Answer != nil {
		return *c.Answer
	}
	return c.answer(Started{})
}

// answer is what call_agent answers in the state that the call is in. Once the provider has
// accepted the dial that is dialing (contract section 1), even where its first callback
// was faster than its answer.
func (c *Call) answer(s Started) Answer {
	a := Answer{OK: true, CallID: c.ID, Status: c.Status, LastError: c.trouble(), Hint: s.Hint, StreamURL: s.StreamURL}
	if s.ProviderCallID != "" && (a.Status == Ringing || a.Status == InProgress) {
		a.Status = Dialing
	}
	return a
}

// trouble is what the owner should know: what the call waits for, or what went wrong last.
func (c *Call) trouble() string {
	if c.Waiting != "" {
		return c.Waiting
	}
	return c.LastError
}

const sayCutOff = "The call store stopped answering while the call was being dialled. The call goes on by itself; do not place it again, ask call_agent_status for it."

func (s *Service) firstDial(ctx context.Context, c Call) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), placeLimit)
	defer cancel()
	id := c.ID
	c, started, err := s.dial(ctx, c, true)
	if err != nil { // the call is stored and due: the sweep goes on with it, and the caller is told its id
		s.Log.ErrorContext(ctx, "first dial was cut off; the sweep will go on", "call_id", id, "error", err)
		return Answer{OK: true, CallID: id, Status: Queued, LastError: sayCutOff}, nil
	}
	if c.Answer != nil {
		return *c.Answer, nil
	}
	a := c.answer(started)
	if _, _, err := s.applyTo(ctx, c, AnswerGiven{Answer: a, At: s.Now()}); err != nil {
		s.Log.WarnContext(ctx, "cannot keep the first answer; a repeat will get the state of the call", "call_id", c.ID, "error", err)
	}
	return a, nil
}

// dial makes the attempt that is due: a place for its stream, claim, durable intent,
// one create request, bind. The claim comes first, so that of two workers only one
// dials; the intent is written before the request, so that a worker that died cannot be
// followed by another that dials again (architecture, "A call, end to end", 1). Awaited
// says that somebody waits for the answer to the request.
func (s *Service) dial(ctx context.Context, c Call, awaited bool) (Call, Started, error) {
	c, admitted, err := s.admit(ctx, c)
	if err != nil || !admitted {
		return c, Started{}, err
	}
	c, claim, err := s.claim(ctx, c)
	if err != nil || claim == "" {
		return c, Started{}, err
	}
	n := c.Last().Number
	c, intended, err := s.applyTo(ctx, c, Intended{Attempt: n, ClaimID: claim, At: s.Now()})
	if err != nil || !intended {
		return c, Started{}, err
	}
	dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialLimit)
	defer cancel()
	started, err := s.Telephony.StartCall(dctx, s.dialOf(dctx, &c, c.Last()))
	c, _, werr := s.applyTo(ctx, c, s.dialled(n, started, err, awaited))
	s.putDownCanceled(ctx, &c) // somebody asked while the provider was being asked
	return c, started, werr
}

// dialled is the event that the create request's answer amounts to. Where somebody awaits
// it, it is kept for the same request sent again.
func (s *Service) dialled(attempt int, started Started, err error, awaited bool) Event {
	if err == nil {
		b := Bound{Attempt: attempt, ProviderCallID: started.ProviderCallID, At: s.Now()}
		if awaited {
			b.Reply = &started
		}
		return b
	}
	var d *DialError
	if !errors.As(err, &d) {
		d = &DialError{Kind: DialUnknown, Words: "the provider's answer was lost", Err: err}
	}
	switch d.Kind {
	case DialRefusedForGood, DialRefusedForNow, DialNotSent:
		return Refused{
			Attempt: attempt, Permanent: d.Kind == DialRefusedForGood, NotSent: d.Kind == DialNotSent,
			RetryAfter: d.RetryAfter, Words: d.Error(), At: s.Now(),
		}
	case DialUnknown:
		return DialLost{Attempt: attempt, Words: d.Error(), At: s.Now()}
	}
	return DialLost{Attempt: attempt, Words: d.Error(), At: s.Now()}
}

func (s *Service) dialOf(ctx context.Context, c *Call, a *Attempt) Dial {
	q := fmt.Sprintf("?callId=%s&attempt=%d", c.ID, a.Number)
	token := s.token(c, a)
	stream, err := s.streamURL(ctx, c.ID, token)
	if err != nil { // a phone that needs it can be given none; any other asks once it was picked up
		s.Log.WarnContext(ctx, "no media host to name at the dial", "call_id", c.ID, "attempt", a.Number, "error", err)
	}
	return Dial{
		CallID: c.ID, Attempt: a.Number, To: c.Request.To,
		VoiceURL:  s.PublicURL + "/voice" + q,
		StatusURL: s.PublicURL + "/status" + q, MachineURL: s.PublicURL + "/amd" + q,
		RingTimeout: s.Rules.RingTimeout, MaxLength: s.Rules.MaxCall,
		StreamToken: token, StreamURL: stream,
	}
}

// token computes the attempt's stream token from the stored attempt alone.
func (s *Service) token(c *Call, a *Attempt) string {
	expires := time.Time{}
	if a.StreamExpiry != nil {
		expires = *a.StreamExpiry
	}
	return StreamToken{CallID: c.ID, Attempt: a.Number, Expires: expires}.Sign(s.StreamSecret)
}

// streamURL is where a token is shown: at the media host that is to hold the call.
func (s *Service) streamURL(ctx context.Context, id ID, token string) (string, error) {
	host, err := s.Media.Host(ctx, id)
	if err != nil {
		return "", err
	}
	return host + "/voice/stream/" + token, nil
}
