package call

import (
	"context"
	"errors"
	"fmt"
)

// VoiceRequest is a provider asking what to do with a call.
type VoiceRequest struct {
	// CallID is empty where somebody rang our number back.
	CallID  ID
	Attempt int
	Report  ProviderReport
	// AfterStream: the stream has ended and the line is still up.
	AfterStream bool
}

// Voice decides what an answered call is to do (contract section 2). It errs only
// where the store does not answer; the provider should be told to try again then.
func (s *Service) Voice(ctx context.Context, v VoiceRequest) (VoiceReply, error) {
	if v.CallID == "" {
		return VoiceReply{Kind: VoiceInbound}, nil
	}
	if v.Report.Foreign {
		s.Log.WarnContext(ctx, "voice webhook of another account refused", "call_id", v.CallID)
		return VoiceReply{Kind: VoiceHangUp}, nil
	}
	if v.AfterStream {
		return s.afterStream(ctx, v)
	}
	c, _, err := s.apply(ctx, v.CallID, Answered{Attempt: v.Attempt, ProviderCallID: v.Report.ProviderCallID, At: s.Now()})
	if errors.Is(err, ErrNotFound) {
		return VoiceReply{Kind: VoiceHangUp}, nil
	}
	if err != nil {
		return VoiceReply{}, err
	}
	a := c.liveAttempt(v.Attempt)
	if a == nil || a.ProviderCallID != v.Report.ProviderCallID {
		return VoiceReply{Kind: VoiceHangUp}, nil
	}
	stream, err := s.streamURL(ctx, c.ID, s.token(&c, a))
	if err != nil { // the provider will report the call's end, and nobody was greeted: it is tried again
		s.Log.ErrorContext(ctx, "answered, and no media host can hold the call; the callee hears an apology", "call_id", c.ID, "attempt", a.Number, "error", err)
		return VoiceReply{Kind: VoiceApology}, nil
	}
	return VoiceReply{
		Kind: VoiceConnect, CallID: c.ID, Attempt: a.Number,
		StreamURL: stream,
		AfterURL:  fmt.Sprintf("%s/voice?callId=%s&attempt=%d&after=stream", s.PublicURL, c.ID, a.Number),
	}, nil
}

// afterStream is decided by the record: where the farewell was played, or no word
// was to be said, the line is put down; otherwise the callee is owed an apology.
func (s *Service) afterStream(ctx context.Context, v VoiceRequest) (VoiceReply, error) {
	c, err := s.Store.Get(ctx, v.CallID)
	if errors.Is(err, ErrNotFound) {
		return VoiceReply{Kind: VoiceHangUp}, nil
	}
	if err != nil {
		return VoiceReply{}, fmt.Errorf("read call: %w", err)
	}
	a := c.Attempt(v.Attempt)
	if a == nil || a.ProviderCallID != v.Report.ProviderCallID || a.FarewellPlayed ||
		a.EndReason == EndMachine || a.EndReason == EndVoicemail {
		return VoiceReply{Kind: VoiceHangUp}, nil
	}
	return VoiceReply{Kind: VoiceApology}, nil
}

// ProviderStatus takes a status callback. Duplicates, late and reordered ones change
// nothing (contract section 2).
func (s *Service) ProviderStatus(ctx context.Context, id ID, attempt int, r ProviderReport) error {
	if r.Foreign {
		s.Log.WarnContext(ctx, "status callback of another account ignored", "call_id", id)
		return nil
	}
	c, changed, err := s.apply(ctx, id, Reported{Attempt: attempt, Report: r, At: s.Now()})
	if changed {
		s.putDownCanceled(ctx, &c)
	}
	return ignoreUnknownCall(err)
}

// MachineVerdict takes the verdict of the answering-machine detection. A machine,
// before the callee's first turn, is hung up on without a word.
func (s *Service) MachineVerdict(ctx context.Context, id ID, attempt int, r ProviderReport) error {
	if r.Foreign || !r.Machine {
		return nil
	}
	_, ended, err := s.apply(ctx, id, MachineHeard{Attempt: attempt, ProviderCallID: r.ProviderCallID, At: s.Now()})
	if err != nil || !ended {
		return ignoreUnknownCall(err)
	}
	return s.HangUp(ctx, id, attempt)
}

// ignoreUnknownCall: a callback for a call that is gone is answered like any other,
// or the provider would repeat it.
func ignoreUnknownCall(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// HangUp puts the attempt's line down and records that it is. An error means that
// the provider could not be reached; the sweep repeats it.
func (s *Service) HangUp(ctx context.Context, id ID, attempt int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpLimit)
	defer cancel()
	c, err := s.Store.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read call: %w", err)
	}
	a := c.Attempt(attempt)
	if a == nil || a.ProviderCallID == "" || a.LineDownAt != nil {
		return nil
	}
	if err := s.Telephony.EndCall(ctx, a.ProviderCallID); err != nil {
		return fmt.Errorf("put the line down: %w", err)
	}
	_, _, err = s.apply(ctx, id, LineDown{Attempt: attempt, At: s.Now()})
	return err
}
