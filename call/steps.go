package call

import "time"

// Stage is how far a call has come, for those who listen to it (GET /calls/{id}/events).
type Stage string

// The stages of a call.
const (
	// StageQueued: the call was taken.
	StageQueued Stage = "queued"
	// StageDialing: the provider is asked to dial. StageRinging: the callee's phone rings.
	StageDialing Stage = "dialing"
	StageRinging Stage = "ringing"
	// StageAnswered: the phone was picked up, by a person or a machine.
	StageAnswered Stage = "answered"
	// StageProposing: free slots are being offered to the callee.
	StageProposing Stage = "proposing"
	// StageBooked: the event is in the calendar.
	StageBooked Stage = "booked"
	// StageRetry: the attempt is over, and another one is due.
	StageRetry Stage = "retry"
	// StageEnded: the call is final.
	StageEnded Stage = "ended"
)

// Stages lists the stages in the order in which an attempt goes through them.
func Stages() []Stage {
	return []Stage{StageQueued, StageDialing, StageRinging, StageAnswered, StageProposing, StageBooked, StageRetry, StageEnded}
}

// Step is a stage that a call has reached. The first and the last are not stored: they follow
// from the record.
type Step struct {
	Stage   Stage     `json:"stage"`
	Attempt int       `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
}

// track adds the steps that lie between the call as it was and as it is. Each stage of an
// attempt comes once, so that their number is bounded by the attempts'.
func (c *Call) track(was *Call, at time.Time) {
	a := c.Last()
	if a == nil {
		return
	}
	before := Attempt{}
	if b := was.Attempt(a.Number); b != nil {
		before = *b
	}
	reached := func(s Stage, yes bool) {
		if yes {
			c.Steps = append(c.Steps, Step{Stage: s, Attempt: a.Number, At: at})
		}
	}
	reached(StageDialing, before.IntendedAt == nil && a.IntendedAt != nil)
	reached(StageRinging, before.Status != Ringing && a.Status == Ringing)
	reached(StageAnswered, before.AnsweredAt == nil && a.AnsweredAt != nil)
	reached(StageProposing, before.ProposedAt == nil && a.ProposedAt != nil)
	reached(StageBooked, was.Event == nil && c.Event != nil && c.Outcome == Booked)
	reached(StageRetry, was.NextAttemptAt == nil && c.NextAttemptAt != nil && !c.reached(StageRetry, a.Number))
}

func (c *Call) reached(s Stage, attempt int) bool {
	for _, step := range c.Steps {
		if step.Stage == s && step.Attempt == attempt {
			return true
		}
	}
	return false
}

// StepDocument is one event of GET /calls/{id}/events: typed fields alone, no word of callee
// or model.
type StepDocument struct {
	// ID is the event's number in its call, from 1, without gaps.
	ID    int       `json:"id"`
	Event Stage     `json:"event"`
	At    time.Time `json:"at"`
	// Attempt is the dial that it belongs to; 0 for the call as a whole.
	Attempt int `json:"attempt,omitempty"`
	// Status and Outcome come with "ended", EndReason also with "retry".
	Status    Status    `json:"status,omitempty"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	EndReason EndReason `json:"endReason,omitempty"`
	// NextAttemptAt comes with the latest "retry", while that attempt is due.
	NextAttemptAt *time.Time `json:"nextAttemptAt,omitempty"`
	// Start, End and Timezone are the booked slot's, with "booked".
	Start    *time.Time `json:"start,omitempty"`
	End      *time.Time `json:"end,omitempty"`
	Timezone string     `json:"timezone,omitempty"`
}

// StepsAfter renders the events with a higher ID than that, in order.
func (c Call) StepsAfter(id int) []StepDocument {
	all := []StepDocument{{Event: StageQueued, At: c.CreatedAt.UTC()}}
	for _, s := range c.Steps {
		all = append(all, c.stepDocument(s))
	}
	if c.Final() {
		ended := StepDocument{Event: StageEnded, At: c.CompletedAt.UTC(), Attempt: len(c.Attempts), Status: c.Status, Outcome: c.Outcome}
		if a := c.Last(); a != nil {
			ended.EndReason = a.EndReason
		}
		all = append(all, ended)
	}
	for i := range all {
		all[i].ID = i + 1
	}
	return all[min(max(id, 0), len(all)):]
}

func (c *Call) stepDocument(s Step) StepDocument {
	d := StepDocument{Event: s.Stage, At: s.At.UTC(), Attempt: s.Attempt}
	a := c.Attempt(s.Attempt)
	switch s.Stage {
	case StageBooked:
		if c.Event != nil {
			d.Start, d.End, d.Timezone = &c.Event.Start, &c.Event.End, c.Event.Timezone
		}
	case StageRetry:
		if a != nil {
			d.EndReason = a.EndReason
		}
		if s.Attempt == len(c.Attempts) {
			d.NextAttemptAt = utc(c.NextAttemptAt)
		}
	case StageQueued, StageDialing, StageRinging, StageAnswered, StageProposing, StageEnded:
	}
	return d
}

func (e SlotsOffered) apply(_ Rules, c *Call) bool {
	a := c.streaming(e.Attempt, e.StreamID)
	if a == nil || a.ProposedAt != nil {
		return false
	}
	a.ProposedAt = &e.At
	return true
}
