package calendarbridge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
)

// booking is a create-event request, read.
type booking struct {
	createRequest
	from, to time.Time
	loc      *time.Location
}

// keyForm is printable ASCII: it stands in the file as it is.
var keyForm = regexp.MustCompile(`^[!-~]{1,256}$`)

// createEvent answers create-event. The look at the calendar and the write are one step under b.create; the folder's
// lock keeps other processes out. A repeated key gets the first answer, whatever has become busy since.
func (b *Bridge) createEvent(ctx context.Context, body []byte) (any, error) {
	var r createRequest
	if err := decode(body, createFields, &r); err != nil {
		return nil, err
	}
	k, err := r.read()
	if err != nil {
		return nil, err
	}
	feeds, feedErr := b.feeds(ctx)
	b.create.Lock()
	defer b.create.Unlock()
	own, data, err := b.ownFile(k.CalendarID)
	if err != nil {
		return nil, err
	}
	if first := own.withKey(k.IdempotencyKey); first != nil {
		return k.repeat(first)
	}
	if feedErr != nil {
		return nil, feedErr // after the look for the key: what is booked is booked, whoever is down now
	}
	busy, err := busyBetween(ctx, append(feeds, own), k.from, k.to)
	if err != nil {
		return nil, err
	}
	if len(busy) > 0 {
		return takenAnswer{answer{Error: "the slot is taken; ask find-slots for a free one"}, conflictsJSON(busy, k.loc)}, nil
	}
	if err := b.store.write(k.CalendarID, insert(data, k.vevent(b.now()))); err != nil {
		return nil, err
	}
	b.log.Info("event created", "calendar", k.CalendarID, "event_id", k.eventID(), "start", k.from.UTC(), "end", k.to.UTC())
	return k.answer(k.eventID(), k.Timezone), nil
}

func (r createRequest) read() (k booking, err error) {
	if k.loc, err = readZone(r.Timezone); err != nil {
		return k, err
	}
	if k.from, k.to, err = readSpan("start", r.Start, "end", r.End, maxDuration, k.loc); err != nil {
		return k, err
	}
	if r.CalendarID == "" {
		r.CalendarID = primary
	}
	if !calendarName.MatchString(r.CalendarID) {
		return k, badCalendarID("calendarId", r.CalendarID)
	}
	if !keyForm.MatchString(r.IdempotencyKey) {
		return k, invalid(400, "idempotencyKey must be 1 to 256 printable ASCII characters without spaces")
	}
	if r.Title, err = readText("title", oneLine(r.Title, 4000), 1, 300); err != nil {
		return k, err
	}
	if r.Description, err = readText("description", r.Description, 0, 4000); err != nil {
		return k, err
	}
	if r.Location, err = readText("location", r.Location, 0, 500); err != nil {
		return k, err
	}
	k.createRequest = r
	return k, checkAttendees(r.Attendees)
}

// withKey finds the event that was created with the key.
func (c *calendar) withKey(key string) *event {
	for i := range c.events {
		if c.events[i].key == key {
			return &c.events[i]
		}
	}
	return nil
}

// repeat answers a request whose key has an event.
func (k booking) repeat(first *event) (any, error) {
	if !first.start.instant().Equal(k.from) || !first.length.end(first.start).Equal(k.to) {
		return nil, invalid(409, "idempotencyKey was used for an event at another time; use a new key for a new event")
	}
	return k.answer(first.uid, first.zone), nil
}

func (k booking) answer(eventID, zone string) createAnswer {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		loc, zone = k.loc, k.Timezone // somebody took the zone out of the file
	}
	return createAnswer{OK: true, EventID: eventID, CalendarID: k.CalendarID, Start: stamp(k.from, loc), End: stamp(k.to, loc), Timezone: zone}
}

// eventID follows from calendar and key, so that even an event lost with its file comes back under its own UID.
func (k booking) eventID() string {
	sum := sha256.Sum256([]byte(k.CalendarID + "\x00" + k.IdempotencyKey))
	return hex.EncodeToString(sum[:16]) + "@call-agent"
}

// vevent writes the event. Its times are UTC, which every program understands without a VTIMEZONE.
func (k booking) vevent(now time.Time) string {
	e := ics.NewEvent(k.eventID())
	e.SetDtStampTime(now)
	e.SetCreatedTime(now)
	e.SetStartAt(k.from)
	e.SetEndAt(k.to)
	e.SetSummary(k.Title)
	if k.Description != "" {
		e.SetDescription(k.Description)
	}
	if k.Location != "" {
		e.SetLocation(k.Location)
	}
	for _, a := range k.Attendees {
		role := ics.ParticipationRoleReqParticipant
		if a.Optional {
			role = ics.ParticipationRoleOptParticipant
		}
		e.AddAttendee(a.Email, role)
	}
	e.SetStatus(ics.ObjectStatusConfirmed)
	e.SetProperty(ics.ComponentProperty(zoneProperty), k.Timezone)
	e.SetProperty(ics.ComponentProperty(keyProperty), k.IdempotencyKey)
	var b strings.Builder
	// The builder cannot fail; the library folds lines at 75 octets (RFC 5545 section 3.1).
	_ = e.SerializeTo(&b, &ics.SerializationConfiguration{MaxLength: 75, NewLine: "\r\n", PropertyMaxLength: 75})
	return b.String()
}

// insert puts an event before the end of a calendar and leaves every other byte as it was: a file from another program
// may hold what our library would not write back unchanged.
func insert(data []byte, vevent string) []byte {
	end := bytes.LastIndex(data, []byte("END:VCALENDAR")) // parseCalendar has seen to it that it is there
	return fmt.Appendf(nil, "%s%s%s", data[:end], vevent, data[end:])
}
