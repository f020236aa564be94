package call

import "time"

// Summary is a call in a list: what one looks for a call by. The number is masked; Goal
// and the names are the owner's words.
type Summary struct {
	CallID            ID            `json:"callId"`
	CreatedAt         time.Time     `json:"createdAt"`
	UpdatedAt         time.Time     `json:"updatedAt"`
	CompletedAt       *time.Time    `json:"completedAt,omitempty"`
	Status            Status        `json:"status"`
	Outcome           Outcome       `json:"outcome"`
	To                string        `json:"to"`
	CalleeName        string        `json:"calleeName,omitempty"`
	UserName          string        `json:"userName,omitempty"`
	Goal              string        `json:"goal"`
	Attempt           int           `json:"attempt"`
	MaxAttempts       int           `json:"maxAttempts"`
	NextAttemptAt     *time.Time    `json:"nextAttemptAt,omitempty"`
	CancelRequestedAt *time.Time    `json:"cancelRequestedAt,omitempty"`
	Event             *EventSummary `json:"event,omitempty"`
	// DurationMS is of all conversations together.
	DurationMS   int64          `json:"durationMs"`
	Cost         *CostSummary   `json:"cost,omitempty"`
	Notification *NoticeSummary `json:"notification,omitempty"`
}

// EventSummary is when the appointment is.
type EventSummary struct {
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Timezone string    `json:"timezone"`
}

// CostSummary is the sum; null where a part of it is not known.
type CostSummary struct {
	Currency string   `json:"currency"`
	Total    *float64 `json:"total"`
}

// NoticeSummary is how the notification stands.
type NoticeSummary struct {
	State NoticeState `json:"state"`
}

// Summary renders the record for a list.
func (c Call) Summary() Summary {
	s := Summary{
		CallID: c.ID, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), CompletedAt: utc(c.CompletedAt),
		Status: c.Status, Outcome: c.Outcome, To: MaskNumber(c.Request.To), CalleeName: c.Request.CalleeName, UserName: c.Request.UserName,
		Goal: c.Request.Goal, Attempt: len(c.Attempts), MaxAttempts: c.MaxAttempts,
		NextAttemptAt: utc(c.NextAttemptAt), CancelRequestedAt: utc(c.CancelRequestedAt),
	}
	for _, a := range c.Attempts {
		if a.Measures != nil {
			s.DurationMS += a.Measures.Quality.DurationMS
		}
	}
	if e := c.Event; e != nil {
		s.Event = &EventSummary{Start: e.Start, End: e.End, Timezone: e.Timezone}
	}
	if cost := c.cost(); cost != nil {
		s.Cost = &CostSummary{Currency: cost.Currency, Total: cost.Total}
	}
	if c.Notice != nil {
		s.Notification = &NoticeSummary{State: c.Notice.State}
	}
	return s
}
