package remote

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/httpapi"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// App is one configuration on a Host: the handlers of streams and health. It is
// immutable; a reload makes another one.
type App struct {
	Service *call.Service
	config  *config.Config
	hash    string
	model   *stream.Model
	hosts   *dynamo.Hosts
	mux     *http.ServeMux
}

// noClock: a media host makes no schedules; the minute's sweep finds what its calls leave due.
type noClock struct{}

// Wake does nothing.
func (noClock) Wake(context.Context, call.ID, int, time.Time) error { return nil }

// New composes an App over a document that [cloud.Environment.Decode] took. It starts nothing.
func New(h *Host, d cloud.Document, log *slog.Logger) (*App, error) {
	phone, err := wiring.Twilio(d.Config)
	if err != nil {
		return nil, err
	}
	table := h.options.Environment.TableOptions(h.options.Now, time.Duration(d.Config.RetentionDays)*24*time.Hour)
	s, err := wiring.Service(d.Config, wiring.Parts{
		Store: dynamo.New(table), Telephony: phone, Scheduler: noClock{}, Media: self(h.options.URL), Now: h.options.Now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	keep, err := h.keep(d.Config, log)
	if err != nil {
		return nil, err
	}
	streams := stream.FromConfig(d.Config)
	a := &App{
		Service: s, config: d.Config, hash: d.Hash, hosts: dynamo.NewHosts(table), mux: http.NewServeMux(),
		model: stream.NewModel(streams.Dialer().Probe, time.Now),
	}
	stream.New(stream.Options{
		Service: s, Sessions: h.sessions, Config: streams, Log: log,
		ValidateUpgrade: stream.UpgradeCheckOf(d.Config, phone), Meter: h.options.Meter, Keep: keep, Hold: h.options.Hold,
	}).Mount(a.mux)
	health := httpapi.New(httpapi.Options{
		Service: s, PublicURL: d.Config.Server.PublicBaseURL, Log: log, ConfigHash: d.Hash,
		Ready: []httpapi.Check{{Name: "host", Probe: h.ready}, {Name: "model", Probe: a.model.Ready}, {Name: "report", Probe: h.reporter.ready}},
	})
	a.mux.Handle("GET /healthz", health)
	a.mux.Handle("GET /readyz", health)
	return a, nil
}

// Handles says whether a request is the call agent's.
func (a *App) Handles(r *http.Request) bool { return httpapi.Serves(a.mux, r) }

// ServeHTTP serves the streams and health.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// DrainTimeout is how long live calls may last at exit.
func (a *App) DrainTimeout() time.Duration { return a.config.DrainTimeout }
