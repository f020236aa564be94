package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/callsapi"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/console"
	"github.com/clawdbot/call-agent/internal/httpapi"
	"github.com/clawdbot/call-agent/internal/mcpapi"
	"github.com/clawdbot/call-agent/internal/toolapi"
	"github.com/clawdbot/call-agent/telephony/mock"
)

// App is one configuration on a Host: the handlers of the tools, the webhooks and the
// stream. It is immutable; a reload makes another one.
type App struct {
	Service *call.Service
	config  *config.Config
	mux     *http.ServeMux
	// ended is closed when those who listen to calls are to go to whoever serves next.
	ended chan struct{}
	once  sync.Once
}

// end ends all listening; ending twice is nothing.
func (a *App) end() { a.once.Do(func() { close(a.ended) }) }

// New composes an App. It starts nothing. What Check refuses is refused.
func New(h *Host, c *config.Config, log *slog.Logger) (*App, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.ControlPlane != config.ControlPlaneLocal {
		return nil, config.Fault{Key: "control_plane", Problem: "is elsewhere, and this host was to be its own", Mend: "write " + config.ControlPlaneLocal}
	}
	phone, err := telephony(c)
	if err != nil {
		return nil, err
	}
	streams := stream.FromConfig(c)
	model := stream.NewModel(streams.Dialer().Probe, time.Now)
	s, err := wiring.Service(c, wiring.Parts{
		Store: h.seen, Archive: h.kept, Telephony: phone, Scheduler: h.schedule, Numbers: toolapi.Numbers{}, Countries: toolapi.CountriesOf,
		Media: plane{sessions: h.sessions, model: model, limit: c.MaxSessions, hosts: wiring.StreamHosts(c), now: h.options.Now},
		Now:   h.options.Now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	a := &App{Service: s, config: c, mux: http.NewServeMux(), ended: make(chan struct{})}
	tokens := wiring.Tokens{Tokens: c.Tools.Tokens}
	tools := toolapi.New(toolapi.Options{Service: s, Tokens: tokens, Log: log})
	tools.Mount(a.mux)
	callsapi.New(callsapi.Options{
		Service: s, Tokens: tokens, Log: log, Listening: callsapi.Listening{Ending: a.ended},
		Keeps: callsapi.Keeps{Transcript: c.Transcript.Enabled, Recording: c.Recording.Enabled, Days: c.RetentionDays},
	}).Mount(a.mux)
	a.mux.Handle(mcpapi.Path, mcpapi.New(tools, log))
	stream.New(stream.Options{
		Service: s, Sessions: h.sessions, Config: streams, Log: log,
		ValidateUpgrade: stream.UpgradeCheckOf(c, phone), Meter: h.options.Meter,
		Moments: c.Telephony.Provider == config.ProviderMock, Keep: h.keep(c), Hold: h.options.Hold, Alone: true,
	}).Mount(a.mux)
	web := httpapi.New(httpapi.Options{
		Service: s, PublicURL: c.Server.PublicBaseURL, Log: log, Counters: h.options.Counters,
		Ready: []httpapi.Check{
			{Name: "configuration", Probe: func(context.Context) error { return c.Validate() }},
			{Name: "host", Probe: h.ready},
			{Name: "model", Probe: model.Ready},
		},
	})
	for _, p := range []string{"/voice", "/status", "/amd", "/healthz", "/readyz"} {
		a.mux.Handle(p, web)
	}
	page := console.Handler()
	for _, p := range []string{console.Path, console.Parts} {
		a.mux.Handle("GET "+p, page)
	}
	for pattern, route := range phone.Routes() {
		a.mux.Handle(pattern, route)
	}
	return a, nil
}

// Handles says whether a request is the call agent's: also one whose path is ours and
// whose method is not, which is answered 405.
func (a *App) Handles(r *http.Request) bool { return httpapi.Serves(a.mux, r) }

// ServeHTTP serves the tools, the webhooks and the stream.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// DrainTimeout is how long live calls may last at exit.
func (a *App) DrainTimeout() time.Duration { return a.config.DrainTimeout }

func telephony(c *config.Config) (call.Telephony, error) {
	switch c.Telephony.Provider {
	case config.ProviderMock:
		return mock.New(mock.Options{PublicURL: c.Server.PublicBaseURL}), nil
	case config.ProviderTwilio:
		return wiring.Twilio(c)
	}
	return nil, fmt.Errorf("telephony.provider %q is not known; use twilio or mock", c.Telephony.Provider)
}
