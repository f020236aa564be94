// Package lambdahttp carries events of an API Gateway HTTP API (payload 2.0) to an
// http.Handler, and its answers back. It owns the translation, exact to the byte: what a
// provider signed is what the handler sees. It knows no route, and nothing of calls.
//
// Sources: "Create AWS Lambda proxy integrations for HTTP APIs" (AWS, the 2.0 payload);
// research/aws section 1.
package lambdahttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Lambda's limit on what an invocation takes and answers.
const maxPayload = 6 << 20

// Handler is the work of a function behind an HTTP API. It keeps no state; Invoke may be
// called concurrently.
type Handler struct {
	next http.Handler
	log  *slog.Logger
}

// New carries events to next.
func New(next http.Handler, log *slog.Logger) *Handler { return &Handler{next: next, log: log} }

// Invoke serves one event. What is no event of an HTTP API is answered 4xx, in a form
// that whoever sent it understands; err is nil always, since a repeat would be the same.
func (h *Handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	r, err := request(ctx, event)
	var bad *badEvent
	switch {
	case errors.As(err, &bad):
		h.log.ErrorContext(ctx, "event refused", "error", err)
		return refusal(bad.status, bad.words).encode(), nil
	case err != nil:
		h.log.ErrorContext(ctx, "event refused", "error", err)
		return refusal(http.StatusBadRequest, "This is no request that can be served.").encode(), nil
	}
	w := newRecorder()
	if !h.serve(ctx, w, r) {
		return Unavailable(http.StatusInternalServerError, "Something went wrong here. It was logged; try again."), nil
	}
	out := w.answer().encode()
	if len(out) > maxPayload {
		h.log.ErrorContext(ctx, "answer too large for Lambda", "path", r.URL.Path, "bytes", len(out))
		return Unavailable(http.StatusInternalServerError, "The answer is larger than can be sent."), nil
	}
	return out, nil
}

// serve is false where the handler panicked, which is logged with its stack, and nothing
// of the request.
func (h *Handler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = false
			h.log.ErrorContext(ctx, "a handler panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	h.next.ServeHTTP(w, r)
	return true
}

// Unavailable is an answer of ours in the one shape of every error (contract section 1),
// for a function that cannot serve.
func Unavailable(status int, words string) []byte { return refusal(status, words).encode() }

func refusal(status int, words string) answer {
	code := "invalid_request"
	headers := map[string]string{"content-type": "application/json", "cache-control": "no-store"}
	switch {
	case status == http.StatusServiceUnavailable:
		code = "unavailable"
		headers["retry-after"] = "5"
	case status == http.StatusRequestEntityTooLarge:
		code = "too_large"
	case status >= http.StatusInternalServerError:
		code = "internal"
	}
	body, err := json.Marshal(map[string]any{"ok": false, "error": map[string]string{"code": code, "message": words}})
	if err != nil {
		body = []byte(`{"ok":false}`) // cannot be: it is made of strings
	}
	return answer{Status: status, Headers: headers, Body: string(body)}
}
