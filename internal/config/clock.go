package config

import (
	"fmt"
	"strings"
)

// Clock is a time of day in minutes since midnight, 0 to 1440; 1440 is "24:00", the end of the day.
type Clock int

const endOfDay Clock = 24 * 60

// String is "HH:MM".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// ParseClock reads "HH:MM", from 00:00 to 24:00.
func ParseClock(s string) (Clock, error) {
	if len(s) != 5 || s[2] != ':' || !digits(s[:2]) || !digits(s[3:]) {
		return 0, fmt.Errorf("%q is not a time of day; write HH:MM, such as 09:00", s)
	}
	c := Clock(int(s[0]-'0')*600 + int(s[1]-'0')*60 + int(s[3]-'0')*10 + int(s[4]-'0'))
	if s[3] > '5' || c > endOfDay {
		return 0, fmt.Errorf("%q is not a time of day; write 00:00 to 24:00", s)
	}
	return c, nil
}

func digits(s string) bool {
	return len(s) > 0 && strings.Trim(s, "0123456789") == ""
}

// CallingHours are the hours, in the callee's time zone, in which the agent may dial. The start is included, the end is
// not; Start after End spans midnight.
type CallingHours struct {
	Start, End Clock
}

// Always says whether every time of day is allowed.
func (h CallingHours) Always() bool { return h.Start == 0 && h.End == endOfDay }

// String is "HH:MM–HH:MM", as in the contract.
func (h CallingHours) String() string { return h.Start.String() + "–" + h.End.String() }

// ParseCallingHours reads "HH:MM-HH:MM"; an en dash will do as well.
func ParseCallingHours(s string) (CallingHours, error) {
	from, to, found := strings.Cut(strings.ReplaceAll(s, "–", "-"), "-")
	if !found {
		return CallingHours{}, fmt.Errorf("%q is not a span of hours; write HH:MM-HH:MM, such as 08:00-21:00", s)
	}
	start, err := ParseClock(strings.TrimSpace(from))
	if err != nil {
		return CallingHours{}, err
	}
	end, err := ParseClock(strings.TrimSpace(to))
	if err != nil {
		return CallingHours{}, err
	}
	if start == end {
		return CallingHours{}, fmt.Errorf("%q is an empty span; write 00:00-24:00 for always", s)
	}
	return CallingHours{Start: start, End: end}, nil
}
