package calendar

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// answer is what a bridge answered, of any of the three calls: well-formed, and not yet
// judged. Of conflicts only their number is kept: what they are is the owner's business.
type answer struct {
	status                int
	hasOK, ok             bool
	conflicts             int
	hasSlots              bool
	slots, alternatives   []call.Slot
	eventID               string
	start, end, complaint string
}

// decodeAnswer reads an answer. Names are exact, unlike encoding/json's own, since "ok"
// must be said and not resembled; what it does not know it ignores.
func decodeAnswer(raw []byte) (answer, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return answer{}, errors.New("not a JSON object")
	}
	var a answer
	var ok *bool
	var conflicts []json.RawMessage
	var slots, alternatives []wireSlot
	for name, into := range map[string]any{
		"ok": &ok, "conflicts": &conflicts, "slots": &slots, "alternatives": &alternatives,
		"eventId": &a.eventID, "start": &a.start, "end": &a.end,
	} {
		if value, given := fields[name]; given && json.Unmarshal(value, into) != nil {
			return answer{}, fmt.Errorf("%s is not of the type it should be", name)
		}
	}
	_ = json.Unmarshal(fields["error"], &a.complaint) // whatever it is, it is for the log alone
	a.complaint = call.PlainText(a.complaint, maxLine)
	_, a.hasSlots = fields["slots"]
	a.hasOK, a.ok, a.conflicts = ok != nil, ok != nil && *ok, len(conflicts)
	var err error
	if a.slots, err = readSlots(slots); err != nil {
		return answer{}, fmt.Errorf("slots: %w", err)
	}
	if a.alternatives, err = readSlots(alternatives); err != nil {
		return answer{}, fmt.Errorf("alternatives: %w", err)
	}
	return a, nil
}

type wireSlot struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

func readSlots(in []wireSlot) ([]call.Slot, error) {
	var out []call.Slot
	for _, w := range in {
		s, err := w.read()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// read does not repeat what it could not read: it may be anything.
func (w wireSlot) read() (call.Slot, error) {
	start, err1 := time.Parse(time.RFC3339, w.Start)
	end, err2 := time.Parse(time.RFC3339, w.End)
	if err1 != nil || err2 != nil {
		return call.Slot{}, errors.New("start and end must be RFC 3339 with an offset")
	}
	if !end.After(start) {
		return call.Slot{}, errors.New("end must be after start")
	}
	return call.Slot{Start: start, End: end}, nil
}

// found: slots only if ok is true and slots are there.
func (a answer) found() ([]call.Slot, error) {
	switch {
	case a.ok && a.hasSlots:
		return a.slots, nil
	case a.hasOK && !a.ok:
		return nil, a.refused()
	}
	return nil, down("the answer to find-slots lacks ok or slots")
}

// checked: conflicts mean taken, whatever ok says; free is only ok:true without.
func (a answer) checked() (call.CheckAnswer, error) {
	switch {
	case a.conflicts > 0:
		return call.CheckAnswer{Alternatives: a.alternatives}, nil
	case a.ok:
		return call.CheckAnswer{Free: true, Alternatives: a.alternatives}, nil
	case a.hasOK:
		return call.CheckAnswer{}, a.refused()
	}
	return call.CheckAnswer{}, down("the answer to check-slot lacks ok")
}

// created: booked only if ok is true, there is an event, and its time is the one asked
// for. An event at another time, or without an id, may exist: the answer is unknown.
func (a answer) created(asked call.Slot) (string, error) {
	if a.hasOK && !a.ok {
		return "", a.refused()
	}
	if !a.hasOK || a.eventID == "" {
		return "", down("the answer to create-event lacks ok or eventId")
	}
	got, err := wireSlot{Start: a.start, End: a.end}.read()
	if err != nil {
		return "", down("the answer to create-event: %w", err)
	}
	if !got.Equal(asked) {
		return "", down("create-event answered another time than was asked for")
	}
	return a.eventID, nil
}

// refused is ok:false: the bridge did nothing, because of conflicts or otherwise.
func (a answer) refused() error {
	if a.conflicts > 0 {
		return failed(call.CalendarTaken, "the bridge says that the slot is taken (status %d): %s", a.status, a.complaint)
	}
	return failed(call.CalendarRefused, "the bridge refused (status %d): %s", a.status, a.complaint)
}

func down(format string, args ...any) error { return failed(call.CalendarDown, format, args...) }

func failed(kind call.CalendarKind, format string, args ...any) error {
	return &call.CalendarError{Kind: kind, Err: line{fmt.Errorf(format, args...)}}
}

// maxLine bounds an error's text, of which bridge and network may have written a part.
const maxLine = 300

// line is an error whose text is one bounded line.
type line struct{ err error }

func (l line) Error() string { return call.PlainText(l.err.Error(), maxLine) }

// Unwrap returns the cause.
func (l line) Unwrap() error { return l.err }
