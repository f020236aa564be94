package call

import (
	"fmt"
	"strings"
	"time"
)

// NoticeState is how far the notification has come (contract section 1, `notification`).
type NoticeState string

// States of a notice.
const (
	NoticePending   NoticeState = "pending"
	NoticeDelivered NoticeState = "delivered"
	NoticeGivenUp   NoticeState = "given_up"
)

// Notice is the outbox of a call: written in the same write that makes the call
// final, sent from there until delivered or given up (contract section 4).
type Notice struct {
	State NoticeState `json:"state"`
	// Key is the idempotency key of the post; Body the stored body, resent byte for byte.
	Key   string `json:"key"`
	Body  []byte `json:"body,omitempty"`
	Plain bool   `json:"plain,omitempty"`

	Tries      int        `json:"tries"`
	LastError  string     `json:"lastError,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	NextTryAt  *time.Time `json:"nextTryAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// NoticeContent is what a notice says and where it goes.
type NoticeContent struct {
	Message string
	// Origin is where the request came from; nil where it did not say.
	Origin *Origin
	// Plain leaves every optional routing field out, configured ones too: a host refused them.
	Plain bool
}

// noticePatience is how long a notice is resent (contract section 4).
const noticePatience = 24 * time.Hour

// noticeContent composes the notice of a final call by code from typed fields alone:
// no word of callee or model stands in it, since older hosts hand it to their model
// raw (contract section 4). The callee's name is the one the owner asked for.
func (c *Call) noticeContent() NoticeContent {
	var b strings.Builder
	switch {
	case c.Outcome == Booked && c.Event != nil:
		fmt.Fprintf(&b, "Appointment booked: %s.", c.spokenSlot(c.Event.Slot()))
	case c.Outcome == Unconfirmed:
		b.WriteString("The appointment is NOT confirmed; please check.")
		if e := c.tentative(); e != nil {
			fmt.Fprintf(&b, " The calendar may hold an event on %s.", c.spokenSlot(e.Slot()))
		}
	default:
		fmt.Fprintf(&b, "No appointment was booked: %s.", c.Status.words())
	}
	b.WriteString(" Called: ")
	if name := PlainText(c.Request.CalleeName, maxName); name != "" {
		fmt.Fprintf(&b, "%s, ", name)
	}
	fmt.Fprintf(&b, "%s. Call id: %s.", MaskNumber(c.Request.To), c.ID)
	return NoticeContent{Message: b.String(), Origin: c.Request.Origin, Plain: c.Notice != nil && c.Notice.Plain}
}

// words say to the owner how the last attempt ended.
func (s Status) words() string {
	switch s {
	case Completed:
		return "the conversation ended without one"
	case Busy:
		return "the line was busy"
	case NoAnswer:
		return "nobody answered"
	case Canceled:
		return "the call was canceled"
	case Failed, Queued, Dialing, Ringing, InProgress:
		return "the call could not be completed"
	}
	return "the call could not be completed"
}

// tentative is the event that exists or may exist.
func (c *Call) tentative() *Booking {
	if c.Event != nil {
		return c.Event
	}
	return c.Booking
}

// spokenSlot writes a slot in the owner's zone and, where it differs, in the callee's.
func (c *Call) spokenSlot(s Slot) string {
	own := writtenSlot(s, c.Request.Timezone)
	if c.Request.CalleeTimezone == c.Request.Timezone {
		return own
	}
	return own + ", which is " + writtenSlot(s, c.Request.CalleeTimezone)
}

func writtenSlot(s Slot, zone string) string {
	z := location(zone)
	return fmt.Sprintf("%s to %s (%s)", s.Start.In(z).Format("Monday, 2 January 2006, 15:04"), s.End.In(z).Format("15:04"), zone)
}
