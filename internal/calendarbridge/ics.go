package calendarbridge

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
)

// keyProperty holds an event's idempotency key, zoneProperty the zone it was asked for in.
const (
	keyProperty  = "X-CALLAGENT-IDEMPOTENCY-KEY"
	zoneProperty = "X-CALLAGENT-TIMEZONE"
)

// calendar is what a file says about being busy.
type calendar struct {
	events []event
	busy   []interval // FREEBUSY periods
}

// event is one VEVENT.
type event struct {
	uid, summary string
	start        moment
	length       length
	rules        []string
	extra        []period // RDATE
	except       []moment // EXDATE
	replaces     *moment  // RECURRENCE-ID
	free         bool     // cancelled or transparent
	key, zone    string   // set in events of ours
}

// moment is a DATE or DATE-TIME before it becomes an instant: repetition counts on the wall, not in instants.
type moment struct {
	wall time.Time
	loc  *time.Location
	date bool
}

func (m moment) instant() time.Time { return instant(m.wall, m.loc) }

// length is an event's duration: whole days on the wall, then exact time (RFC 5545 section 3.3.6).
type length struct {
	days  int
	exact time.Duration
}

func (l length) end(start moment) time.Time {
	if l.days == 0 {
		return start.instant().Add(l.exact)
	}
	return instant(start.wall.AddDate(0, 0, l.days), start.loc).Add(l.exact)
}

// period is one RDATE; a nil length is the event's own.
type period struct {
	start  moment
	length *length
}

// parseCalendar reads a whole iCalendar file. Anything that might hide busy time is an error: a cut-off file, an
// unknown zone, an event without a start. loc is the zone of dates and floating times unless the file names one.
func parseCalendar(data []byte, loc *time.Location) (*calendar, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	// The library reads an empty or cut-off calendar without complaint.
	if !bytes.HasPrefix(text, []byte("BEGIN:VCALENDAR")) || !bytes.HasSuffix(text, []byte("\nEND:VCALENDAR")) {
		return nil, errors.New("it is not a whole iCalendar file; it must begin with BEGIN:VCALENDAR and end with END:VCALENDAR")
	}
	parsed, err := ics.ParseCalendarWithOptions(bytes.NewReader(text), ics.WithUnknownPropertyHandler(ics.AcceptUnknownPropertyHandler))
	if err != nil {
		return nil, fmt.Errorf("it is not iCalendar: %s", clip(err.Error(), 200))
	}
	for _, p := range parsed.CalendarProperties {
		if strings.EqualFold(p.IANAToken, "X-WR-TIMEZONE") {
			if loc, err = zoneByID(p.Value); err != nil {
				return nil, err
			}
		}
	}
	c := &calendar{}
	for _, v := range parsed.Events() {
		e, err := readEvent(&v.ComponentBase, loc)
		if err != nil {
			return nil, fmt.Errorf("event %q: %w", clip(e.uid, 80), err)
		}
		c.events = append(c.events, e)
	}
	for _, v := range parsed.Busys() {
		if err := c.readBusy(&v.ComponentBase, loc); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readEvent returns the event as far as it was read, also with an error, so that the error can name it.
func readEvent(v *ics.ComponentBase, loc *time.Location) (event, error) {
	e := event{uid: value(v, "UID"), summary: oneLine(value(v, "SUMMARY"), 200), key: value(v, keyProperty), zone: value(v, zoneProperty)}
	e.free = strings.EqualFold(value(v, "STATUS"), "CANCELLED") || strings.EqualFold(value(v, "TRANSP"), "TRANSPARENT")
	start := property(v, "DTSTART")
	if start == nil {
		return e, errors.New("it has no DTSTART")
	}
	var err error
	if e.start, err = readMoment(start.Value, start.ICalParameters, loc); err != nil {
		return e, fmt.Errorf("DTSTART: %w", err)
	}
	if e.length, err = readLength(v, e.start, loc); err != nil {
		return e, err
	}
	return e, e.readRepetition(v, loc)
}

func readLength(v *ics.ComponentBase, start moment, loc *time.Location) (length, error) {
	if p := property(v, "DTEND"); p != nil {
		end, err := readMoment(p.Value, p.ICalParameters, loc)
		if err != nil {
			return length{}, fmt.Errorf("DTEND: %w", err)
		}
		if start.date && end.date {
			return length{days: max(1, int(end.wall.Sub(start.wall).Hours()/24))}, nil
		}
		return length{exact: max(0, end.instant().Sub(start.instant()))}, nil
	}
	if p := property(v, "DURATION"); p != nil {
		l, err := parseDuration(p.Value)
		if err != nil {
			return l, err
		}
		return l, nil
	}
	if start.date {
		return length{days: 1}, nil // RFC 5545 section 3.6.1
	}
	return length{}, nil
}

func (e *event) readRepetition(v *ics.ComponentBase, loc *time.Location) error {
	for _, p := range properties(v, "RRULE") {
		e.rules = append(e.rules, p.Value)
	}
	for _, p := range properties(v, "EXDATE") {
		for _, s := range strings.Split(p.Value, ",") {
			m, err := readMoment(s, p.ICalParameters, loc)
			if err != nil {
				return fmt.Errorf("EXDATE: %w", err)
			}
			e.except = append(e.except, m)
		}
	}
	for _, p := range properties(v, "RDATE") {
		for _, s := range strings.Split(p.Value, ",") {
			r, err := readPeriod(s, p.ICalParameters, loc)
			if err != nil {
				return fmt.Errorf("RDATE: %w", err)
			}
			e.extra = append(e.extra, r)
		}
	}
	if p := property(v, "RECURRENCE-ID"); p != nil {
		if len(p.ICalParameters["RANGE"]) > 0 {
			return errors.New("RECURRENCE-ID with RANGE is not supported; split the series into two events")
		}
		m, err := readMoment(p.Value, p.ICalParameters, loc)
		if err != nil {
			return fmt.Errorf("RECURRENCE-ID: %w", err)
		}
		e.replaces = &m
	}
	return nil
}

// readBusy takes the periods of a VFREEBUSY component, as free/busy feeds publish them.
func (c *calendar) readBusy(v *ics.ComponentBase, loc *time.Location) error {
	for _, p := range properties(v, "FREEBUSY") {
		if t := p.ICalParameters["FBTYPE"]; len(t) > 0 && strings.EqualFold(t[0], "FREE") {
			continue
		}
		for _, s := range strings.Split(p.Value, ",") {
			r, err := readPeriod(s, p.ICalParameters, loc)
			if err != nil {
				return fmt.Errorf("FREEBUSY: %w", err)
			}
			if r.length == nil {
				return errors.New("FREEBUSY: a period has no end")
			}
			c.busy = append(c.busy, interval{start: r.start.instant(), end: r.length.end(r.start), summary: "busy"})
		}
	}
	return nil
}

func properties(v *ics.ComponentBase, name string) (found []ics.IANAProperty) {
	for _, p := range v.Properties {
		if strings.EqualFold(p.IANAToken, name) {
			found = append(found, p)
		}
	}
	return found
}

func property(v *ics.ComponentBase, name string) *ics.IANAProperty {
	if found := properties(v, name); len(found) > 0 {
		return &found[0]
	}
	return nil
}

func value(v *ics.ComponentBase, name string) string {
	if p := property(v, name); p != nil {
		return p.Value
	}
	return ""
}
