package call

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Request is what a caller of call_agent asks for, as stored: defaults filled in,
// the number in E.164 (contract section 1).
type Request struct {
	To              string `json:"to"`
	Goal            string `json:"goal"`
	DurationMinutes int    `json:"durationMinutes"`
	// Timezone is the owner's IANA zone, CalleeTimezone the one in which times are spoken.
	Timezone       string            `json:"timezone"`
	CalleeTimezone string            `json:"calleeTimezone"`
	WindowStart    time.Time         `json:"windowStart"`
	WindowEnd      time.Time         `json:"windowEnd"`
	WorkingHours   WorkingHours      `json:"workingHours"`
	Occupied       []Slot            `json:"occupiedTimeslots,omitempty"`
	CalendarID     string            `json:"calendarId"`
	UserName       string            `json:"userName,omitempty"`
	CalleeName     string            `json:"calleeName,omitempty"`
	Origin         *Origin           `json:"origin,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	// Country is that of To, by ISO 3166; empty where the number does not tell.
	Country string `json:"country,omitempty"`
}

// Origin is where the request came from; the notification goes back there.
type Origin struct {
	AgentID    string `json:"agentId,omitempty"`
	SessionKey string `json:"sessionKey,omitempty"`
	Channel    string `json:"channel,omitempty"`
	To         string `json:"to,omitempty"`
	AccountID  string `json:"accountId,omitempty"`
}

// Duration is the length of the appointment.
func (r Request) Duration() time.Duration { return time.Duration(r.DurationMinutes) * time.Minute }

func (r Request) clone() Request {
	r.WorkingHours.Days = slices.Clone(r.WorkingHours.Days)
	r.Occupied = slices.Clone(r.Occupied)
	r.Origin = clonePtr(r.Origin)
	r.Metadata = maps.Clone(r.Metadata)
	return r
}

// Defaults are the parts of the configuration that fill a request.
type Defaults struct {
	// Timezone is defaults.timezone; empty when not configured.
	Timezone     string
	WorkingHours WorkingHours
	// OwnNumber is our own number in E.164, which must not be called; empty for mock.
	OwnNumber string
}

// Limits of contract section 1.
const (
	maxGoal          = 2000
	minDuration      = 5
	maxDuration      = 1440
	maxName          = 120
	maxMetadata      = 16
	maxMetadataBytes = 512
	maxOriginBytes   = 512
	maxOccupied      = 200
	defaultWindow    = 14 * 24 * time.Hour
	defaultCalendar  = "primary"
	lastYear         = 9998 // RFC 3339 has four digits, in every zone
)

// wireRequest is the request as it comes: every field optional, times as text.
type wireRequest struct {
	To              *string           `json:"to"`
	Goal            *string           `json:"goal"`
	DurationMinutes *int              `json:"durationMinutes"`
	Timezone        *string           `json:"timezone"`
	CalleeTimezone  *string           `json:"calleeTimezone"`
	WindowStart     *string           `json:"windowStart"`
	WindowEnd       *string           `json:"windowEnd"`
	WorkingHours    *wireHours        `json:"workingHours"`
	Occupied        []wireSlot        `json:"occupiedTimeslots"`
	CalendarID      *string           `json:"calendarId"`
	UserName        *string           `json:"userName"`
	CalleeName      *string           `json:"calleeName"`
	Origin          *Origin           `json:"origin"`
	Metadata        map[string]string `json:"metadata"`
	DryRun          *bool             `json:"dryRun"`
}

type wireHours struct {
	Start *string `json:"start"`
	End   *string `json:"end"`
	Days  []int   `json:"days"`
}

type wireSlot struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// fieldOf maps each known field to where it is decoded; one table, so that unknown
// fields and wrong types are all named in one answer.
func (w *wireRequest) fieldOf() map[string]any {
	return map[string]any{
		"to": &w.To, "goal": &w.Goal, "durationMinutes": &w.DurationMinutes,
		"timezone": &w.Timezone, "calleeTimezone": &w.CalleeTimezone,
		"windowStart": &w.WindowStart, "windowEnd": &w.WindowEnd,
		"workingHours": &w.WorkingHours, "occupiedTimeslots": &w.Occupied,
		"calendarId": &w.CalendarID, "userName": &w.UserName, "calleeName": &w.CalleeName,
		"origin": &w.Origin, "metadata": &w.Metadata, "dryRun": &w.DryRun,
	}
}

// DecodeRequest reads the JSON body of call_agent and fills in the defaults. Its
// error is an *Error naming every faulty field at once; a number that must not be
// called is Forbidden.
func DecodeRequest(body []byte, now time.Time, d Defaults, numbers Numbers) (Request, error) {
	var raw map[string]json.RawMessage
	if err := strictJSON(body, &raw); err != nil || raw == nil {
		return Request{}, &Error{Code: InvalidRequest, Message: "The body must be one JSON object with the fields of call_agent; see GET /tools."}
	}
	if !utf8.Valid(body) {
		return Request{}, &Error{Code: InvalidRequest, Message: "The body must be UTF-8."}
	}
	f := faults{}
	var w wireRequest
	known := w.fieldOf()
	for name, value := range raw {
		target, ok := known[name]
		if !ok {
			f.add(name, "is not a field of call_agent; "+nearest(name, known))
			continue
		}
		if err := strictJSON(value, target); err != nil {
			f.add(name, jsonFault(err))
		}
	}
	r := w.fill(f, now, d)
	forbidden := w.number(&r, f, d, numbers)
	if len(f) > 0 {
		return Request{}, &Error{Code: InvalidRequest, Message: "The request has faults; mend each and send it again.", Fields: f}
	}
	if forbidden != "" {
		return Request{}, &Error{Code: Forbidden, Message: forbidden, Fields: map[string]string{"to": forbidden}}
	}
	return r, nil
}

// IsDryRun says whether a body of call_agent asks for a [Preview] and not for a call. What is
// wrong with the body is DecodeRequest's to find.
func IsDryRun(body []byte) bool {
	var w struct {
		DryRun json.RawMessage `json:"dryRun"`
	}
	_ = json.Unmarshal(body, &w)
	return string(w.DryRun) == "true"
}

// strictJSON decodes exactly one value and refuses unknown fields in it.
func strictJSON(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// jsonFault says in the caller's words what encoding/json found.
func jsonFault(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		where := ""
		if t.Field != "" {
			where = " (" + t.Field + ")"
		}
		return fmt.Sprintf("must be %s, not %s%s", jsonKind(t.Type.Kind().String()), t.Value, where)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func jsonKind(goKind string) string {
	switch goKind {
	case "int":
		return "an integer"
	case "string":
		return "a string"
	case "slice":
		return "an array"
	case "bool":
		return "true or false"
	default:
		return "an object"
	}
}

// faults collects what is wrong, by field; the first fault of a field stands.
type faults map[string]string

func (f faults) add(field, problem string) {
	if _, ok := f[field]; !ok {
		f[field] = problem
	}
}

// nearest suggests the known field that a misspelt one may have meant.
func nearest(name string, known map[string]any) string {
	for k := range known {
		if strings.EqualFold(k, name) || strings.EqualFold(k, strings.ReplaceAll(name, "_", "")) {
			return "did you mean " + k + "?"
		}
	}
	return "see GET /tools for its fields"
}

// fill checks every field but the number and fills in the defaults.
func (w *wireRequest) fill(f faults, now time.Time, d Defaults) Request {
	r := Request{Origin: w.Origin, Metadata: w.Metadata, CalendarID: defaultCalendar}
	r.Goal = w.text(f, "goal", w.Goal, maxGoal)
	if w.Goal == nil || (r.Goal == "" && f["goal"] == "") {
		f.add("goal", "is required: 1 to 2,000 characters that say what to achieve")
	}
	switch {
	case w.DurationMinutes == nil:
		f.add("durationMinutes", "is required: an integer from 5 to 1,440")
	case *w.DurationMinutes < minDuration || *w.DurationMinutes > maxDuration:
		f.add("durationMinutes", "must be from 5 to 1,440")
	default:
		r.DurationMinutes = *w.DurationMinutes
	}
	r.UserName = w.text(f, "userName", w.UserName, maxName)
	r.CalleeName = w.text(f, "calleeName", w.CalleeName, maxName)
	if w.CalendarID != nil {
		r.CalendarID = w.text(f, "calendarId", w.CalendarID, maxOriginBytes)
		if r.CalendarID == "" {
			f.add("calendarId", "must not be empty; leave it out for "+defaultCalendar)
		}
	}
	r.Timezone = w.zone(f, d)
	r.WorkingHours = w.hours(f, d)
	r.Occupied = w.occupied(f)
	w.window(f, &r, now)
	w.extras(f)
	return r
}

func (w *wireRequest) text(f faults, field string, v *string, limit int) string {
	if v == nil {
		return ""
	}
	s := strings.TrimSpace(*v)
	if utf8.RuneCountInString(s) > limit {
		f.add(field, fmt.Sprintf("must have at most %d characters", limit))
	}
	return s
}

func (w *wireRequest) zone(f faults, d Defaults) string {
	if w.Timezone == nil {
		if d.Timezone == "" {
			f.add("timezone", "is required, as defaults.timezone is not configured: give an IANA zone such as America/Los_Angeles, or configure defaults.timezone")
		}
		return d.Timezone
	}
	if !validZone(*w.Timezone) {
		f.add("timezone", "must be an IANA zone such as America/Los_Angeles")
	}
	return *w.Timezone
}

// validZone refuses "Local", which is this machine's zone and nobody's request.
func validZone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := zone(name)
	return err == nil
}

func (w *wireRequest) hours(f faults, d Defaults) WorkingHours {
	if w.WorkingHours == nil {
		return d.WorkingHours
	}
	h, problem := parseHours(w.WorkingHours)
	if problem != "" {
		f.add("workingHours", problem)
	}
	return h
}

func (w *wireRequest) occupied(f faults) []Slot {
	if len(w.Occupied) > maxOccupied {
		f.add("occupiedTimeslots", fmt.Sprintf("must have at most %d entries; join adjacent ones", maxOccupied))
		return nil
	}
	var out []Slot
	for i, s := range w.Occupied {
		start, err1 := parseInstant(s.Start)
		end, err2 := parseInstant(s.End)
		if err1 != nil || err2 != nil || !end.After(start) {
			f.add("occupiedTimeslots", fmt.Sprintf("entry %d must have start and end in RFC 3339 with offset, end after start", i))
			continue
		}
		out = append(out, Slot{Start: start, End: end})
	}
	return out
}

// parseInstant reads RFC 3339 strictly: what [time.Parse] forgives, such as an offset
// of 24 hours, could not be stored again.
func parseInstant(s string) (t time.Time, err error) {
	if err = t.UnmarshalText([]byte(s)); err == nil {
		_, err = t.MarshalText()
	}
	return t, err
}

func (w *wireRequest) window(f faults, r *Request, now time.Time) {
	r.WindowStart = w.instant(f, "windowStart", w.WindowStart, now)
	r.WindowEnd = w.instant(f, "windowEnd", w.WindowEnd, r.WindowStart.Add(defaultWindow))
	if f["windowStart"] != "" || f["windowEnd"] != "" {
		return
	}
	switch {
	case !r.WindowEnd.After(r.WindowStart):
		f.add("windowEnd", "must be after windowStart")
	case r.WindowEnd.UTC().Year() > lastYear || r.WindowStart.UTC().Year() > lastYear:
		f.add("windowEnd", fmt.Sprintf("must not be after the year %d", lastYear))
	case !r.WindowEnd.After(now):
		f.add("windowEnd", "must be in the future")
	case r.WindowEnd.Sub(r.WindowStart) < r.Duration():
		f.add("windowEnd", "must leave room for durationMinutes after windowStart")
	}
}

func (w *wireRequest) instant(f faults, field string, v *string, otherwise time.Time) time.Time {
	if v == nil {
		return otherwise
	}
	t, err := parseInstant(*v)
	if err != nil {
		f.add(field, "must be RFC 3339 with an offset, such as 2026-03-02T09:00:00-08:00")
		return otherwise
	}
	return t
}

func (w *wireRequest) extras(f faults) {
	if len(w.Metadata) > maxMetadata {
		f.add("metadata", fmt.Sprintf("must have at most %d keys", maxMetadata))
	}
	for k, v := range w.Metadata {
		if len(k)+len(v) > maxMetadataBytes {
			f.add("metadata", fmt.Sprintf("key and value must have at most %d bytes together", maxMetadataBytes))
		}
	}
	if o := w.Origin; o != nil {
		for _, v := range []string{o.AgentID, o.SessionKey, o.Channel, o.To, o.AccountID} {
			if len(v) > maxOriginBytes {
				f.add("origin", fmt.Sprintf("each field must have at most %d bytes", maxOriginBytes))
			}
		}
	}
}

// number checks `to` and settles the callee's zone, which may follow from the number.
func (w *wireRequest) number(r *Request, f faults, d Defaults, numbers Numbers) (forbidden string) {
	r.CalleeTimezone = r.Timezone
	if w.CalleeTimezone != nil {
		r.CalleeTimezone = *w.CalleeTimezone
		if !validZone(*w.CalleeTimezone) {
			f.add("calleeTimezone", "must be an IANA zone such as Europe/Berlin")
		}
	}
	if w.To == nil {
		f.add("to", "is required: a phone number in E.164, such as +14155550123")
		return ""
	}
	n := numbers.Inspect(*w.To)
	if n.Problem != "" {
		f.add("to", n.Problem)
		return ""
	}
	r.To, r.Country = n.E164, n.Country
	if w.CalleeTimezone == nil && len(n.Zones) == 1 && validZone(n.Zones[0]) {
		r.CalleeTimezone = n.Zones[0]
	}
	if n.E164 == d.OwnNumber {
		return "This is our own number; it cannot be called."
	}
	return n.Forbidden
}
