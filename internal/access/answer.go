package access

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Statuses are the HTTP status of each code.
func Statuses() map[call.Code]int { return maps.Clone(statusOf) }

// statusOf is the HTTP status of each code, here and nowhere else (contract section 1).
var statusOf = map[call.Code]int{
	call.InvalidRequest: http.StatusBadRequest,
	call.Unauthorized:   http.StatusUnauthorized,
	call.Forbidden:      http.StatusForbidden,
	call.NotFound:       http.StatusNotFound,
	call.Conflict:       http.StatusConflict,
	call.TooLarge:       http.StatusRequestEntityTooLarge,
	call.RateLimited:    http.StatusTooManyRequests,
	call.Unavailable:    http.StatusServiceUnavailable,
	call.Internal:       http.StatusInternalServerError,
}

// ErrorDocument is the one shape of every error.
type ErrorDocument struct {
	OK    bool `json:"ok"`
	Error struct {
		Code    call.Code         `json:"code"`
		Message string            `json:"message"`
		Fields  map[string]string `json:"fields,omitempty"`
	} `json:"error"`
}

// retryDefault is said where the domain gives no time of its own.
const retryDefault = 5 * time.Second

func internalError() *call.Error {
	return &call.Error{Code: call.Internal, Message: "Something went wrong on our side and was logged. Ask call_agent_status for the call, if you have its callId, before you try again."}
}

// Fail answers with err. What is not an *call.Error is ours: it is logged, and the
// caller learns nothing of it.
func (d Door) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e := d.told(r.Context(), r.URL.Path, err)
	WriteError(w, statusOf[e.Code], e)
}

// Refusal is the document that err is answered with, where there is no status and no header
// to go with it; the time to wait is in its words then. Where is for the log.
func (d Door) Refusal(ctx context.Context, where string, err error) any {
	e := *d.told(ctx, where, err)
	if s := statusOf[e.Code]; s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable {
		e.Message += " Wait " + retryAfter(e.RetryAfter) + " seconds."
	}
	return documentOf(&e)
}

// told is what the caller is told of an error.
func (d Door) told(ctx context.Context, where string, err error) *call.Error {
	var e *call.Error
	if !errors.As(err, &e) {
		d.Log.ErrorContext(ctx, "a request failed", "path", where, "error", err)
		return internalError()
	}
	if _, ok := statusOf[e.Code]; !ok {
		d.Log.ErrorContext(ctx, "an error has a code that the contract does not", "path", where, "code", e.Code)
		return internalError()
	}
	return e
}

// WriteError answers with e and a status that may be another than its code's.
func WriteError(w http.ResponseWriter, status int, e *call.Error) {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter(e.RetryAfter))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="call-agent"`)
	}
	WriteJSON(w, status, documentOf(e))
}

func documentOf(e *call.Error) ErrorDocument {
	var doc ErrorDocument
	doc.Error.Code, doc.Error.Message, doc.Error.Fields = e.Code, e.Message, e.Fields
	if id := string(e.CallID); id != "" && !strings.Contains(e.Message, id) {
		doc.Error.Message += " The call is " + id + "." // contract section 1: a conflict names its callId
	}
	return doc
}

// retryAfter is whole seconds, at least one (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string {
	if d <= 0 {
		d = retryDefault
	}
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}
