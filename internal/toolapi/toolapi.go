// Package toolapi is the tools over HTTPS that an assistant invokes: call_agent,
// call_agent_status and the list of both (contract section 1). It owns the surface:
// who may ask, the shape of a request and of every error, and what the tools say of
// themselves. It never decides anything about a call; package call does.
package toolapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/clawdbot/call-agent/call"
)

// Tokens knows the callers of the tools. Implementations compare in constant time.
type Tokens interface {
	// Match finds the token that bearer is: its name, which owns the calls it places,
	// and the question whether it has a scope (call, status, read).
	Match(bearer string) (name string, allows func(scope string) bool, ok bool)
}

// Scopes that the tools ask for (contract section 5, tools.tokens).
const (
	scopeCall   = "call"
	scopeStatus = "status"
	scopeRead   = "read"
)

// Options are what the tools need. All fields are required.
type Options struct {
	// Service decides and stores; its Defaults, Numbers and clock are used for requests too.
	Service *call.Service
	Tokens  Tokens
	Log     *slog.Logger
}

// New returns the handler of /tools and everything below it; any other path is
// answered 404. It keeps no state: any number of them may run over one store.
func New(o Options) http.Handler {
	a := &api{Options: o}
	mux := http.NewServeMux()
	mux.Handle("/tools", only(a, http.MethodGet, a.list))
	mux.Handle("/tools/"+toolCall, only(a, http.MethodPost, a.placeCall))
	mux.Handle("/tools/"+toolStatus, only(a, http.MethodPost, a.callStatus))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, &call.Error{Code: call.NotFound, Message: "There is nothing here. GET /tools lists the tools and their paths."})
	})
	return a.recovering(mux)
}

type api struct{ Options }

// only answers other methods with 405 in the shape of every error.
func only(a *api, method string, next func(http.ResponseWriter, *http.Request) error) http.Handler {
	allow := method
	if method == http.MethodGet {
		allow = "GET, HEAD"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
			w.Header().Set("Allow", allow)
			writeError(w, http.StatusMethodNotAllowed, &call.Error{Code: call.InvalidRequest, Message: fmt.Sprintf("This path takes %s only.", allow)})
			return
		}
		if err := next(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// recovering turns a panic into an error of the usual shape. The panic is logged with
// its stack, and nothing of the request.
func (a *api) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // it logs with the request's context; there is nothing to hand it to
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // net/http's own sentinel, compared as it does
				panic(p) //nolint:forbidigo // handed on, for net/http to cut the connection
			}
			a.Log.ErrorContext(r.Context(), "a tool panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			writeError(w, http.StatusInternalServerError, internalError())
		}()
		next.ServeHTTP(w, r)
	})
}

// list answers GET /tools.
func (a *api) list(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		OK    bool   `json:"ok"`
		Tools []Tool `json:"tools"`
	}{true, Tools()})
	return nil
}

// placeCall answers POST /tools/call_agent.
func (a *api) placeCall(w http.ResponseWriter, r *http.Request) error {
	owner, _, err := a.authorize(r, scopeCall)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	now := a.Service.Now()
	key, err := idempotencyKey(r, owner, body, now)
	if err != nil {
		return err
	}
	if answer, repeated, err := a.Service.Repeat(r.Context(), key); err != nil || repeated {
		if err == nil {
			writeJSON(w, http.StatusOK, answer)
		}
		return err
	}
	req, err := call.DecodeRequest(body, now, a.Service.Defaults, a.Service.Numbers)
	if err != nil {
		return err
	}
	answer, err := a.Service.Place(r.Context(), owner, req, key)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// callStatus answers POST /tools/call_agent_status.
func (a *api) callStatus(w http.ResponseWriter, r *http.Request) error {
	owner, readAll, err := a.authorize(r, scopeStatus)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	id, err := decodeStatus(body)
	if err != nil {
		return err
	}
	c, err := a.Service.Get(r.Context(), owner, readAll, id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		OK   bool          `json:"ok"`
		Call call.Document `json:"call"`
	}{true, c.Document()})
	return nil
}

// writeJSON writes what must not be cached: it belongs to one caller and changes.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)              // a link is copied from the answer as it stands
	if err := enc.Encode(v); err != nil { // our own types: cannot happen, and must not be half a document if it does
		panic(fmt.Errorf("encode an answer: %w", err)) //nolint:forbidigo // answered as internal by recovering
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the caller has gone; nobody is left to tell
}
