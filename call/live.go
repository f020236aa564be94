package call

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Live is the record's side of one media session: what happens on the line is
// written through it. Its methods may be called concurrently.
type Live struct {
	s        *Service
	call     Call
	attempt  int
	streamID string
}

// ErrStreamTaken means that the attempt's stream was opened before, is over, or is not this call's.
var ErrStreamTaken = errors.New("this stream is not to be opened: its attempt is over, was opened before, or belongs to another call")

// CheckStream says whether a token may open a stream now; it is asked before the
// upgrade and uses nothing up.
func (s *Service) CheckStream(ctx context.Context, token string) (StreamToken, error) {
	t, err := ParseStreamToken(token, s.StreamSecret, s.Now())
	if err != nil {
		return StreamToken{}, err
	}
	c, err := s.Store.Get(ctx, t.CallID)
	if errors.Is(err, ErrNotFound) {
		return StreamToken{}, ErrBadToken
	}
	if err != nil {
		return StreamToken{}, fmt.Errorf("read call: %w", err)
	}
	a := c.liveAttempt(t.Attempt)
	if a == nil || a.StreamID != "" || s.token(&c, a) != token {
		return StreamToken{}, ErrStreamTaken
	}
	return t, nil
}

// OpenStream uses the token up: of two streams with the same token, one gets it.
// Account and provider call id are those of the stream's start, and must be the
// attempt's own (contract section 2); with mock, any will do.
func (s *Service) OpenStream(ctx context.Context, t StreamToken, account, providerCallID string) (*Live, error) {
	if s.StreamAccount != "" && account != s.StreamAccount {
		return nil, ErrStreamTaken
	}
	if s.StreamAccount == "" {
		c, err := s.Store.Get(ctx, t.CallID)
		if err != nil {
			return nil, fmt.Errorf("read call: %w", err)
		}
		if a := c.liveAttempt(t.Attempt); a != nil {
			providerCallID = a.ProviderCallID
		}
	}
	id := newID()
	c, opened, err := s.apply(ctx, t.CallID, StreamOpened{Attempt: t.Attempt, ProviderCallID: providerCallID, StreamID: id, At: s.Now()})
	if err != nil {
		return nil, err
	}
	if !opened {
		return nil, ErrStreamTaken
	}
	return &Live{s: s, call: c, attempt: t.Attempt, streamID: id}, nil
}

// Call returns the call as it was when the stream was opened.
func (l *Live) Call() Call { return l.call }

// Attempt is the attempt's number.
func (l *Live) Attempt() int { return l.attempt }

// Renew says that the session is alive; call it three times per LeaseLength. Over is
// true when the record has moved on without this session, which must then end.
func (l *Live) Renew(ctx context.Context) (over bool, err error) {
	c, renewed, err := l.s.apply(ctx, l.call.ID, StreamRenewed{Attempt: l.attempt, StreamID: l.streamID, At: l.s.Now()})
	if err != nil || renewed {
		return false, err
	}
	return c.streaming(l.attempt, l.streamID) == nil, nil
}

// GreetingHeard records that the greeting reached the callee.
func (l *Live) GreetingHeard(ctx context.Context) error {
	_, _, err := l.s.apply(ctx, l.call.ID, GreetingHeard{Attempt: l.attempt, StreamID: l.streamID, At: l.s.Now()})
	return err
}

// CalleeSpoke records that the callee's first turn has ended.
func (l *Live) CalleeSpoke(ctx context.Context) error {
	_, _, err := l.s.apply(ctx, l.call.ID, CalleeSpoke{Attempt: l.attempt, StreamID: l.streamID, At: l.s.Now()})
	return err
}

// SessionEnd is how a media session ended.
type SessionEnd struct {
	Reason EndReason
	// ModelReason is what the model gave end_call; empty if it did not call it.
	ModelReason EndReason
	// FarewellPlayed: the callee heard a farewell (or our stored apology) to its end.
	FarewellPlayed bool
	Report         Report
	Words          string
	Measures       *Measures
}

// End records the session's end and puts the line down. The record comes first, so
// that a provider which asks what to do next is answered rightly. The store's failure
// is retried for as long as the lease holds; then the sweep settles the attempt.
func (l *Live) End(ctx context.Context, e SessionEnd) error {
	ctx = context.WithoutCancel(ctx)
	if e.ModelReason != "" && e.ModelReason != EndBooked {
		revoked := AgreementRevoked{Attempt: l.attempt, StreamID: l.streamID, Said: e.ModelReason, At: l.s.Now()}
		if err := l.write(ctx, revoked); err != nil {
			l.s.Log.ErrorContext(ctx, "cannot record that the agreement was taken back", "call_id", l.call.ID, "error", err)
		}
	}
	report := e.Report.plain()
	ended := SessionEnded{Attempt: l.attempt, StreamID: l.streamID, Reason: e.Reason, FarewellPlayed: e.FarewellPlayed, Report: report, Words: e.Words, Measures: e.Measures, At: l.s.Now()}
	if err := l.write(ctx, ended); err != nil {
		return fmt.Errorf("record the session's end: %w", err)
	}
	if err := l.s.HangUp(ctx, l.call.ID, l.attempt); err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// Measure records what the session came to in numbers, where that changed after its end
// was recorded. It waits for nothing: numbers are not worth a line.
func (l *Live) Measure(ctx context.Context, m Measures) error {
	if _, _, err := l.s.apply(ctx, l.call.ID, Measured{Attempt: l.attempt, StreamID: l.streamID, Measures: &m, At: l.s.Now()}); err != nil {
		return fmt.Errorf("record the session's measures: %w", err)
	}
	return nil
}

// silentPatience is how long the callee may hold a line on which nobody speaks any more,
// because the end of the call cannot be recorded.
const silentPatience = 5 * time.Second

// write records what must not be lost; a store that takes longer than the callee may be
// kept waiting does not keep the line up.
func (l *Live) write(ctx context.Context, e Event) error {
	err := l.insist(ctx, e, silentPatience)
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	l.putDown(ctx)
	return l.insist(ctx, e, LeaseLength)
}

// putDown ends the line although the record does not say so yet: a line that is down asks
// nothing that the record would have to answer.
func (l *Live) putDown(ctx context.Context) {
	a := l.call.Attempt(l.attempt)
	if a == nil || a.ProviderCallID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hangUpLimit)
	defer cancel()
	if err := l.s.Telephony.EndCall(ctx, a.ProviderCallID); err != nil {
		l.s.Log.WarnContext(ctx, "cannot put the line down", "call_id", l.call.ID, "attempt", l.attempt, "error", err)
	}
}

// insist applies an event that must not be lost to a failure of the store that lasts no
// longer than that.
func (l *Live) insist(ctx context.Context, e Event, patience time.Duration) error {
	const first, longest = 250 * time.Millisecond, 4 * time.Second
	wait, waited := first, time.Duration(0)
	for {
		_, _, err := l.s.apply(ctx, l.call.ID, e)
		if err == nil || errors.Is(err, ErrNotFound) || waited >= patience {
			return err
		}
		time.Sleep(wait)
		waited, wait = waited+wait, min(2*wait, longest)
	}
}

// Limits of contract section 1, `report`.
const (
	maxReportText = 500
	maxReportList = 10
)

// plain makes each text one line without URL, at most 500 characters; nil if nothing is left.
func (r Report) plain() *Report {
	p := Report{Summary: PlainText(r.Summary, maxReportText), Reason: PlainText(r.Reason, maxReportText)}
	for _, s := range r.NextSteps[:min(len(r.NextSteps), maxReportList)] {
		if s = PlainText(s, maxReportText); s != "" {
			p.NextSteps = append(p.NextSteps, s)
		}
	}
	for _, q := range r.Evidence[:min(len(r.Evidence), maxReportList)] {
		if q.Quote = PlainText(q.Quote, maxReportText); q.Quote != "" {
			p.Evidence = append(p.Evidence, q)
		}
	}
	if p.Summary == "" && p.Reason == "" && len(p.NextSteps)+len(p.Evidence) == 0 {
		return nil
	}
	return &p
}
