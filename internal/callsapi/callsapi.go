// Package callsapi is the calls themselves over HTTPS, for whoever watches and reviews them:
// the list, one call with what was said and what it sounded like, its events as they come,
// and its deletion. It owns these routes, their questions and the shape of their answers.
// It never changes a call but to delete it, and links nothing that only placing one needs.
package callsapi

import (
	"log/slog"
	"net/http"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// Options are what the API needs. Service, Tokens and Log are required.
type Options struct {
	// Service has the records and, where something is kept beside them, the archive.
	Service *call.Service
	Tokens  access.Tokens
	Log     *slog.Logger
	// Listening bounds those who listen to calls.
	Listening Listening
	// Keeps says what the configuration keeps of calls.
	Keeps Keeps
	// MostBytes bounds what one answer holds of a recording or of timelines; 0 is no bound.
	// A function's answer has at most 6 MB, which base64 and JSON make from less.
	MostBytes int64
}

// Keeps is what is kept of a call that is over, and for how long.
type Keeps struct {
	Transcript bool `json:"transcript"`
	Recording  bool `json:"recording"`
	// Days is after how many days it is deleted, counted from the end of the attempt; the call's
	// record goes as long after the call's end. 0: not said.
	Days int `json:"days"`
}

// API is the calls' routes. Its one state is how many listen now: any number of them may
// run over one store. All methods may be called concurrently.
type API struct {
	access.Door
	service   *call.Service
	listening Listening
	keeps     Keeps
	mostBytes int64
	mux       *http.ServeMux
	listeners chan struct{}
}

// paths are what an API serves, as patterns of http.ServeMux.
var paths = []string{"/calls", "/calls/", "/calls/{id}", "/calls/{id}/events", "/calls/{id}/recording"}

// New makes the API; any path but its own is answered 404.
func New(o Options) *API {
	a := &API{
		Door: access.Door{Tokens: o.Tokens, Log: o.Log}, service: o.Service, listening: o.Listening.withDefaults(),
		keeps: o.Keeps, mostBytes: o.MostBytes, mux: http.NewServeMux(),
	}
	a.listeners = make(chan struct{}, a.listening.Most)
	a.mux.Handle("/calls", a.Route(access.Methods{http.MethodGet: a.list}))
	a.mux.Handle("/calls/{id}", a.Route(access.Methods{http.MethodGet: a.show, http.MethodDelete: a.forget}))
	a.mux.Handle("/calls/{id}/events", a.Route(access.Methods{http.MethodGet: a.events}))
	a.mux.Handle("/calls/{id}/recording", a.Route(access.Methods{http.MethodGet: a.recording}))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.Fail(w, r, &call.Error{Code: call.NotFound, Message: "There is nothing here. GET /calls lists the calls, GET /openapi.json describes the paths."})
	})
	return a
}

// Mount serves the API at its paths.
func (a *API) Mount(mux *http.ServeMux) {
	for _, p := range paths {
		mux.Handle(p, a)
	}
}

// ServeHTTP serves one request. What is answered is for the one who asked: no cache keeps
// it, no other origin's page reads it or embeds it (Fetch, "Cross-Origin-Resource-Policy"),
// and no preflight is granted, so that a browser sends no other page's token.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	a.Recovering(a.mux).ServeHTTP(w, r)
}
