package calendarbridge

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// The three requests of contract section 3; the json names are its field names.
type (
	findRequest struct {
		CalendarIDs         []string   `json:"calendarIds"`
		WindowStart         string     `json:"windowStart"`
		WindowEnd           string     `json:"windowEnd"`
		DurationMinutes     int        `json:"durationMinutes"`
		Timezone            string     `json:"timezone"`
		GranularityMinutes  int        `json:"granularityMinutes"`
		BufferBeforeMinutes int        `json:"bufferBeforeMinutes"`
		BufferAfterMinutes  int        `json:"bufferAfterMinutes"`
		WorkingHours        *workHours `json:"workingHours"`
		Attendees           []attendee `json:"attendees"` // their calendars are not ours to read
	}
	checkRequest struct {
		CalendarIDs         []string `json:"calendarIds"`
		Start               string   `json:"start"`
		End                 string   `json:"end"`
		Timezone            string   `json:"timezone"`
		BufferBeforeMinutes int      `json:"bufferBeforeMinutes"`
		BufferAfterMinutes  int      `json:"bufferAfterMinutes"`
	}
	createRequest struct {
		CalendarID     string     `json:"calendarId"`
		Start          string     `json:"start"`
		End            string     `json:"end"`
		Timezone       string     `json:"timezone"`
		Title          string     `json:"title"`
		Description    string     `json:"description"`
		Location       string     `json:"location"`
		Attendees      []attendee `json:"attendees"`
		IdempotencyKey string     `json:"idempotencyKey"`
	}
	workHours struct {
		Start string `json:"start"`
		End   string `json:"end"`
		Days  []int  `json:"days"`
	}
	attendee struct {
		Email    string `json:"email"`
		Optional bool   `json:"optional"`
	}
)

// The fields each request may have; a field of an object or of an array's objects is written with a dot.
const (
	findFields = "calendarIds windowStart windowEnd durationMinutes timezone granularityMinutes bufferBeforeMinutes " +
		"bufferAfterMinutes workingHours workingHours.start workingHours.end workingHours.days attendees attendees.email attendees.optional"
	checkFields  = "calendarIds start end timezone bufferBeforeMinutes bufferAfterMinutes"
	createFields = "calendarId start end timezone title description location attendees attendees.email attendees.optional idempotencyKey"
)

const (
	maxDuration  = 24 * time.Hour
	maxWindow    = 366 * 24 * time.Hour
	maxCalendars = 20
	maxAttendees = 50
)

// badRequest is a request we refuse; status is its HTTP status and the text says how to mend it.
type badRequest struct {
	status int
	text   string
}

func (b badRequest) Error() string { return b.text }

func invalid(status int, format string, args ...any) error {
	return badRequest{status: status, text: fmt.Sprintf(format, args...)}
}

func readZone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if name == "" || name == "Local" || err != nil {
		return nil, invalid(400, "timezone %q is not a time zone; write an IANA name such as America/Los_Angeles", clip(name, 80))
	}
	return loc, nil
}

// readSpan reads two instants, the second after the first.
func readSpan(startName, start, endName, end string, longest time.Duration, loc *time.Location) (from, to time.Time, err error) {
	if from, err = readInstant(startName, start, loc); err != nil {
		return from, to, err
	}
	if to, err = readInstant(endName, end, loc); err != nil {
		return from, to, err
	}
	switch {
	case !to.After(from):
		err = invalid(400, "%s must be after %s", endName, startName)
	case longest > 0 && to.Sub(from) > longest:
		err = invalid(400, "%s is more than %v after %s; shorten it", endName, longest, startName)
	}
	return from, to, err
}

func readInstant(name, s string, loc *time.Location) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case s == "":
		return t, invalid(400, "%s is missing; write RFC 3339 with offset, such as 2027-03-01T15:00:00-08:00", name)
	case err != nil:
		return t, invalid(400, "%s %q is not RFC 3339 with offset; write it as 2027-03-01T15:00:00-08:00", name, clip(s, 60))
	case t.Nanosecond() != 0:
		return t, invalid(400, "%s must be a whole second, since calendars know no fractions", name)
	case t.Year() < 1970 || t.Year() > 2199:
		return t, invalid(400, "%s must lie between 1970 and 2199", name)
	}
	return t.In(loc), nil
}

func readMinutes(name string, n, low, high int) error {
	if n < low || n > high {
		return invalid(400, "%s must be %d to %d", name, low, high)
	}
	return nil
}

// readBuffers turns minutes into durations.
func readBuffers(before, after int) (time.Duration, time.Duration, error) {
	if err := readMinutes("bufferBeforeMinutes", before, 0, 1440); err != nil {
		return 0, 0, err
	}
	return time.Duration(before) * time.Minute, time.Duration(after) * time.Minute, readMinutes("bufferAfterMinutes", after, 0, 1440)
}

// readCalendars defaults to primary and drops repeats.
func readCalendars(ids []string) ([]string, error) {
	if len(ids) > maxCalendars {
		return nil, invalid(400, "calendarIds holds more than %d calendars; ask for fewer", maxCalendars)
	}
	seen := map[string]bool{}
	var out []string
	for _, id := range ids {
		if !calendarName.MatchString(id) {
			return nil, badCalendarID("calendarIds", id)
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		return []string{primary}, nil
	}
	return out, nil
}

func badCalendarID(name, id string) error {
	return invalid(400, "%s: %q is not a calendar name; use letters, digits and . _ @ + -, beginning with a letter or digit", name, clip(id, 80))
}

func (w *workHours) read() (*hours, error) {
	if w == nil {
		return nil, nil
	}
	start, okStart := minuteOfDay(w.Start)
	end, okEnd := minuteOfDay(w.End)
	switch {
	case !okStart || !okEnd:
		return nil, invalid(400, "workingHours.start and workingHours.end must be HH:mm, such as 09:00 and 17:00")
	case end <= start:
		return nil, invalid(400, "workingHours.end must be after workingHours.start; hours past midnight need two requests")
	case len(w.Days) == 0:
		return nil, invalid(400, "workingHours.days is missing; write days from 0 (Sunday) to 6, such as [1,2,3,4,5]")
	}
	h := &hours{start: start, end: end}
	for _, d := range w.Days {
		if d < 0 || d > 6 {
			return nil, invalid(400, "workingHours.days must be 0 (Sunday) to 6 (Saturday)")
		}
		h.days[d] = true
	}
	return h, nil
}

var clockForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

func minuteOfDay(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	if !clockForm.MatchString(s) {
		return 0, false
	}
	return int(s[0]-'0')*600 + int(s[1]-'0')*60 + int(s[3]-'0')*10 + int(s[4]-'0'), true
}

func checkAttendees(list []attendee) error {
	if len(list) > maxAttendees {
		return invalid(400, "attendees holds more than %d; name fewer", maxAttendees)
	}
	for _, a := range list {
		parsed, err := mail.ParseAddress(a.Email)
		if err != nil || parsed.Address != a.Email {
			return invalid(400, "attendees.email %q is not an address; write name@example.org", clip(a.Email, 80))
		}
	}
	return nil
}

// readText tidies plain text: line ends become \n, other control characters vanish (iCalendar cannot hold them).
func readText(name, s string, low, high int) (string, error) {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n < low || n > high {
		return "", invalid(400, "%s must be %d to %d characters", name, low, high)
	}
	return s, nil
}
