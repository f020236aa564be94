package call

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode"
)

// Booking is an event in the owner's calendar: first the intent to create it,
// then, with EventID, the event. The stored request is what is repeated while its
// answer is unknown (contract section 3).
type Booking struct {
	Key         string    `json:"key"`
	EventID     string    `json:"eventId,omitempty"`
	CalendarID  string    `json:"calendarId"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Timezone    string    `json:"timezone"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	IntendedAt  time.Time `json:"intendedAt"`
	// Revoked: the callee took the agreement back while the answer was unknown; the
	// event, if there is one, is then unconfirmed.
	Revoked bool `json:"revoked,omitempty"`
	// Tries counts the requests made; NextTryAt is when the sweep repeats it.
	Tries     int        `json:"tries,omitempty"`
	NextTryAt *time.Time `json:"nextTryAt,omitempty"`
}

// Slot is the time of the event.
func (b Booking) Slot() Slot { return Slot{Start: b.Start, End: b.End} }

// bookingPatience is how long an unknown answer is asked for again (contract section 3).
const bookingPatience = 15 * time.Minute

// BookingKey is the idempotency key of an event: the same for the same call,
// calendar and slot, so that repeating the request never makes a second event.
func BookingKey(id ID, calendarID string, s Slot) string {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode([]string{ // a hash never fails; JSON keeps the fields apart
		string(id), calendarID, s.Start.UTC().Format(time.RFC3339), s.End.UTC().Format(time.RFC3339),
	})
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// FindSlots asks the bridge for free slots.
type FindSlots struct {
	CalendarIDs        []string
	WindowStart        time.Time
	WindowEnd          time.Time
	DurationMinutes    int
	GranularityMinutes int
	Timezone           string
	WorkingHours       *WorkingHours
}

// CheckSlot asks the bridge about one slot.
type CheckSlot struct {
	CalendarIDs []string
	Slot        Slot
	Timezone    string
}

// CheckAnswer is the bridge's answer about one slot. Names of other appointments
// never leave the client.
type CheckAnswer struct {
	Free         bool
	Alternatives []Slot
}

// PlainText makes one line of at most limit runes out of words of model or callee:
// no control characters, no URL (contract sections 1 and 3).
func PlainText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "") // first, or a stray byte would hide a URL until it is dropped
	fields := strings.FieldsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || (r >= 0x80 && r <= 0xa0) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	})
	kept := fields[:0]
	for _, w := range fields {
		if !looksLikeURL(w) {
			kept = append(kept, w)
		}
	}
	runes := []rune(strings.Join(kept, " "))
	if len(runes) > limit {
		runes = append(runes[:limit-1], '…')
	}
	return string(runes)
}

func looksLikeURL(w string) bool {
	l := strings.ToLower(w)
	return strings.Contains(l, "://") || strings.Contains(l, "www.") || strings.HasPrefix(l, "mailto:") || strings.HasPrefix(l, "javascript:")
}
