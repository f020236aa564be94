package call

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Store keeps call records. All methods may be called concurrently; a method that
// returns nil has made its write durable.
type Store interface {
	// Create writes a new call, its lock on Request.To, its place in the day's quota
	// and, if key is not nil, the idempotency key, in one transaction. If the key is
	// known, it returns the call of that key and nil, or, where the bodies differ, an
	// *Error with Conflict. If the number is held by a call that is not final, it
	// returns an *Error with Conflict naming that call; if the day has q.Calls calls
	// already, a *QuotaError.
	Create(ctx context.Context, c Call, key *IdempotencyKey, q Quota) (Call, error)
	// Repeat returns the call that the key placed, an *Error with Conflict where the
	// bodies differ, or ErrNotFound where the key is unknown or has expired by now.
	Repeat(ctx context.Context, key IdempotencyKey, now time.Time) (Call, error)
	// Get returns a call, or ErrNotFound.
	Get(ctx context.Context, id ID) (Call, error)
	// Update writes c where the stored version is still c.Version, and stores it as
	// version c.Version+1; otherwise ErrStale. The provider index, the due index
	// (c.Due) and the lock on the number (released when final) follow in the same write.
	// A call without a live attempt gives its place among the live ones back.
	Update(ctx context.Context, c Call) error
	// Claim is Update for a call whose last attempt has just been claimed: in the same
	// write the attempt takes its place among the live ones and in its number's day.
	// Where q leaves none, nothing is written and the error is a *QuotaError.
	Claim(ctx context.Context, c Call, q Quota) error
	// ByProviderCall finds the call that a provider's call id was bound to, or ErrNotFound.
	ByProviderCall(ctx context.Context, providerCallID string) (ID, error)
	// Due lists at most limit calls whose Due is not after t, the longest due first.
	Due(ctx context.Context, t time.Time, limit int) ([]ID, error)
	// List returns the newest calls that q asks for, by an index. A store may be a moment
	// behind its last writes here, and nowhere else.
	List(ctx context.Context, q Query) (Page, error)
	// Delete forgets a final call, with the provider's ids, the idempotency key and the
	// outbox items that lead to it, in one write. ErrNotFound where there is none; an
	// *Error with Conflict where it is not final.
	Delete(ctx context.Context, id ID) error
	// Ping says whether the store can be read.
	Ping(ctx context.Context) error
}

// Quota bounds what a write may add to what the store counts; 0 is no bound. Places of
// live attempts are given back, the day's counts are not: a claim that came to nothing
// still counts, so that the limits hold whatever fails.
type Quota struct {
	// Day is the day that is counted on, as "2026-11-24".
	Day string
	// Calls are those created on the day, Attempts those claimed on it for one number,
	// Live the attempts claimed and not over.
	Calls, Attempts, Live int
}

// QuotaKind is one of the counts of a Quota.
type QuotaKind int

// The counts of a Quota.
const (
	QuotaCalls QuotaKind = iota
	QuotaAttempts
	QuotaLive
)

// QuotaError means that a count of the quota is used up. Nothing was written.
type QuotaError struct{ Kind QuotaKind }

// Error names the key of the configuration that sets the limit.
func (e *QuotaError) Error() string {
	switch e.Kind {
	case QuotaCalls:
		return "policy.max_calls_per_day is reached"
	case QuotaAttempts:
		return "policy.max_attempts_per_number_per_day is reached"
	case QuotaLive:
		return "policy.max_concurrent is reached"
	}
	return "a limit of policy is reached"
}

// IdempotencyKey ties a repeated request to its first answer: per token, kept 24 h.
type IdempotencyKey struct {
	Token    string
	Key      string
	BodyHash string
	// Expires is when the key may be forgotten.
	Expires time.Time
}

// IdempotencyTTL is how long a key is kept (contract section 1).
const IdempotencyTTL = 24 * time.Hour

// Telephony is a provider of phone calls: the owner's six responsibilities and a
// seventh, to look a call up, since callbacks get lost. Safe for concurrent use.
type Telephony interface {
	// Name is the value of telephony.provider that selects it.
	Name() string
	// StartCall asks the provider, once, to dial. An error is a *DialError.
	StartCall(ctx context.Context, d Dial) (Started, error)
	// VoiceResponse renders what the provider is to do with an answered call.
	VoiceResponse(v VoiceReply) (contentType string, body []byte, err error)
	// ValidateRequest checks a webhook's signature over the configured public URL
	// (base plus the request's own path and query), never over Host or forwarded headers.
	ValidateRequest(r *http.Request, body []byte, publicURL string) error
	// MapStatus reads a webhook's form: voice, status and answering-machine verdict alike.
	MapStatus(form url.Values) (ProviderReport, error)
	// Routes are additional HTTP routes, by ServeMux pattern; nil for none.
	Routes() map[string]http.Handler
	// EndCall puts the line down; a call that is already down is success.
	EndCall(ctx context.Context, providerCallID string) error
	// LookUp asks what became of an attempt: by its provider call id or, if that is
	// unknown, by number and time of the dial. Found is false only where the provider
	// answered that there is no such call.
	LookUp(ctx context.Context, q LookUp) (report ProviderReport, found bool, err error)
}

// Dial is one request to a provider.
type Dial struct {
	CallID  ID
	Attempt int
	To      string
	// VoiceURL, StatusURL and MachineURL carry call id and attempt.
	VoiceURL, StatusURL, MachineURL string
	// RingTimeout and MaxLength bound the attempt at the provider too.
	RingTimeout, MaxLength time.Duration
	// StreamToken and StreamURL are for providers whose phone is a program or a page (mock).
	StreamToken, StreamURL string
}

// Started is a provider's acceptance.
type Started struct {
	ProviderCallID string
	// Hint is a link for a person, StreamURL one for a program; mock only.
	Hint, StreamURL string
}

// DialKind says what an error of StartCall means for the attempt.
type DialKind int

// Kinds of DialError.
const (
	// DialUnknown: the request may have been carried out; it must not be repeated.
	DialUnknown DialKind = iota
	// DialRefusedForGood: the provider refused and would refuse again.
	DialRefusedForGood
	// DialRefusedForNow: the provider did not process the request (429).
	DialRefusedForNow
	// DialNotSent: the provider could not be reached; nothing was sent.
	DialNotSent
)

// DialError is why a dial did not work: Words are plain and say how to mend it.
type DialError struct {
	Kind  DialKind
	Code  string
	Words string
	// RetryAfter is how long the provider asked us to wait; 0 where it did not say.
	RetryAfter time.Duration
	Err        error
}

// Error says the provider's code and our words.
func (e *DialError) Error() string {
	if e.Code == "" {
		return e.Words
	}
	return e.Code + ": " + e.Words
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// ProviderReport is what a provider said about one of its calls.
type ProviderReport struct {
	ProviderCallID string
	// Foreign means that the call belongs to another account than ours.
	Foreign bool
	Status  Status
	// Sequence orders callbacks of one call, from 0; -1 where the provider gave none.
	Sequence int
	// Machine means an answering machine or fax was detected; only in machine verdicts.
	Machine bool
	// Words is the provider's explanation of a failure, plain; may be empty.
	Words string
	// Minutes are those that it bills, each minute begun; 0 where it did not say.
	Minutes int
	At      time.Time
}

// LookUp asks a provider about an attempt.
type LookUp struct {
	ProviderCallID string
	To             string
	// DialledAfter bounds the search when the id is unknown; Exclude are the calls of
	// other attempts to the same number.
	DialledAfter time.Time
	Exclude      []string
}

// VoiceKind is what an answered call is told to do.
type VoiceKind int

// Kinds of VoiceReply.
const (
	// VoiceConnect connects the call to StreamURL.
	VoiceConnect VoiceKind = iota
	// VoiceHangUp puts the line down without a word.
	VoiceHangUp
	// VoiceApology says one apology and puts the line down.
	VoiceApology
	// VoiceInbound tells somebody who rang our number back what we are.
	VoiceInbound
)

// VoiceReply is our answer to a provider that asks what to do with a call.
type VoiceReply struct {
	Kind VoiceKind
	// CallID, Attempt, StreamURL and AfterURL go with VoiceConnect. AfterURL is
	// requested when the stream has ended and the line is still up.
	CallID    ID
	Attempt   int
	StreamURL string
	AfterURL  string
}

// Media is the media plane, asked before every dial: nobody is rung up whom nobody
// could talk to. Safe for concurrent use.
type Media interface {
	// Reserve keeps a place for the attempt's stream until then, in a process that
	// keeps running. An error is a *MediaError: no place is free, or the model does
	// not answer, and the attempt must wait. A second one for the same attempt is nothing.
	Reserve(ctx context.Context, id ID, attempt int, until time.Time) error
	// Host is the ws(s) base of the media host that is to hold the call's stream: of
	// several, one that has room. An error is a *MediaError: there is none now.
	Host(ctx context.Context, id ID) (base string, err error)
	// Release gives the place back of an attempt that is over or was not dialled; one
	// that was not reserved, or whose stream has taken it, is nothing.
	Release(id ID, attempt int)
	// HangUp asks a call's session to say goodbye, where this process is the one that holds it.
	// It does not wait for that. Another process sees the request in the record.
	HangUp(id ID)
}

// MediaError is why the media plane could not hold a call now. Words are plain.
type MediaError struct {
	Words string
	Err   error
}

// Error is the words, and the cause's text.
func (e *MediaError) Error() string {
	if e.Err == nil {
		return e.Words
	}
	return e.Words + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *MediaError) Unwrap() error { return e.Err }

// Scheduler wakes the service for a call at a time. It is a nudge: the sweep is the guarantee.
type Scheduler interface {
	// Attempt is the one that is due then, or 0 where it is other work: a look-up, a
	// repeat, a notice.
	Wake(ctx context.Context, id ID, attempt int, at time.Time) error
}

// Calendar is the bridge to the owner's calendar (contract section 3). Safe for
// concurrent use. Errors are *CalendarError.
type Calendar interface {
	// FindSlots lists free slots.
	FindSlots(ctx context.Context, q FindSlots) ([]Slot, error)
	// CheckSlot says whether a slot is free, and what else would be.
	CheckSlot(ctx context.Context, q CheckSlot) (CheckAnswer, error)
	// CreateEvent creates the event of b, or returns the one that b.Key created before.
	CreateEvent(ctx context.Context, b Booking) (eventID string, err error)
}

// CalendarKind says what an error of the calendar means.
type CalendarKind int

// Kinds of CalendarError.
const (
	// CalendarDown: no usable answer; for CreateEvent the event may exist.
	CalendarDown CalendarKind = iota
	// CalendarTaken: the slot is not free. No event was created.
	CalendarTaken
	// CalendarRefused: the bridge answered that it did not do it. No event was created.
	CalendarRefused
)

// CalendarError is a failed calendar request. Its text is for the log, never for the model.
type CalendarError struct {
	Kind CalendarKind
	Err  error
}

// Error is the cause's text.
func (e *CalendarError) Error() string { return "calendar bridge: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CalendarError) Unwrap() error { return e.Err }

// Notifier delivers the notice of a final call (contract section 4).
type Notifier interface {
	// Compose makes the body that is stored and then sent, byte for byte.
	Compose(n NoticeContent) ([]byte, error)
	// Send posts body under key. An error is a *NotifyError.
	Send(ctx context.Context, key string, body []byte) error
}

// NotifyError is a refused or lost notification.
type NotifyError struct {
	// Retry: the same body may be sent again. Otherwise it is given up.
	Retry bool
	// WithoutRouting: a 400 that the optional routing fields may have caused.
	WithoutRouting bool
	Err            error
}

// Error is the cause's text.
func (e *NotifyError) Error() string { return "notify: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NotifyError) Unwrap() error { return e.Err }

// Numbers knows phone numbers.
type Numbers interface {
	// Inspect reads a number as the caller wrote it.
	Inspect(to string) Number
}

// Number is what is known of a phone number.
type Number struct {
	// E164 is the number in canonical form; empty if Problem is set.
	E164 string
	// Problem says why it is no possible number, and how to mend it.
	Problem string
	// Forbidden says why it must not be called: emergency, short, premium…
	Forbidden string
	// Zones are the IANA zones of the number's region.
	Zones []string
	// Country is the region's ISO 3166 code; empty where the number does not tell.
	Country string
}
