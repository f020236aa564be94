// Package call is the domain: what a call is, what may happen to it, and what
// follows. It owns the call record, the transition function over it ([Rules.Next]),
// the retry policy, the guards between model and calendar, and the use cases
// ([Service]) with the ports they need. It never does I/O of its own, never reads
// a clock but the one it is given, and imports the standard library only.
package call

import (
	"log/slog"
	"strings"
	"time"
)

// ID names a call: letters, digits, '_' and '-' only (contract section 1).
type ID string

// Valid says whether this is an identifier as we make them. It is no regular expression: one
// that counts to 64 would be the dearest part of a function's start.
func (id ID) Valid() bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	return len(id) >= 1 && len(id) <= 64 && strings.Trim(string(id), letters) == ""
}

// Status is the state of a call or of one attempt, in the contract's words.
type Status string

// The statuses of contract section 1. The last five are terminal for an attempt.
const (
	Queued     Status = "queued"
	Dialing    Status = "dialing"
	Ringing    Status = "ringing"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Busy       Status = "busy"
	NoAnswer   Status = "no_answer"
	Failed     Status = "failed"
	Canceled   Status = "canceled"
)

// Statuses lists every status in the order in which an attempt can go through them.
func Statuses() []Status {
	return []Status{Queued, Dialing, Ringing, InProgress, Completed, Busy, NoAnswer, Failed, Canceled}
}

// Terminal says whether an attempt in this status is over.
func (s Status) Terminal() bool {
	switch s {
	case Completed, Busy, NoAnswer, Failed, Canceled:
		return true
	case Queued, Dialing, Ringing, InProgress:
		return false
	}
	return false
}

// rank orders the live statuses, so that a late callback never moves one back.
func (s Status) rank() int {
	switch s {
	case Queued:
		return 0
	case Dialing:
		return 1
	case Ringing:
		return 2
	case InProgress:
		return 3
	case Completed, Busy, NoAnswer, Failed, Canceled:
		return 4
	}
	return -1
}

// Outcome is what the call achieved. It is never read from a status and never
// from the model's claim (contract section 1).
type Outcome string

// The outcomes of contract section 1.
const (
	Pending     Outcome = "pending"
	Booked      Outcome = "booked"
	NotBooked   Outcome = "not_booked"
	Unconfirmed Outcome = "unconfirmed"
)

// Call is the record of one errand: the truth that every plane reads and writes.
// The zero value is not a call; [Service.Place] makes them. It is a value: copy
// with Clone before changing what another goroutine may hold.
type Call struct {
	// Schema is the number of the record's layout; a higher one than SchemaVersion is refused by stores.
	Schema int `json:"schema"`
	// Version counts the writes of this record; the store compares it on every write.
	Version int64 `json:"version"`

	ID ID `json:"callId"`
	// Owner is the name of the tool token that placed the call; other tokens do not see it.
	Owner   string  `json:"owner"`
	Request Request `json:"request"`

	Status        Status     `json:"status"`
	Outcome       Outcome    `json:"outcome"`
	Attempts      []Attempt  `json:"attempts,omitempty"`
	MaxAttempts   int        `json:"maxAttempts"`
	NextAttemptAt *time.Time `json:"nextAttemptAt,omitempty"`
	// NotBefore is when the next attempt may be tried that had to wait, Waiting says for what.
	NotBefore *time.Time `json:"notBefore,omitempty"`
	Waiting   string     `json:"waiting,omitempty"`

	// Booking is the intent to create an event, recorded before the request (contract section 3).
	Booking *Booking `json:"booking,omitempty"`
	Event   *Booking `json:"event,omitempty"`
	Report  *Report  `json:"report,omitempty"`
	Notice  *Notice  `json:"notice,omitempty"`

	// Answer is what call_agent answered first; a repeat of the request gets the same.
	Answer *Answer `json:"answer,omitempty"`
	// Due is when something must be done although nobody reports anything; nil: nothing.
	// It is derived by the transition function and is the key of the store's due index.
	Due *time.Time `json:"due,omitempty"`
	// DeferredTo puts off what is due after a step that failed.
	DeferredTo *time.Time `json:"deferredTo,omitempty"`

	// CancelRequestedAt is when somebody asked for the call to be stopped: no further attempt is
	// made, and who holds a live one sees it here. CancelReason is in the asker's words.
	CancelRequestedAt *time.Time `json:"cancelRequestedAt,omitempty"`
	CancelReason      string     `json:"cancelReason,omitempty"`
	// Steps are what a listener is told of the call between its beginning and its end; they are
	// only ever added to, so that a step's place is its number.
	Steps []Step `json:"steps,omitempty"`

	LastError   string     `json:"lastError,omitempty"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	CompletedAt *time.Time `json:"completedAt,omitempty"`
}

// SchemaVersion is the layout this code writes.
const SchemaVersion = 1

// Attempt is one dial of the callee.
type Attempt struct {
	Number    int       `json:"number"`
	Status    Status    `json:"status"`
	EndReason EndReason `json:"endReason,omitempty"`
	Error     string    `json:"error,omitempty"`

	// ClaimID names the worker's claim; only its holder may record the intent to dial.
	ClaimID   string    `json:"claimId,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	// IntendedAt is when the create request was about to be sent; from then on this attempt is never dialled again.
	IntendedAt *time.Time `json:"intendedAt,omitempty"`
	// Unknown means the create request was sent and its answer is not known.
	Unknown        bool   `json:"unknown,omitempty"`
	ProviderCallID string `json:"providerCallId,omitempty"`
	// LastSequence is the highest SequenceNumber of a status callback seen, plus one; 0 when none was.
	LastSequence int `json:"lastSequence,omitempty"`
	// ProviderEnd is the provider's terminal status, kept while our own session still has the word.
	ProviderEnd Status `json:"providerEnd,omitempty"`
	// Permanent means that this failure would repeat itself: no further attempt.
	Permanent bool `json:"permanent,omitempty"`

	AnsweredAt *time.Time `json:"answeredAt,omitempty"`
	// StreamExpiry is when the attempt's stream token stops being valid; it is part of the token.
	StreamExpiry   *time.Time `json:"streamExpiry,omitempty"`
	StreamID       string     `json:"streamId,omitempty"`
	StreamOpenedAt *time.Time `json:"streamOpenedAt,omitempty"`
	// LeaseUntil is how long the media session may stay silent before it counts as lost with its host.
	LeaseUntil *time.Time `json:"leaseUntil,omitempty"`
	// GreetingHeardAt is when the first mark of the greeting came back from the phone.
	GreetingHeardAt *time.Time `json:"greetingHeardAt,omitempty"`
	// CalleeSpokeAt is when the callee's first turn ended; a machine verdict after it is ignored.
	CalleeSpokeAt *time.Time `json:"calleeSpokeAt,omitempty"`
	// ProposedAt is when the first free slot was handed to the model to offer.
	ProposedAt *time.Time `json:"proposedAt,omitempty"`
	// FarewellPlayed says that the farewell's mark came back: the line may be put down without an apology.
	FarewellPlayed bool       `json:"farewellPlayed,omitempty"`
	EndedAt        *time.Time `json:"endedAt,omitempty"`
	// LineDownAt is when the provider was known to have put the line down.
	LineDownAt *time.Time `json:"lineDownAt,omitempty"`

	// Measures are what the attempt's media session came to; nil until it says so.
	Measures *Measures `json:"measures,omitempty"`
	// PhoneMinutes are those that the provider bills, PhoneUSD their price where it is known.
	PhoneMinutes int      `json:"phoneMinutes,omitempty"`
	PhoneUSD     *float64 `json:"phoneUsd,omitempty"`
}

// Live says that the attempt is claimed and not over.
func (a Attempt) Live() bool { return !a.Status.Terminal() }

// Report is what model and callee said about the call: untrusted words.
type Report struct {
	Summary   string   `json:"summary"`
	Reason    string   `json:"reason,omitempty"`
	NextSteps []string `json:"nextSteps,omitempty"`
	Evidence  []Quote  `json:"evidence,omitempty"`
}

// Answer is the answer of call_agent. Hint and StreamURL come with the mock provider only.
type Answer struct {
	OK        bool   `json:"ok"`
	CallID    ID     `json:"callId"`
	Status    Status `json:"status"`
	LastError string `json:"lastError,omitempty"`
	Hint      string `json:"hint,omitempty"`
	StreamURL string `json:"streamUrl,omitempty"`
}

// Quote is a turn of the callee, as transcribed, with its time on the stream's clock.
type Quote struct {
	Quote string `json:"quote"`
	AtMS  int64  `json:"atMs"`
}

// Last returns the latest attempt, or nil before the first. The pointer is into c.
func (c *Call) Last() *Attempt {
	if len(c.Attempts) == 0 {
		return nil
	}
	return &c.Attempts[len(c.Attempts)-1]
}

// Attempt returns attempt n (from 1), or nil. The pointer is into c.
func (c *Call) Attempt(n int) *Attempt {
	for i := range c.Attempts {
		if c.Attempts[i].Number == n {
			return &c.Attempts[i]
		}
	}
	return nil
}

// Final says that nothing more will happen but the notification.
func (c *Call) Final() bool { return c.CompletedAt != nil }

// Clone returns a deep copy: what Next changes in it, the original does not see.
func (c Call) Clone() Call {
	d := c
	d.Request = c.Request.clone()
	d.Attempts = append([]Attempt(nil), c.Attempts...)
	d.NextAttemptAt = clonePtr(c.NextAttemptAt)
	d.CompletedAt, d.Due, d.Answer = clonePtr(c.CompletedAt), clonePtr(c.Due), clonePtr(c.Answer)
	d.CancelRequestedAt, d.Steps = clonePtr(c.CancelRequestedAt), append([]Step(nil), c.Steps...)
	d.NotBefore, d.DeferredTo = clonePtr(c.NotBefore), clonePtr(c.DeferredTo)
	d.Booking, d.Event = clonePtr(c.Booking), clonePtr(c.Event)
	d.Report, d.Notice = clonePtr(c.Report), clonePtr(c.Notice)
	return d
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// LogValue keeps numbers, names and goals out of logs.
func (c Call) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("call_id", string(c.ID)),
		slog.String("status", string(c.Status)),
		slog.String("outcome", string(c.Outcome)),
		slog.Int("attempt", len(c.Attempts)),
	)
}

// MaskNumber shows enough of an E.164 number to recognise it and no more:
// "+14155550123" becomes "+1******0123".
func MaskNumber(e164 string) string {
	const head, tail = 2, 4
	if len(e164) <= head+tail {
		return strings.Repeat("*", len(e164))
	}
	return e164[:head] + strings.Repeat("*", len(e164)-head-tail) + e164[len(e164)-tail:]
}
