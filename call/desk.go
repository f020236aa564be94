package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Desk is the guard between the model and the owner's calendar, for one media
// session. The model says when; everything else is ours. What it must not do is
// refused in words it can use, and nothing the bridge does ever ends the call. Its
// methods may be called concurrently.
type Desk struct {
	live *Live

	mu sync.Mutex
	// known are the slots that the calendar called free in this session.
	known map[int64]bool
	// proposed holds once the record knows that slots were offered.
	proposed bool
	// creating holds while a create-event request is under way.
	creating bool
}

// Limits of what the model is told, and how long it waits for it.
const (
	maxOffered   = 5
	findLimit    = 6 * time.Second
	createLimit  = 10 * time.Second
	maxTitle     = 120
	maxEventText = 500
)

// NewDesk opens the desk of a session.
func NewDesk(l *Live) *Desk { return &Desk{live: l, known: make(map[int64]bool)} }

// ToolAnswer is what the model is told: a flat JSON object.
type ToolAnswer struct {
	Slots        []OfferedSlot `json:"slots,omitempty"`
	Free         *bool         `json:"free,omitempty"`
	Alternatives []OfferedSlot `json:"alternatives,omitempty"`
	Booked       *bool         `json:"booked,omitempty"`
	Slot         *OfferedSlot  `json:"slot,omitempty"`
	Timezone     string        `json:"timezone,omitempty"`
	Message      string        `json:"message,omitempty"`
	Error        string        `json:"error,omitempty"`
}

// OfferedSlot is a slot as the model gets it: instants in the callee's zone, and
// how to say the start.
type OfferedSlot struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	Spoken string `json:"spoken"`
}

// Answers are for the model; it cannot act on the causes, which stay in the log.
const (
	sayCalendarDown = "The calendar cannot be reached right now. Say that you cannot look at the calendar at the moment; do not name or confirm any time."
	sayUnknown      = "The calendar did not confirm the booking. Do not say that it is booked. Say that the appointment will be confirmed later, thank them, and end the call with reason unclear."
	sayNotOffered   = "That time was never offered or checked in this call. Check it with " + ToolCheckSlot + " first."
	sayBooked       = "The appointment is already booked and cannot be changed in this call. If they want another time, say that the owner will get in touch, and end the call with reason unclear."
	sayTaken        = "That time has just been taken. Offer another time."
	sayNothingFree  = "Nothing is free in that range. Ask for another day, or note their proposal as a next step."
	sayBusy         = "One booking request is already under way. Wait for its answer."
)

// Use carries out one calendar tool. Name is one of ModelTools; args is the model's
// JSON, not to be trusted in any way.
func (d *Desk) Use(ctx context.Context, name string, args []byte) ToolAnswer {
	switch name {
	case ToolFindSlots:
		return d.findSlots(ctx, args)
	case ToolCheckSlot:
		return d.checkSlot(ctx, args)
	case ToolCreateEvent:
		return d.createEvent(ctx, args)
	}
	return ToolAnswer{Error: fmt.Sprintf("There is no tool %q.", PlainText(name, maxTitle))}
}

func (d *Desk) call() *Call { return &d.live.call }

func (d *Desk) now() time.Time { return d.live.s.Now() }

// calleeZone is the zone in which times are spoken.
func (d *Desk) calleeZone() *time.Location { return location(d.call().Request.CalleeTimezone) }

func (d *Desk) findSlots(ctx context.Context, args []byte) ToolAnswer {
	var in struct {
		From, To *string
	}
	if err := json.Unmarshal(args, &in); err != nil {
		return ToolAnswer{Error: "The arguments must be a JSON object with optional from and to."}
	}
	r := d.call().Request
	from, problem := d.bound(in.From, maxTime(r.WindowStart, d.now()))
	to, problem2 := d.bound(in.To, r.WindowEnd)
	if in.To != nil && len(*in.To) == len(time.DateOnly) {
		to = to.AddDate(0, 0, 1) // a day without a time includes that day
	}
	if problem+problem2 != "" {
		return ToolAnswer{Error: problem + problem2}
	}
	from, to = maxTime(from, maxTime(r.WindowStart, d.now())), minTime(to, r.WindowEnd)
	if to.Sub(from) < r.Duration() {
		return ToolAnswer{Message: sayNothingFree, Timezone: r.CalleeTimezone}
	}
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	slots, err := d.live.s.Calendar.FindSlots(ctx, r.search(from, to))
	if err != nil {
		return d.down(ctx, "find slots", err)
	}
	offered := d.offer(ctx, slots)
	if len(offered) == 0 {
		return ToolAnswer{Message: sayNothingFree, Timezone: r.CalleeTimezone}
	}
	return ToolAnswer{Slots: offered, Timezone: r.CalleeTimezone}
}

// bound reads an optional limit of a search.
func (d *Desk) bound(v *string, otherwise time.Time) (time.Time, string) {
	if v == nil || *v == "" {
		return otherwise, ""
	}
	t, problem := d.instant(*v)
	return t, problem
}

// instant reads a time as models write them: RFC 3339, or without an offset, which
// then means the callee's zone, as everything said on the line does.
func (d *Desk) instant(v string) (time.Time, string) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, v, d.calleeZone()); err == nil {
			return t.Truncate(time.Second), "" // slots and booking keys know whole seconds
		}
	}
	return time.Time{}, "Write times in RFC 3339 with an offset, such as 2026-03-05T11:00:00-08:00. "
}

// offer picks what the model may offer of what the bridge calls free, and remembers it.
func (d *Desk) offer(ctx context.Context, slots []Slot) []OfferedSlot {
	r := d.call().Request
	picked := r.offers(slots, d.now())
	out := make([]OfferedSlot, 0, len(picked))
	d.mu.Lock()
	for _, s := range picked {
		d.known[s.Start.Unix()] = true
		out = append(out, r.spoken(s))
	}
	d.mu.Unlock()
	if len(out) > 0 {
		d.tell(ctx)
	}
	return out
}

// tell lets listeners know, once, that slots are being offered. A store that does not answer
// costs them that step, and the callee nothing.
func (d *Desk) tell(ctx context.Context) {
	d.mu.Lock()
	known := d.proposed
	d.proposed = true
	d.mu.Unlock()
	if known {
		return
	}
	offered := SlotsOffered{Attempt: d.live.attempt, StreamID: d.live.streamID, At: d.now()}
	if _, _, err := d.live.s.apply(ctx, d.call().ID, offered); err != nil {
		d.live.s.Log.WarnContext(ctx, "cannot record that slots are being offered", "call_id", d.call().ID, "error", err)
		d.mu.Lock()
		d.proposed = false
		d.mu.Unlock()
	}
}

func (d *Desk) checkSlot(ctx context.Context, args []byte) ToolAnswer {
	s, problem := d.slotArg(args)
	if problem != "" {
		return ToolAnswer{Error: problem}
	}
	r := d.call().Request
	if why := r.checkSlot(s, d.now()); why != "" {
		return ToolAnswer{Free: ptr(false), Message: why}
	}
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	answer, err := d.live.s.Calendar.CheckSlot(ctx, CheckSlot{CalendarIDs: []string{r.CalendarID}, Slot: s, Timezone: r.Timezone})
	if err != nil {
		return d.down(ctx, "check slot", err)
	}
	if !answer.Free {
		return ToolAnswer{Free: ptr(false), Message: "The owner is busy then. Offer another time.", Alternatives: d.offer(ctx, answer.Alternatives), Timezone: r.CalleeTimezone}
	}
	offered := d.offer(ctx, []Slot{s})
	if len(offered) == 0 { // it began while the calendar was being asked
		return ToolAnswer{Free: ptr(false), Message: r.checkSlot(s, d.now())}
	}
	return ToolAnswer{Free: ptr(true), Slot: &offered[0], Timezone: r.CalleeTimezone}
}

// slotArg reads the start that the model names; the length is ours.
func (d *Desk) slotArg(args []byte) (Slot, string) {
	var in struct{ Start string }
	if err := json.Unmarshal(args, &in); err != nil || in.Start == "" {
		return Slot{}, "The arguments must be a JSON object with start, in RFC 3339."
	}
	t, problem := d.instant(in.Start)
	return Slot{Start: t, End: t.Add(d.call().Request.Duration())}, problem
}

// createEvent books: guards, then the calendar once more, then the intent in the
// record, then the request, then its answer in the record, and only then the model.
func (d *Desk) createEvent(ctx context.Context, args []byte) ToolAnswer {
	s, problem := d.slotArg(args)
	if problem != "" {
		return notBooked(problem)
	}
	var text struct{ Title, Description string }
	if err := json.Unmarshal(args, &text); err != nil {
		return notBooked("title and description must be strings.")
	}
	if why := d.begin(s); why != "" {
		return notBooked(why)
	}
	defer d.finish()
	c, err := d.live.s.Store.Get(ctx, d.call().ID)
	if err != nil {
		return d.downBooking(ctx, "read the call", err)
	}
	if c.Event != nil {
		return d.alreadyBooked(ctx, c, s)
	}
	if c.Booking == nil {
		if answer, ok := d.recheck(ctx, s); !ok {
			return answer
		}
		b := d.booking(s, text.Title, text.Description)
		if c, _, err = d.live.s.apply(ctx, c.ID, BookingIntended{Attempt: d.live.attempt, StreamID: d.live.streamID, Booking: b, At: d.now()}); err != nil {
			return d.downBooking(ctx, "record the intent", err)
		}
	}
	if c.Booking == nil {
		return notBooked(sayUnknown)
	}
	if !c.Booking.Slot().Equal(s) {
		return d.otherPending(ctx, c)
	}
	return d.send(ctx, *c.Booking)
}

// begin lets one create-event request through at a time, and only for a slot that
// was called free in this session.
func (d *Desk) begin(s Slot) (refusal string) {
	if why := d.call().Request.checkSlot(s, d.now()); why != "" {
		return why
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.known[s.Start.Unix()]:
		return sayNotOffered
	case d.creating:
		return sayBusy
	}
	d.creating = true
	return ""
}

func (d *Desk) finish() {
	d.mu.Lock()
	d.creating = false
	d.mu.Unlock()
}

func (d *Desk) recheck(ctx context.Context, s Slot) (ToolAnswer, bool) {
	r := d.call().Request
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	answer, err := d.live.s.Calendar.CheckSlot(ctx, CheckSlot{CalendarIDs: []string{r.CalendarID}, Slot: s, Timezone: r.Timezone})
	if err != nil {
		return d.downBooking(ctx, "check the slot again", err), false
	}
	if !answer.Free {
		t := notBooked(sayTaken)
		t.Alternatives = d.offer(ctx, answer.Alternatives)
		return t, false
	}
	return ToolAnswer{}, true
}

func (d *Desk) booking(s Slot, title, description string) Booking {
	c := d.call()
	z := location(c.Request.Timezone)
	if title = PlainText(title, maxTitle); title == "" {
		title = PlainText("Appointment: "+firstNonEmpty(c.Request.CalleeName, c.Request.Goal), maxTitle)
	}
	return Booking{
		Key: BookingKey(c.ID, c.Request.CalendarID, s), CalendarID: c.Request.CalendarID,
		Start: s.Start.In(z), End: s.End.In(z), Timezone: c.Request.Timezone,
		Title: title, Description: PlainText(description, maxEventText),
	}
}

// send makes the request; what it achieved is in the record before the model hears of it.
func (d *Desk) send(ctx context.Context, b Booking) ToolAnswer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createLimit)
	defer cancel()
	c, err := d.live.s.book(ctx, d.call().ID, b)
	var failed *CalendarError
	switch {
	case err == nil && c.Event != nil:
		offered := d.call().Request.spoken(b.Slot())
		return ToolAnswer{Booked: ptr(true), Slot: &offered, Timezone: d.call().Request.CalleeTimezone}
	case errors.As(err, &failed) && failed.Kind == CalendarTaken:
		return notBooked(sayTaken)
	case errors.As(err, &failed) && failed.Kind == CalendarRefused:
		return notBooked("The calendar refused this booking. Offer another time.")
	}
	d.live.s.Log.ErrorContext(ctx, "booking without an answer; the same request is repeated until it has one", "call_id", d.call().ID, "error", err)
	return notBooked(sayUnknown)
}

// alreadyBooked answers a second booking: the first event, if it is the same; a
// change of mind is not rebooked, the owner is told (contract section 3).
func (d *Desk) alreadyBooked(ctx context.Context, c Call, s Slot) ToolAnswer {
	if c.Event.Slot().Equal(s) {
		offered := d.call().Request.spoken(s)
		return ToolAnswer{Booked: ptr(true), Slot: &offered, Timezone: c.Request.CalleeTimezone}
	}
	if _, _, err := d.live.s.apply(ctx, c.ID, AgreementRevoked{Attempt: d.live.attempt, StreamID: d.live.streamID, At: d.now()}); err != nil {
		return d.downBooking(ctx, "record the change of mind", err)
	}
	return notBooked(sayBooked)
}

// otherPending answers a booking while that of another slot has no answer yet: no
// other slot is tried (contract section 3), and what the bridge may still book is not
// what the callee now wants.
func (d *Desk) otherPending(ctx context.Context, c Call) ToolAnswer {
	if _, _, err := d.live.s.apply(ctx, c.ID, AgreementRevoked{Attempt: d.live.attempt, StreamID: d.live.streamID, At: d.now()}); err != nil {
		return d.downBooking(ctx, "record the change of mind", err)
	}
	return notBooked(sayUnknown)
}

func (d *Desk) down(ctx context.Context, doing string, err error) ToolAnswer {
	d.live.s.Log.WarnContext(ctx, "calendar did not answer", "call_id", d.call().ID, "doing", doing, "error", err)
	return ToolAnswer{Error: sayCalendarDown}
}

func (d *Desk) downBooking(ctx context.Context, doing string, err error) ToolAnswer {
	a := d.down(ctx, doing, err)
	a.Booked = ptr(false)
	return a
}

func notBooked(why string) ToolAnswer { return ToolAnswer{Booked: ptr(false), Error: why} }

func ptr[T any](v T) *T { return &v }
