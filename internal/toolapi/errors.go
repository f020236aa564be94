package toolapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

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

// errorDocument is the one shape of every error.
type errorDocument struct {
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
func (a *API) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e := a.told(r.Context(), r.URL.Path, err)
	writeError(w, statusOf[e.Code], e)
}

// Refusal is the document that err is answered with, where there is no status and no header
// to go with it; the time to wait is in its words then.
func (a *API) Refusal(ctx context.Context, tool string, err error) any {
	e := *a.told(ctx, tool, err)
	if s := statusOf[e.Code]; s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable {
		e.Message += " Wait " + retryAfter(e.RetryAfter) + " seconds."
	}
	return documentOf(&e)
}

// told is what the caller is told of an error.
func (a *API) told(ctx context.Context, where string, err error) *call.Error {
	var e *call.Error
	if !errors.As(err, &e) {
		a.Log.ErrorContext(ctx, "a tool failed", "path", where, "error", err)
		return internalError()
	}
	if _, ok := statusOf[e.Code]; !ok {
		a.Log.ErrorContext(ctx, "an error has a code that the contract does not", "path", where, "code", e.Code)
		return internalError()
	}
	return e
}

func writeError(w http.ResponseWriter, status int, e *call.Error) {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter(e.RetryAfter))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="call-agent"`)
	}
	writeJSON(w, status, documentOf(e))
}

func documentOf(e *call.Error) errorDocument {
	var d errorDocument
	d.Error.Code, d.Error.Message, d.Error.Fields = e.Code, e.Message, e.Fields
	if id := string(e.CallID); id != "" && !strings.Contains(e.Message, id) {
		d.Error.Message += " The call is " + id + "." // contract section 1: a conflict names its callId
	}
	return d
}

// retryAfter is whole seconds, at least one (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string {
	if d <= 0 {
		d = retryDefault
	}
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}
