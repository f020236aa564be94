package stream

import (
	"errors"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// Meter counts what becomes of streams. It outlives configurations, so that nothing
// falls to zero at a reload, and is called concurrently; it must not block.
type Meter interface {
	// Timings are told while a call is on.
	media.Timings
	// Held is told of every media session that ran, when it is over.
	Held(Held)
	// Refused is told of every stream that was not let in.
	Refused(Refusal)
	// Unsigned is told of every upgrade without a valid signature of the provider's,
	// let in or not (twilio.validateStreamSignature).
	Unsigned()
}

// Held is a media session that is over, without a word of who talked to whom.
type Held struct {
	Reason call.EndReason
	// Duration is from the stream's start to its end; 0 if it never started.
	Duration time.Duration
	// FirstAudio is from the stream's start to the agent's first audio; negative if it never spoke.
	FirstAudio time.Duration
	// FirstAudioModel is the model's own share of it; negative too.
	FirstAudioModel time.Duration
	// TurnLatencies are from the callee's last sound to the answer's first, one for each turn, at most 256.
	TurnLatencies           []time.Duration
	BargeIns, FramesDropped int
	// Reconnects are connections of the model that were lost and replaced.
	Reconnects int
	Cost       call.Cost
}

// Refusal is why a stream was not let in.
type Refusal string

// The closed list of refusals.
const (
	RefusedToken    Refusal = "bad_token"
	RefusedExpired  Refusal = "expired"
	RefusedTaken    Refusal = "taken"
	RefusedUnsigned Refusal = "unsigned"
	RefusedFull     Refusal = "full"
	RefusedUnnamed  Refusal = "not_named"
	// RefusedOther: the store did not answer, or the stream broke off.
	RefusedOther Refusal = "other"
)

// Refusals lists the closed list.
func Refusals() []Refusal {
	return []Refusal{RefusedToken, RefusedExpired, RefusedTaken, RefusedUnsigned, RefusedFull, RefusedUnnamed, RefusedOther}
}

// refusalOf is the refusal that a token's check came to.
func refusalOf(err error) Refusal {
	switch {
	case errors.Is(err, call.ErrBadToken):
		return RefusedToken
	case errors.Is(err, call.ErrTokenExpired):
		return RefusedExpired
	case errors.Is(err, call.ErrStreamTaken):
		return RefusedTaken
	case errors.Is(err, errNotNamed):
		return RefusedUnnamed
	default:
		return RefusedOther
	}
}

// heldOf keeps of an outcome what may be counted. Reason is the attempt's as recorded.
func heldOf(out media.Outcome, reason call.EndReason, cost call.Cost) Held {
	h := Held{
		Reason: reason, Duration: lasted(out), FirstAudio: time.Duration(out.Quality.FirstAudioMS) * time.Millisecond,
		FirstAudioModel: time.Duration(out.Quality.FirstAudioModelMS) * time.Millisecond, Reconnects: out.Quality.Reconnects,
		BargeIns: out.Quality.BargeIns, FramesDropped: out.Quality.DroppedIn + out.Quality.DroppedOut, Cost: cost,
	}
	for _, ms := range out.Quality.TurnLatenciesMS {
		h.TurnLatencies = append(h.TurnLatencies, time.Duration(ms)*time.Millisecond)
	}
	return h
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Held(Held) {}

// Overhead counts nothing.
func (unmetered) Overhead(media.Direction, time.Duration) {}

// BargeIn counts nothing.
func (unmetered) BargeIn(time.Duration) {}

func (unmetered) Refused(Refusal) {}
func (unmetered) Unsigned()       {}
