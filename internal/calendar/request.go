package calendar

import (
	"time"

	"github.com/clawdbot/call-agent/call"
)

// The requests of contract section 3. Attendees are not sent: nobody but the owner is
// invited by a machine.
type findRequest struct {
	CalendarIDs        []string           `json:"calendarIds"`
	WindowStart        string             `json:"windowStart"`
	WindowEnd          string             `json:"windowEnd"`
	DurationMinutes    int                `json:"durationMinutes"`
	Timezone           string             `json:"timezone"`
	GranularityMinutes int                `json:"granularityMinutes,omitempty"`
	WorkingHours       *call.WorkingHours `json:"workingHours,omitempty"`
}

type checkRequest struct {
	CalendarIDs []string `json:"calendarIds"`
	Start       string   `json:"start"`
	End         string   `json:"end"`
	Timezone    string   `json:"timezone"`
}

type createRequest struct {
	CalendarID     string `json:"calendarId"`
	Start          string `json:"start"`
	End            string `json:"end"`
	Timezone       string `json:"timezone"`
	Title          string `json:"title"`
	Description    string `json:"description,omitempty"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// wire writes an instant with its offset, and with a fraction of a second only where it
// has one.
func wire(t time.Time) string { return t.Format(time.RFC3339Nano) }

// ceilSecond rounds up, so that a search from now does not find what has just passed.
func ceilSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
