package call

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Code classifies an error for the caller of a tool (contract section 1).
type Code string

// The codes of contract section 1, with the HTTP status each becomes.
const (
	InvalidRequest Code = "invalid_request" // 400
	Unauthorized   Code = "unauthorized"    // 401
	Forbidden      Code = "forbidden"       // 403
	NotFound       Code = "not_found"       // 404
	Conflict       Code = "conflict"        // 409
	TooLarge       Code = "too_large"       // 413
	RateLimited    Code = "rate_limited"    // 429
	Unavailable    Code = "unavailable"     // 503
	Internal       Code = "internal"        // 500
)

// Error is an error that may be shown to the caller: its message says how to mend it.
type Error struct {
	Code    Code
	Message string
	// Fields names every faulty field at once.
	Fields map[string]string
	// RetryAfter goes with RateLimited and Unavailable.
	RetryAfter time.Duration
	// CallID is the call that a Conflict is about.
	CallID ID
}

// Error lists the message and every faulty field, in the fields' order.
func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	keys := make([]string, 0, len(e.Fields))
	for k := range e.Fields {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	b.WriteString(e.Message)
	for _, k := range keys {
		fmt.Fprintf(&b, "; %s: %s", k, e.Fields[k])
	}
	return b.String()
}

// Errors that stores return. Everything else a store returns means that it could not be reached or is broken.
var (
	// ErrNotFound: no such record.
	ErrNotFound = errors.New("call: not found")
	// ErrStale: the record has changed since it was read; read it again.
	ErrStale = errors.New("call: record has changed since it was read")
)
