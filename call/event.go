package call

import "time"

// Event is something that happened to a call. Events may come twice, late, out of
// order or not at all: each changes what it can still change, and nothing else.
type Event interface {
	// apply changes c and says whether it did. It reads no clock.
	apply(r Rules, c *Call) bool
	// at is when the event happened.
	at() time.Time
}

// Claimed means that a worker takes the next attempt, if one is due.
type Claimed struct {
	ClaimID string
	At      time.Time
}

// Postponed means that the attempt that is due must wait: dialling is off, a limit is
// reached, no place is free, or the model does not answer.
type Postponed struct {
	Until time.Time
	Words string
	At    time.Time
}

// Deferred means that a step that was due failed; nothing is tried again before Until.
type Deferred struct {
	Until time.Time
	At    time.Time
}

// Intended means that the holder of the claim is about to send the create request. It is
// accepted once for an attempt: this is what keeps an attempt from being dialled twice.
type Intended struct {
	Attempt int
	ClaimID string
	At      time.Time
}

// Bound means that the provider accepted the create request.
type Bound struct {
	Attempt        int
	ProviderCallID string
	// Reply is set where somebody waits for the answer to call_agent: it is kept in the same
	// write, for repeats of the request.
	Reply *Started
	At    time.Time
}

// Refused means that the provider refused the create request.
type Refused struct {
	Attempt int
	// Permanent: it would refuse again; no further attempt.
	Permanent bool
	// NotSent: it could not be reached, and so did not even refuse.
	NotSent bool
	// RetryAfter is how long the provider asked us to wait.
	RetryAfter time.Duration
	Words      string
	At         time.Time
}

// DialLost means that the create request's answer was lost; the call may exist.
type DialLost struct {
	Attempt int
	Words   string
	At      time.Time
}

// NotPlaced means that the provider answered, after the ring limit, that it has no such call.
type NotPlaced struct {
	Attempt int
	At      time.Time
}

// Reported means that the provider told the state of an attempt, by callback or when asked.
type Reported struct {
	Attempt int
	Report  ProviderReport
	At      time.Time
}

// Answered means that the provider asked what to do with the answered call.
type Answered struct {
	Attempt        int
	ProviderCallID string
	At             time.Time
}

// StreamOpened means that the attempt's media stream was started; it uses the token up.
type StreamOpened struct {
	Attempt        int
	ProviderCallID string
	StreamID       string
	At             time.Time
}

// StreamRenewed means that the media session is alive.
type StreamRenewed struct {
	Attempt  int
	StreamID string
	At       time.Time
}

// GreetingHeard means that the greeting's first mark came back from the phone.
type GreetingHeard struct {
	Attempt  int
	StreamID string
	At       time.Time
}

// CalleeSpoke means that the callee's first turn ended.
type CalleeSpoke struct {
	Attempt  int
	StreamID string
	At       time.Time
}

// SlotsOffered means that the calendar's free slots were handed to the model, which offers
// them to the callee now.
type SlotsOffered struct {
	Attempt  int
	StreamID string
	At       time.Time
}

// MachineHeard means that the provider detected an answering machine or a fax.
type MachineHeard struct {
	Attempt        int
	ProviderCallID string
	At             time.Time
}

// BookingIntended means that a create-event request is about to be sent.
type BookingIntended struct {
	Attempt  int
	StreamID string
	Booking  Booking
	At       time.Time
}

// BookingAnswered means that the bridge booked the event.
type BookingAnswered struct {
	Key     string
	EventID string
	At      time.Time
}

// BookingDenied means that the bridge answered that it created nothing.
type BookingDenied struct {
	Key string
	At  time.Time
}

// BookingTried means that the same request is about to be repeated, since its answer is
// unknown; it is due again at Next. Only one worker gets to repeat it.
type BookingTried struct {
	Key  string
	Next time.Time
	At   time.Time
}

// AgreementRevoked means that the callee took the agreement back, or changed it, after booking
// or while the booking's answer was unknown.
type AgreementRevoked struct {
	Attempt  int
	StreamID string
	// Said is what the model gave end_call, if it did. With [EndUnclear] a booking whose
	// answer is unknown stands: that is how the model was told to end such a call.
	Said EndReason
	At   time.Time
}

// SessionEnded means that the media session is over.
type SessionEnded struct {
	Attempt        int
	StreamID       string
	Reason         EndReason
	FarewellPlayed bool
	Report         *Report
	Words          string
	// Measures are the session's numbers as far as they are known; nil: nothing is.
	Measures *Measures
	At       time.Time
}

// LineDown means that the provider confirmed that the line is down.
type LineDown struct {
	Attempt int
	At      time.Time
}

// NoticeSending means that a worker is about to post the notice; others keep off until Until.
// The first to do so stores the body.
type NoticeSending struct {
	Body  []byte
	Until time.Time
	At    time.Time
}

// NoticeTried means that the notice was posted. With Err nil it was delivered.
type NoticeTried struct {
	Err *NotifyError
	// Next is when to post it again, if that is allowed.
	Next time.Time
	At   time.Time
}

// AnswerGiven keeps what call_agent answered; a repeated request gets the same.
type AnswerGiven struct {
	Answer Answer
	At     time.Time
}

// CancelRequested means that somebody asked for the call to be stopped.
type CancelRequested struct {
	// Reason is in the asker's words, as it is to be kept; may be empty.
	Reason string
	At     time.Time
}

// Ticked means that time has passed; what is past its limit is settled.
type Ticked struct {
	At time.Time
}

func (e Claimed) at() time.Time          { return e.At }
func (e Postponed) at() time.Time        { return e.At }
func (e Deferred) at() time.Time         { return e.At }
func (e Intended) at() time.Time         { return e.At }
func (e Bound) at() time.Time            { return e.At }
func (e Refused) at() time.Time          { return e.At }
func (e DialLost) at() time.Time         { return e.At }
func (e NotPlaced) at() time.Time        { return e.At }
func (e Reported) at() time.Time         { return e.At }
func (e Answered) at() time.Time         { return e.At }
func (e StreamOpened) at() time.Time     { return e.At }
func (e StreamRenewed) at() time.Time    { return e.At }
func (e GreetingHeard) at() time.Time    { return e.At }
func (e CalleeSpoke) at() time.Time      { return e.At }
func (e SlotsOffered) at() time.Time     { return e.At }
func (e MachineHeard) at() time.Time     { return e.At }
func (e BookingIntended) at() time.Time  { return e.At }
func (e BookingAnswered) at() time.Time  { return e.At }
func (e BookingDenied) at() time.Time    { return e.At }
func (e BookingTried) at() time.Time     { return e.At }
func (e AgreementRevoked) at() time.Time { return e.At }
func (e SessionEnded) at() time.Time     { return e.At }
func (e LineDown) at() time.Time         { return e.At }
func (e NoticeSending) at() time.Time    { return e.At }
func (e NoticeTried) at() time.Time      { return e.At }
func (e CancelRequested) at() time.Time  { return e.At }
func (e AnswerGiven) at() time.Time      { return e.At }
func (e Ticked) at() time.Time           { return e.At }
