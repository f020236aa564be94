package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// What a call leaves behind: in the calendar, at the owner's hook, at the phone company.

// calendarProblem reads the file itself: the events that were not there before.
func calendarProblem(p play, s *stage, end ending) string {
	ics, err := os.ReadFile(s.icsPath)
	if err != nil {
		return err.Error()
	}
	added := bytes.Count(ics, []byte("BEGIN:VEVENT")) - strings.Count(busyWeek, "BEGIN:VEVENT")
	if added != p.events {
		return fmt.Sprintf("it holds %d", added)
	}
	e := end.call.Event
	switch {
	case p.events == 0 && e != nil:
		return "the status document names one"
	case p.events == 0:
		return ""
	case e == nil:
		return "the status document names none"
	case !e.Start.Equal(p.slot) || e.End.Sub(e.Start) != 30*time.Minute:
		return fmt.Sprintf("it is from %v to %v", e.Start, e.End)
	case !icsHas(ics, p.slot):
		return "the file has it at another time"
	}
	return ""
}

// icsHas looks for the start of an event in any of the forms an .ics file writes it.
func icsHas(ics []byte, start time.Time) bool {
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(ics), "\r\n") {
		if strings.HasPrefix(line, "DTSTART") &&
			(strings.HasSuffix(line, ":"+start.UTC().Format("20060102T150405Z")) || strings.HasSuffix(line, ":"+start.In(zone).Format("20060102T150405"))) {
			return true
		}
	}
	return false
}

func noticeProblem(p play, s *stage) string {
	posts := s.hook.posts()
	if len(posts) != 1 {
		return fmt.Sprintf("%d notifications came", len(posts))
	}
	var m struct{ Message, Channel, To string }
	if err := json.Unmarshal(posts[0].Body, &m); err != nil {
		return err.Error()
	}
	if !strings.HasPrefix(m.Message, p.notice) || m.Channel != "telegram" || m.To != "telegram:12345" {
		return fmt.Sprintf("it said %q", m.Message)
	}
	return ""
}

func lineProblem(s *stage, end ending) string {
	calls := s.twilio.Calls()
	if len(calls) != len(end.call.Attempts) {
		return fmt.Sprintf("%d dials for %d attempts", len(calls), len(end.call.Attempts))
	}
	for _, c := range calls {
		select {
		case <-c.Done():
		default:
			return "a line is still up"
		}
	}
	return ""
}
