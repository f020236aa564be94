package call

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy limits whom, when and how much is dialled (contract section 5, policy.*). It
// fails closed: the zero value dials nobody. A limit of 0 is none.
type Policy struct {
	// Dialling is the kill switch: while it is off no call is taken, and those that wait go on waiting.
	Dialling bool
	// Countries are the ISO 3166 codes that may be called; empty: those of Home.
	Countries []string
	// Home are the countries of our own number, asked for when a number is to be called,
	// since it takes time to tell; nil: every country.
	Home func() []string
	// Hours are the calling hours, in the callee's zone.
	Hours CallingHours
	// CallsPerDay bounds the calls placed, AttemptsPerNumber the dials of one number,
	// each per day of the zone Day; Concurrent the attempts that are live at once.
	CallsPerDay, AttemptsPerNumber, Concurrent int
	// Day is the zone whose days are counted; nil is UTC.
	Day *time.Location
}

// CallingHours are the minutes of the day, of every day, in which to dial: Start is
// included, End is not. End before Start spans midnight; equal ones mean always.
type CallingHours struct{ Start, End int }

const dayMinutes = 24 * 60

// Always says whether the hours never make an attempt wait.
func (h CallingHours) Always() bool { return h.Start == h.End || h.Start == 0 && h.End == dayMinutes }

// Contain says whether t, on a wall clock in zone, lies in the hours.
func (h CallingHours) Contain(t time.Time, zone *time.Location) bool {
	t = t.In(zone)
	switch m := t.Hour()*60 + t.Minute(); {
	case h.Always():
		return true
	case h.Start < h.End:
		return m >= h.Start && m < h.End
	default:
		return m >= h.Start || m < h.End
	}
}

// Next is t, or the next opening after it. It goes by the wall clock, so it is right on
// days of 23 and 25 hours; an hour that a DST change skips opens with the first minute
// that exists.
func (h CallingHours) Next(t time.Time, zone *time.Location) time.Time {
	if h.Contain(t, zone) {
		return t
	}
	y, m, d := t.In(zone).Date()
	for ; ; d++ {
		opens := time.Date(y, m, d, 0, h.Start, 0, 0, zone)
		for skipped := 0; !h.Contain(opens, zone) && skipped < 4*60; skipped++ {
			opens = opens.Add(time.Minute)
		}
		if !opens.Before(t) && h.Contain(opens, zone) {
			return opens
		}
	}
}

// String is "08:00–21:00".
func (h CallingHours) String() string {
	return fmt.Sprintf("%02d:%02d–%02d:%02d", h.Start/60, h.Start%60, h.End/60, h.End%60)
}

// day names the day that is counted.
func (p Policy) day(now time.Time) string { return now.In(p.zone()).Format(time.DateOnly) }

// tomorrow is when the next day begins.
func (p Policy) tomorrow(now time.Time) time.Time {
	y, m, d := now.In(p.zone()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, p.zone())
}

func (p Policy) zone() *time.Location {
	if p.Day == nil {
		return time.UTC
	}
	return p.Day
}

// quota is what the store counts in the same write.
func (p Policy) quota(now time.Time) Quota {
	return Quota{Day: p.day(now), Calls: p.CallsPerDay, Attempts: p.AttemptsPerNumber, Live: p.Concurrent}
}

// destination says why a number must not be called, or "".
func (p Policy) destination(r Request) string {
	allowed := p.Countries
	if len(allowed) == 0 && p.Home != nil {
		allowed = p.Home()
	}
	if len(allowed) == 0 || slices.Contains(allowed, r.Country) {
		return ""
	}
	country := r.Country
	if country == "" {
		country = "a country that cannot be told from it"
	}
	return fmt.Sprintf("The number belongs to %s; policy.allowed_countries has %s. Its owner may add the country there.", country, strings.Join(allowed, ", "))
}

// refuse says why a request is not taken at all, or nil. Its errors are Forbidden.
func (p Policy) refuse(r Request) error {
	words := p.destination(r)
	switch {
	case !p.Dialling:
		return &Error{Code: Forbidden, Message: "Dialling is switched off (policy.dialling). Nothing was dialled; the service's owner can switch it on again."}
	case words != "":
		return &Error{Code: Forbidden, Message: words, Fields: map[string]string{"to": words}}
	}
	return nil
}

// waits is the sentence for an attempt that waits for calling hours, or "".
func (r Rules) waits(c *Call, now time.Time) string {
	if c.NextAttemptAt == nil || r.Policy.Hours.Contain(now, location(c.Request.CalleeTimezone)) {
		return ""
	}
	zone := location(c.Request.CalleeTimezone)
	return fmt.Sprintf("It is outside the calling hours (%s, %s). The call waits until %s.",
		r.Policy.Hours, c.Request.CalleeTimezone, c.NextAttemptAt.In(zone).Format("Monday, 2 January, 15:04"))
}
