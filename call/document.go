package call

import "time"

// Document is the answer of call_agent_status, field by field as contract section 1
// has it. Texts of Report are words of model and callee: Untrusted is always true.
type Document struct {
	CallID        ID                `json:"callId"`
	CreatedAt     time.Time         `json:"createdAt"`
	UpdatedAt     time.Time         `json:"updatedAt"`
	CompletedAt   *time.Time        `json:"completedAt,omitempty"`
	Status        Status            `json:"status"`
	Outcome       Outcome           `json:"outcome"`
	Attempt       int               `json:"attempt"`
	MaxAttempts   int               `json:"maxAttempts"`
	NextAttemptAt *time.Time        `json:"nextAttemptAt,omitempty"`
	Attempts      []AttemptDocument `json:"attempts"`
	Event         *EventDocument    `json:"event,omitempty"`
	Report        *ReportDocument   `json:"report,omitempty"`
	Cost          *CostDocument     `json:"cost,omitempty"`
	Quality       *QualityDocument  `json:"quality,omitempty"`
	Notification  *DeliveryDocument `json:"notification,omitempty"`
	LastError     string            `json:"lastError,omitempty"`
	// CancelRequestedAt is when call_agent_cancel asked for the call to be stopped, which may take
	// a goodbye; CancelReason is what it gave.
	CancelRequestedAt *time.Time `json:"cancelRequestedAt,omitempty"`
	CancelReason      string     `json:"cancelReason,omitempty"`
	Request           Request    `json:"request"`
}

// AttemptDocument is one entry of attempts.
type AttemptDocument struct {
	Number         int        `json:"number"`
	Status         Status     `json:"status"`
	EndReason      EndReason  `json:"endReason,omitempty"`
	ProviderCallID string     `json:"providerCallId,omitempty"`
	StartedAt      time.Time  `json:"startedAt"`
	EndedAt        *time.Time `json:"endedAt,omitempty"`
	Error          string     `json:"error,omitempty"`
}

// EventDocument is the booked event, in the owner's zone.
type EventDocument struct {
	EventID    string    `json:"eventId"`
	CalendarID string    `json:"calendarId"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Timezone   string    `json:"timezone"`
	Summary    string    `json:"summary,omitempty"`
}

// ReportDocument is the report, marked as the words of others.
type ReportDocument struct {
	Report
	Untrusted bool `json:"untrusted"`
}

// DeliveryDocument is how the notification stands.
type DeliveryDocument struct {
	State     NoticeState `json:"state"`
	Tries     int         `json:"tries"`
	LastError string      `json:"lastError,omitempty"`
}

// Document renders the record for its owner.
func (c Call) Document() Document {
	d := Document{
		CallID: c.ID, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), CompletedAt: utc(c.CompletedAt),
		Status: c.Status, Outcome: c.Outcome, Attempt: len(c.Attempts), MaxAttempts: c.MaxAttempts,
		NextAttemptAt: utc(c.NextAttemptAt), Attempts: []AttemptDocument{}, LastError: c.trouble(), Request: c.Request,
		CancelRequestedAt: utc(c.CancelRequestedAt), CancelReason: c.CancelReason,
		Cost: c.cost(), Quality: c.quality(),
	}
	for _, a := range c.Attempts {
		d.Attempts = append(d.Attempts, AttemptDocument{
			Number: a.Number, Status: a.Status, EndReason: a.EndReason, ProviderCallID: a.ProviderCallID,
			StartedAt: a.StartedAt.UTC(), EndedAt: utc(a.EndedAt), Error: a.Error,
		})
	}
	if e := c.Event; e != nil {
		d.Event = &EventDocument{EventID: e.EventID, CalendarID: e.CalendarID, Start: e.Start, End: e.End, Timezone: e.Timezone, Summary: e.Title}
	}
	if c.Report != nil {
		d.Report = &ReportDocument{Report: *c.Report, Untrusted: true}
	}
	if n := c.Notice; n != nil {
		d.Notification = &DeliveryDocument{State: n.State, Tries: n.Tries, LastError: n.LastError}
	}
	return d
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
