package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
)

func init() { caddy.RegisterModule(admin{}) }

// admin is for operators, on Caddy's admin port:
//
//	GET    /call_agent/sessions       the live calls of this process
//	GET    /call_agent/sessions/{id}  those of one call
//	DELETE /call_agent/sessions/{id}  say goodbye and hang up
//	POST   /call_agent/drain          take no call any more, and answer when the live ones are over
//
// Caddy makes it before any app, and anew with every configuration, so it holds nothing
// and looks for the hosts when it is asked.
type admin struct{}

// CaddyModule returns the module's ID and constructor.
func (admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.call_agent", New: func() caddy.Module { return new(admin) }}
}

// Provision makes the metrics known also where the configuration has no call agent any
// more: its last calls may still be up.
func (admin) Provision(ctx caddy.Context) error { return meter.register(ctx) }

const (
	sessionsPath = "/call_agent/sessions"
	drainPath    = "/call_agent/drain"
)

// Routes are the admin routes.
func (a admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: sessionsPath, Handler: caddy.AdminHandlerFunc(a.sessions)},
		{Pattern: sessionsPath + "/", Handler: caddy.AdminHandlerFunc(a.session)},
		{Pattern: drainPath, Handler: caddy.AdminHandlerFunc(a.drain)},
	}
}

func (admin) sessions(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return notAllowed(w, http.MethodGet)
	}
	return answer(w, http.StatusOK, map[string]any{"sessions": sessionsOf("")})
}

func (admin) session(w http.ResponseWriter, r *http.Request) error {
	id := call.ID(strings.TrimPrefix(r.URL.Path, sessionsPath+"/"))
	switch r.Method {
	case http.MethodGet:
		if live := sessionsOf(id); id != "" && len(live) > 0 {
			return answer(w, http.StatusOK, live[0])
		}
	case http.MethodDelete:
		asked := false
		eachHost(func(h liveHost) { asked = h.HangUp(id) || asked })
		if asked {
			return answer(w, http.StatusAccepted, map[string]any{"callId": id, "state": stream.StateEnding})
		}
	default:
		return notAllowed(w, http.MethodGet+", "+http.MethodDelete)
	}
	return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errNoSession}
}

// drain waits, also for a client that has gone: what was asked for is done.
func (admin) drain(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return notAllowed(w, http.MethodPost)
	}
	limit := drainLimit()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), limit+drainGrace)
	defer cancel()
	drainHosts(ctx, limit)
	live := sessionsOf("")
	return answer(w, http.StatusOK, map[string]any{"drained": len(live) == 0, "sessions": live})
}

// drainLimit is the longest drain_timeout of the running configuration.
func drainLimit() (limit time.Duration) {
	app, err := caddy.ActiveContext().AppIfConfigured(appID)
	if err != nil {
		return 0
	}
	for _, s := range app.(*App).started {
		limit = max(limit, s.app.DrainTimeout())
	}
	return limit
}

// sessionsOf are the live sessions of a call, or all.
func sessionsOf(id call.ID) []stream.Info {
	all := []stream.Info{}
	eachHost(func(h liveHost) {
		for _, i := range h.Sessions() {
			if id == "" || i.CallID == id {
				all = append(all, i)
			}
		}
	})
	return all
}

var (
	errNoSession  = errors.New("no live session of that call here; GET " + sessionsPath + " lists them")
	errNotAllowed = errors.New("this method does nothing here; see the Allow header")
)

func notAllowed(w http.ResponseWriter, allow string) error {
	w.Header().Set("Allow", allow)
	return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: errNotAllowed}
}

func answer(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}

// Interface guards.
var (
	_ caddy.Provisioner = admin{}
	_ caddy.AdminRouter = (*admin)(nil)
)
