package twiliotest

import (
	"math"
	"strconv"
	"time"
)

// resource is a call in REST's shape.
type resource struct {
	SID             string            `json:"sid"`
	DateCreated     *string           `json:"date_created"`
	DateUpdated     *string           `json:"date_updated"`
	ParentCallSID   *string           `json:"parent_call_sid"`
	AccountSID      string            `json:"account_sid"`
	To              string            `json:"to"`
	ToFormatted     string            `json:"to_formatted"`
	From            string            `json:"from"`
	FromFormatted   string            `json:"from_formatted"`
	PhoneNumberSID  *string           `json:"phone_number_sid"`
	Status          string            `json:"status"`
	StartTime       *string           `json:"start_time"`
	EndTime         *string           `json:"end_time"`
	Duration        *string           `json:"duration"`
	Price           *string           `json:"price"`
	PriceUnit       string            `json:"price_unit"`
	Direction       string            `json:"direction"`
	AnsweredBy      *string           `json:"answered_by"`
	APIVersion      string            `json:"api_version"`
	ForwardedFrom   *string           `json:"forwarded_from"`
	GroupSID        *string           `json:"group_sid"`
	CallerName      *string           `json:"caller_name"`
	QueueTime       string            `json:"queue_time"`
	TrunkSID        *string           `json:"trunk_sid"`
	URI             string            `json:"uri"`
	SubresourceURIs map[string]string `json:"subresource_uris"`
}

const apiVersion = "2010-04-01"

// resource is the call as REST tells it at this moment.
func (c *Call) resource() resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := "/" + apiVersion + "/Accounts/" + c.server.options.AccountSID + "/Calls/" + c.sid
	r := resource{
		SID: c.sid, AccountSID: c.server.options.AccountSID, Status: c.status, Direction: "outbound-api",
		To: c.to, ToFormatted: c.to, From: c.from, FromFormatted: c.from, PriceUnit: "USD", APIVersion: apiVersion,
		DateCreated: rfc2822(c.created), DateUpdated: rfc2822(c.updated()),
		StartTime: rfc2822(c.started), EndTime: rfc2822(c.ended),
		QueueTime: strconv.FormatInt(c.startDue.Sub(c.created).Milliseconds(), 10),
		URI:       base + ".json", SubresourceURIs: map[string]string{},
	}
	if c.answeredBy != "" {
		r.AnsweredBy = &c.answeredBy
	}
	if !c.ended.IsZero() {
		seconds := strconv.Itoa(c.seconds())
		r.Duration = &seconds
	}
	for _, name := range []string{"notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions", "user_defined_messages"} {
		r.SubresourceURIs[name] = base + "/" + camel(name) + ".json"
	}
	return r
}

func camel(name string) string {
	out, upper := make([]byte, 0, len(name)), true
	for i := range len(name) {
		switch {
		case name[i] == '_':
			upper = true
		case upper:
			out, upper = append(out, name[i]-'a'+'A'), false
		default:
			out = append(out, name[i])
		}
	}
	return string(out)
}

func (c *Call) updated() time.Time {
	for _, t := range []time.Time{c.ended, c.answered, c.started} {
		if !t.IsZero() {
			return t
		}
	}
	return c.created
}

// seconds is the length of the talk, begun seconds counted; 0 where nobody answered.
func (c *Call) seconds() int {
	if c.answered.IsZero() {
		return 0
	}
	return int(math.Ceil(c.ended.Sub(c.answered).Seconds()))
}

// rfc2822 is the one date format of v2010: REST and callbacks alike.
func rfc2822(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC1123Z)
	return &text
}
