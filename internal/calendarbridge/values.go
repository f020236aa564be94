package calendarbridge

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// readMoment reads a DATE or DATE-TIME with its parameters; loc is the zone of dates and floating times.
func readMoment(s string, params map[string][]string, loc *time.Location) (moment, error) {
	s = strings.TrimSpace(s)
	if len(s) == len("20060102") {
		wall, err := time.Parse("20060102", s)
		return moment{wall: wall, loc: loc, date: true}, inEra(wall, s, err)
	}
	if utc, found := strings.CutSuffix(s, "Z"); found {
		wall, err := time.Parse("20060102T150405", utc)
		return moment{wall: wall, loc: time.UTC}, inEra(wall, s, err)
	}
	if ids := params["TZID"]; len(ids) > 0 {
		var err error
		if loc, err = zoneByID(ids[0]); err != nil {
			return moment{}, err
		}
	}
	wall, err := time.Parse("20060102T150405", s)
	return moment{wall: wall, loc: loc}, inEra(wall, s, err)
}

// inEra refuses what is no date, and years in which counting repetitions would take forever.
func inEra(wall time.Time, s string, err error) error {
	if err != nil || wall.Year() < 1900 || wall.Year() > 2200 {
		return fmt.Errorf("%q is not a date or time between 1900 and 2200", clip(s, 40))
	}
	return nil
}

// readPeriod reads "start", "start/end" or "start/duration".
func readPeriod(s string, params map[string][]string, loc *time.Location) (period, error) {
	from, to, isPeriod := strings.Cut(s, "/")
	start, err := readMoment(from, params, loc)
	if err != nil || !isPeriod {
		return period{start: start}, err
	}
	if strings.HasPrefix(to, "P") || strings.HasPrefix(to, "+P") {
		l, err := parseDuration(to)
		return period{start: start, length: &l}, err
	}
	end, err := readMoment(to, params, loc)
	if err != nil {
		return period{}, err
	}
	return period{start: start, length: &length{exact: max(0, end.instant().Sub(start.instant()))}}, nil
}

var durationForm = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$`)

// parseDuration reads the durations of RFC 5545 section 3.3.6, negative ones excepted: no event ends before it begins.
func parseDuration(s string) (length, error) {
	m := durationForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return length{}, fmt.Errorf("DURATION %q is not like PT1H30M", clip(s, 40))
	}
	n := make([]int, len(m))
	for i := 1; i < len(m); i++ {
		n[i], _ = strconv.Atoi("0" + m[i]) // digits by the pattern
	}
	exact := time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second
	return length{days: 7*n[1] + n[2], exact: exact}, nil
}

// clip shortens s to at most n bytes without cutting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// oneLine makes s one line without control characters, at most n bytes.
func oneLine(s string, n int) string {
	return clip(strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)), " "), n)
}
