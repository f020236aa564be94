// Package toolapi is the tools over HTTPS that an assistant invokes: call_agent,
// call_agent_status, call_agent_cancel, the list of them (contract section 1), and the
// events of a call. It owns the surface: who may ask, the shape of a request and of every
// error, and what the tools say of themselves. It never decides anything about a call; package call does.
package toolapi

import (
	"bytes"
	"context"
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
	// and the question whether it has a scope (call, status, cancel, read).
	Match(bearer string) (name string, allows func(scope string) bool, ok bool)
}

// Scopes that the tools ask for (contract section 5, tools.tokens).
const (
	scopeCall   = "call"
	scopeStatus = "status"
	scopeCancel = "cancel"
	scopeRead   = "read"
)

// Options are what the tools need. Service, Tokens and Log are required.
type Options struct {
	// Service decides and stores; its Defaults, Numbers and clock are used for requests too.
	Service *call.Service
	Tokens  Tokens
	Log     *slog.Logger
	// Listening bounds those who listen to calls.
	Listening Listening
}

// API is the tools, and what a program needs around them. Its one state is how many listen
// now: any number of them may run over one store. All methods may be called concurrently.
type API struct {
	Options
	mux       *http.ServeMux
	tools     map[string]tool
	listeners chan struct{}
}

// tool is what stands behind a tool, however it was asked for.
type tool struct {
	scope string
	do    func(context.Context, use) (any, error)
}

// use is one use of a tool.
type use struct {
	who  Caller
	body []byte
	// keys are the values of the header Idempotency-Key.
	keys []string
}

// paths are what an API serves, as patterns of http.ServeMux.
var paths = []string{"/tools", "/tools/", "/calls/{id}/events", "/openapi.json"}

// New makes the API; any path but its own is answered 404.
func New(o Options) *API {
	o.Listening = o.Listening.withDefaults()
	a := &API{Options: o, mux: http.NewServeMux(), listeners: make(chan struct{}, o.Listening.Most)}
	a.tools = map[string]tool{
		toolCall:   {scopeCall, a.placeCall},
		toolStatus: {scopeStatus, a.callStatus},
		toolCancel: {scopeCancel, a.cancelCall},
	}
	a.mux.Handle("/tools", only(a, http.MethodGet, a.list))
	for name, t := range a.tools {
		a.mux.Handle("/tools/"+name, only(a, http.MethodPost, a.serveTool(t)))
	}
	a.mux.Handle("/calls/{id}/events", only(a, http.MethodGet, a.events))
	a.mux.Handle("/openapi.json", only(a, http.MethodGet, a.describe))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.Fail(w, r, &call.Error{Code: call.NotFound, Message: "There is nothing here. GET /tools lists the tools and their paths."})
	})
	return a
}

// Mount serves the API at its paths.
func (a *API) Mount(mux *http.ServeMux) {
	for _, p := range paths {
		mux.Handle(p, a)
	}
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.recovering(a.mux).ServeHTTP(w, r) }

// only answers other methods with 405 in the shape of every error.
func only(a *API, method string, next func(http.ResponseWriter, *http.Request) error) http.Handler {
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
			a.Fail(w, r, err)
		}
	})
}

// recovering turns a panic into an error of the usual shape. The panic is logged with
// its stack, and nothing of the request.
func (a *API) recovering(next http.Handler) http.Handler {
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
func (a *API) list(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, struct {
		OK    bool   `json:"ok"`
		Tools []Tool `json:"tools"`
	}{true, Tools()})
	return nil
}

// serveTool answers POST /tools/….
func (a *API) serveTool(t tool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := a.Caller(r.Header)
		if err == nil {
			err = who.need(t.scope)
		}
		if err != nil {
			return err
		}
		body, err := readBody(w, r)
		if err != nil {
			return err
		}
		answer, err := t.do(r.Context(), use{who: who, body: body, keys: r.Header.Values("Idempotency-Key")})
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, answer)
		return nil
	}
}

// Use is one use of a tool that came by another way than HTTPS: the tool's name, who asks,
// and its arguments, a JSON object. It has no idempotency key. Errors are what [API.Refusal] takes.
func (a *API) Use(ctx context.Context, name string, who Caller, arguments []byte) (answer any, err error) {
	t, ok := a.tools[name]
	if !ok {
		return nil, &call.Error{Code: call.NotFound, Message: "There is no such tool. The list of tools has their names."}
	}
	if err := who.need(t.scope); err != nil {
		return nil, err
	}
	return t.do(ctx, use{who: who, body: arguments})
}

// placeCall is call_agent.
func (a *API) placeCall(ctx context.Context, u use) (any, error) {
	now := a.Service.Now()
	key, err := idempotencyKey(u, now)
	if err != nil {
		return nil, err
	}
	if call.IsDryRun(u.body) { // nothing is done that a repeat could do twice
		req, err := call.DecodeRequest(u.body, now, a.Service.Defaults, a.Service.Numbers)
		if err != nil {
			return nil, err
		}
		return a.Service.Preview(ctx, u.who.name, req)
	}
	if answer, repeated, err := a.Service.Repeat(ctx, key); err != nil || repeated {
		return answer, err
	}
	req, err := call.DecodeRequest(u.body, now, a.Service.Defaults, a.Service.Numbers)
	if err != nil {
		return nil, err
	}
	return a.Service.Place(ctx, u.who.name, req, key)
}

// callAnswer is the answer of the tools that show a call.
type callAnswer struct {
	OK   bool          `json:"ok"`
	Call call.Document `json:"call"`
}

// callStatus is call_agent_status.
func (a *API) callStatus(ctx context.Context, u use) (any, error) {
	var id string
	if err := decode(u.body, toolStatus, &id, nil); err != nil {
		return nil, err
	}
	c, err := a.Service.Get(ctx, u.who.name, u.who.readsAll(), call.ID(id))
	return callAnswer{true, c.Document()}, err
}

// cancelCall is call_agent_cancel.
func (a *API) cancelCall(ctx context.Context, u use) (any, error) {
	var id, reason string
	if err := decode(u.body, toolCancel, &id, map[string]*string{"reason": &reason}); err != nil {
		return nil, err
	}
	c, err := a.Service.Cancel(ctx, u.who.name, u.who.readsAll(), call.ID(id), reason)
	return callAnswer{true, c.Document()}, err
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
