// Package toolapi is the tools over HTTPS that an assistant invokes: call_agent,
// call_agent_status, call_agent_cancel, and the list of them (contract section 1); and the
// description of the whole HTTP surface. It owns the shape of a request and what the tools say of
// themselves; who may ask, and the shape of every error, is package access's. It never
// decides anything about a call; package call does.
package toolapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// Options are what the tools need. Service, Tokens and Log are required.
type Options struct {
	// Service decides and stores; its Defaults, Numbers and clock are used for requests too.
	Service *call.Service
	Tokens  access.Tokens
	Log     *slog.Logger
}

// API is the tools, and what a program needs around them. It keeps no state: any number of
// them may run over one store. All methods may be called concurrently.
type API struct {
	access.Door
	service *call.Service
	mux     *http.ServeMux
	tools   map[string]tool
}

// tool is what stands behind a tool, however it was asked for.
type tool struct {
	scope string
	do    func(context.Context, use) (any, error)
}

// use is one use of a tool.
type use struct {
	who  access.Caller
	body []byte
	// keys are the values of the header Idempotency-Key, or of what stands for it (keyed).
	keys  []string
	keyed string
}

// paths are what an API serves, as patterns of http.ServeMux.
var paths = []string{"/tools", "/tools/", "/openapi.json"}

// New makes the API; any path but its own is answered 404.
func New(o Options) *API {
	a := &API{Door: access.Door{Tokens: o.Tokens, Log: o.Log}, service: o.Service, mux: http.NewServeMux()}
	a.tools = map[string]tool{
		toolCall:   {access.ScopeCall, a.placeCall},
		toolStatus: {access.ScopeStatus, a.callStatus},
		toolCancel: {access.ScopeCancel, a.cancelCall},
	}
	a.mux.Handle("/tools", a.Route(access.Methods{http.MethodGet: a.list}))
	for name, t := range a.tools {
		a.mux.Handle("/tools/"+name, a.Route(access.Methods{http.MethodPost: a.serveTool(t)}))
	}
	a.mux.Handle("/openapi.json", a.Route(access.Methods{http.MethodGet: a.describe}))
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
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.Recovering(a.mux).ServeHTTP(w, r) }

// list answers GET /tools.
func (a *API) list(w http.ResponseWriter, _ *http.Request) error {
	access.WriteJSON(w, http.StatusOK, struct {
		OK    bool   `json:"ok"`
		Tools []Tool `json:"tools"`
	}{true, Tools()})
	return nil
}

// serveTool answers POST /tools/….
func (a *API) serveTool(t tool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := a.CallerWith(r.Header, t.scope)
		if err != nil {
			return err
		}
		body, err := readBody(w, r)
		if err != nil {
			return err
		}
		answer, err := t.do(r.Context(), use{who: who, body: body, keys: r.Header.Values(keyHeader), keyed: keyHeader})
		if err != nil {
			return err
		}
		access.WriteJSON(w, http.StatusOK, answer)
		return nil
	}
}

// Use is one use of a tool that came by another way than HTTPS: the tool's name, who asks,
// and its arguments, a JSON object, as [Keyed] describes them. Errors are what [API.Refusal] takes.
func (a *API) Use(ctx context.Context, name string, who access.Caller, arguments []byte) (answer any, err error) {
	t, ok := a.tools[name]
	if !ok {
		return nil, &call.Error{Code: call.NotFound, Message: "There is no such tool. The list of tools has their names."}
	}
	if err := who.Need(t.scope); err != nil {
		return nil, err
	}
	u := use{who: who, body: arguments, keyed: keyArgument}
	if name == toolCall {
		u.body, u.keys = takeKey(arguments)
	}
	return t.do(ctx, u)
}

// placeCall is call_agent.
func (a *API) placeCall(ctx context.Context, u use) (any, error) {
	now := a.service.Now()
	key, err := idempotencyKey(u, now)
	if err != nil {
		return nil, err
	}
	if call.IsDryRun(u.body) { // nothing is done that a repeat could do twice
		req, err := call.DecodeRequest(u.body, now, a.service.Defaults, a.service.Numbers)
		if err != nil {
			return nil, err
		}
		return a.service.Preview(ctx, u.who.Name(), req)
	}
	if answer, repeated, err := a.service.Repeat(ctx, key); err != nil || repeated {
		return answer, err
	}
	req, err := call.DecodeRequest(u.body, now, a.service.Defaults, a.service.Numbers)
	if err != nil {
		return nil, err
	}
	return a.service.Place(ctx, u.who.Name(), req, key)
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
	c, err := a.service.Get(ctx, u.who.Name(), u.who.ReadsAll(), call.ID(id))
	return callAnswer{true, c.Document()}, err
}

// cancelCall is call_agent_cancel.
func (a *API) cancelCall(ctx context.Context, u use) (any, error) {
	var id, reason string
	if err := decode(u.body, toolCancel, &id, map[string]*string{"reason": &reason}); err != nil {
		return nil, err
	}
	c, err := a.service.Cancel(ctx, u.who.Name(), u.who.ReadsAll(), call.ID(id), reason)
	return callAnswer{true, c.Document()}, err
}
