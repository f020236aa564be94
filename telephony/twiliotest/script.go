package twiliotest

import (
	"slices"
	"time"
)

// Script is how the calls to one number go: one Answer per create request, the last repeating.
type Script struct{ Attempts []Answer }

type progress struct {
	script Script
	next   int
}

// Outcome is how an attempt to reach the callee ends.
type Outcome int

// Outcomes of an attempt. Canceled is never scripted: only a REST update cancels.
const (
	OutcomeAnswered Outcome = iota
	OutcomeBusy
	OutcomeNoAnswer
	OutcomeFailed
)

// Answer is one attempt: what becomes of the create request, of the ringing and of the talk.
type Answer struct {
	// Create makes the REST request fail; the zero Fault lets it succeed.
	Create Fault
	// Outcome is answered, busy, no-answer or failed.
	Outcome Outcome
	// Ring overrides Options.Ring; a ring longer than the request's Timeout is no-answer.
	Ring time.Duration
	// SkipRinging goes from initiated to the outcome, as some carriers do.
	SkipRinging bool

	// Machine is the verdict of machine detection, if the request asked for it.
	Machine Machine
	// PickUp is the silence between the answer and the callee's first line. Default 400 ms.
	PickUp time.Duration
	// Quiet is how long the agent must have been silent for its turn to be over. Default 700 ms.
	Quiet time.Duration
	// Lines is what the callee says, in this order.
	Lines []Line

	// Nasty is what else goes wrong.
	Nasty Nasty
}

// Human answers and says the lines.
func Human(lines ...Line) Answer { return Answer{Lines: lines} }

// Answers that need no detail.
var (
	Busy     = Answer{Outcome: OutcomeBusy}
	NoAnswer = Answer{Outcome: OutcomeNoAnswer}
	Failed   = Answer{Outcome: OutcomeFailed}
)

// Machine is a verdict of answering-machine detection and when it comes.
type Machine struct {
	// AnsweredBy is human (the default), machine_start, machine_end_beep, machine_end_silence,
	// machine_end_other, fax or unknown.
	AnsweredBy string
	// After is the time from the answer to the verdict; default 3 s.
	After time.Duration
	// BeforeVoice delivers an asynchronous verdict before TwiML is fetched, hence before the stream.
	BeforeVoice bool
}

// TriggerKind says what a line waits for.
type TriggerKind int

// Kinds of Trigger.
const (
	// TriggerAuto is the pick-up for the first line and TriggerTurn for all others.
	TriggerAuto TriggerKind = iota
	// TriggerTurn waits until the agent has spoken since the callee's last line and fallen quiet.
	TriggerTurn
	// TriggerQuiet waits for silence of both sides, whether or not the agent spoke before.
	TriggerQuiet
	// TriggerAt is a time since the answer.
	TriggerAt
	// TriggerBargeIn waits until the agent has been speaking for a time, then talks over it.
	TriggerBargeIn
)

// Trigger is what a line waits for. The callee judges by what it hears, never by a wire event.
type Trigger struct {
	Kind TriggerKind
	// For is the silence, the time since the answer, or the time into the agent's turn. Zero is
	// Answer.Quiet for turns and silence; for turns it can only be longer than that.
	For time.Duration
	// Turns is how many turns of the agent to wait for; 0 is 1. TriggerTurn only.
	Turns int
}

// Turn waits for n turns of the agent.
func Turn(n int) Trigger { return Trigger{Kind: TriggerTurn, Turns: n} }

// Quiet waits until nobody has spoken for d.
func Quiet(d time.Duration) Trigger { return Trigger{Kind: TriggerQuiet, For: d} }

// At waits until d after the answer.
func At(d time.Duration) Trigger { return Trigger{Kind: TriggerAt, For: d} }

// BargeIn waits until the agent has been speaking for d.
func BargeIn(d time.Duration) Trigger { return Trigger{Kind: TriggerBargeIn, For: d} }

// Line is one utterance of the callee.
type Line struct {
	// Text is for the timeline only.
	Text string
	// Audio is mu-law at 8 kHz; none is a silent line.
	Audio []byte
	// After is what it waits for.
	After Trigger
	// Digits are keys pressed half-way through the audio.
	Digits string
	// HangUp puts the line down when the audio has ended.
	HangUp bool
}

// Nasty lists what goes wrong in an attempt although nobody did anything wrong.
type Nasty struct {
	// Deliver says after which delays a status callback arrives: none loses it, two or more
	// duplicate it, a long one makes it late and so out of order. Nil delivers all at once.
	Deliver func(sequence int, status string) []time.Duration
	// Forge sends every webhook first without and with a wrong signature; both must get 403.
	Forge bool
	// VoiceTwice fetches TwiML a second time; the answer must be the same, byte for byte.
	VoiceTwice bool
	// EndedFirst answers a hang-up by REST with 21220: the callee was a moment faster.
	EndedFirst bool

	// ConnectedAfter and StartAfter delay the events connected and start.
	ConnectedAfter, StartAfter time.Duration
	// Glue sends connected and start in one TCP segment.
	Glue bool
	// UnsignedUpgrade opens the stream without X-Twilio-Signature.
	UnsignedUpgrade bool
	// WrongToken first opens a stream whose path is off by one character; it must be refused.
	WrongToken bool
	// SecondSocket opens another socket to the same URL after start; it must be refused.
	SecondSocket bool
	// Burst sends the callee's audio in bursts of so many frames; 0 and 1 are none.
	Burst int
	// LoseMarks are the echoes, counted from 1 per stream, that never arrive.
	LoseMarks []int
	// CloseWithoutStop ends streams without the event stop.
	CloseWithoutStop bool
	// BreakAfter breaks the socket so long after start; the call goes on. 0 is never.
	BreakAfter time.Duration
}

// Deliveries of status callbacks for Nasty.Deliver; without statuses they concern all of them.

// Lost never delivers.
func Lost(statuses ...string) func(int, string) []time.Duration {
	return deliver(statuses)
}

// Late delivers after d, hence possibly after its successors.
func Late(d time.Duration, statuses ...string) func(int, string) []time.Duration {
	return deliver(statuses, d)
}

// Twice delivers at once and again after d.
func Twice(d time.Duration, statuses ...string) func(int, string) []time.Duration {
	return deliver(statuses, 0, d)
}

func deliver(statuses []string, delays ...time.Duration) func(int, string) []time.Duration {
	return func(_ int, status string) []time.Duration {
		if len(statuses) > 0 && !slices.Contains(statuses, status) {
			return []time.Duration{0}
		}
		return delays
	}
}

// Fault is how a create request fails.
type Fault struct {
	// Status and Code are the HTTP status and Twilio's error code.
	Status, Code int
	// RetryAfter is sent as a header, in whole seconds, where it is positive.
	RetryAfter time.Duration
	// HTML answers with a proxy's page instead of JSON.
	HTML bool
	// Hang never answers; Break closes the connection without an answer.
	Hang, Break bool
	// Queued places the call nonetheless: the client cannot know.
	Queued bool
}

// Faults that Twilio documents as refusals.
var (
	TooManyRequests  = Fault{Status: 429, Code: codeTooManyRequests}
	ConcurrencyLimit = Fault{Status: 429, Code: codeConcurrency}
	InvalidNumber    = Fault{Status: 400, Code: codeInvalidTo}
	GeoBlocked       = Fault{Status: 400, Code: codeGeoBlocked}
)

// ServerError is a 500 with a proxy's HTML page, the call placed or not.
func ServerError(queued bool) Fault { return Fault{Status: 500, HTML: true, Queued: queued} }

// TimesOut hangs until the client gives up, the call placed or not.
func TimesOut(queued bool) Fault { return Fault{Hang: true, Queued: queued} }

// BreaksOff closes the connection without an answer, the call placed or not.
func BreaksOff(queued bool) Fault { return Fault{Break: true, Queued: queued} }
