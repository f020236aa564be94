package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// Methods are what a path takes. A handler answers, or returns why not.
type Methods map[string]func(http.ResponseWriter, *http.Request) error

// Route serves a path's methods. Others are answered 405 in the shape of every error;
// where there is GET there is HEAD.
func (d Door) Route(m Methods) http.Handler {
	methods := maps.Clone(m)
	if get := m[http.MethodGet]; get != nil {
		methods[http.MethodHead] = get
	}
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := methods[r.Method]
		if next == nil {
			w.Header().Set("Allow", allow)
			WriteError(w, http.StatusMethodNotAllowed, &call.Error{Code: call.InvalidRequest, Message: fmt.Sprintf("This path takes %s only.", allow)})
			return
		}
		if err := next(w, r); err != nil {
			d.Fail(w, r, err)
		}
	})
}

// Recovering turns a panic into an error of the usual shape. The panic is logged with
// its stack, and nothing of the request.
func (d Door) Recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // it logs with the request's context; there is nothing to hand it to
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // net/http's own sentinel, compared as it does
				panic(p) //nolint:forbidigo // handed on, for net/http to cut the connection
			}
			d.Log.ErrorContext(r.Context(), "a handler panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			WriteError(w, http.StatusInternalServerError, internalError())
		}()
		next.ServeHTTP(w, r)
	})
}

// Encode is a document as it is sent: a link can be copied from it as it stands.
func Encode(v any) []byte {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // our own types: cannot happen, and must not be half a document if it does
		panic(fmt.Errorf("encode an answer: %w", err)) //nolint:forbidigo // answered as internal by Recovering
	}
	return body.Bytes()
}

// WriteJSON writes what must not be cached: it belongs to one caller and changes.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body := Encode(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone; nobody is left to tell
}
