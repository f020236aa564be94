package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/local"
	"github.com/clawdbot/call-agent/internal/app/remote"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/hugeheap"
)

// appID is the app that owns what the handlers share.
const appID = "call_agent"

// hosts are the stores, schedulers and live calls of this process, by data folder.
// They are counted by configurations, requests and live calls, so that a reload, a failed
// reload, or one that removes the directive never closes a store under a call.
var hosts = caddy.NewUsagePool()

// clock is what the call agent takes for the time; nil is the wall clock.
var clock atomic.Pointer[func() time.Time]

// SetClock replaces the wall clock for every configuration loaded from then on. The
// demo uses it, so that it ends the same on every day.
func SetClock(now func() time.Time) { clock.Store(&now) }

func now() time.Time {
	if c := clock.Load(); c != nil {
		return (*c)()
	}
	return time.Now()
}

// App starts and stops what the handlers of one configuration serve. It has no
// configuration of its own: a handler brings it in.
type App struct {
	handlers []*Handler
	started  []*served
	// output is the log of the configuration; all its handlers have the same.
	output *output
}

// served is one handler's composition over a host it holds a reference on.
type served struct {
	key  string
	host liveHost
	app  app
	// address is where it is reached.
	address string
	// deactivate takes the composition back from its host.
	deactivate func()
}

// liveHost is what outlives a configuration: local.Host or remote.Host.
type liveHost interface {
	caddy.Destructor
	Sessions() []stream.Info
	HangUp(id call.ID) bool
	Live() int
	Draining() bool
	Drain(ctx context.Context, limit time.Duration)
}

// app is one configuration over a host: local.App or remote.App.
type app interface {
	http.Handler
	Handles(r *http.Request) bool
	DrainTimeout() time.Duration
}

// CaddyModule returns the module's ID and constructor.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appID, New: func() caddy.Module { return new(App) }}
}

// Provision makes the metrics known and asks to be told of two events. "started" comes
// when the configuration can no longer be rolled back. "stopping" comes before any app
// is stopped, so calls end while the listeners still answer the provider's webhooks.
func (a *App) Provision(ctx caddy.Context) error {
	if err := meter.register(ctx); err != nil {
		return err
	}
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("call_agent app: %w", err)
	}
	on := events.(*caddyevents.App).On
	return errors.Join(on("started", started{a}), on("stopping", stopping{a}))
}

// started hears Caddy's event of that name.
type started struct{ app *App }

// Handle sends the log lines of all calls to the new configuration's log.
func (s started) Handle(context.Context, caddy.Event) error {
	running.Store(s.app.output)
	return nil
}

// stopping hears Caddy's event of that name, which comes at reloads too.
type stopping struct{ app *App }

// Handle drains if the process exits.
func (s stopping) Handle(context.Context, caddy.Event) error {
	s.app.drain()
	return nil
}

func (a *App) add(h *Handler) {
	a.handlers = append(a.handlers, h)
	a.output = &output{h.own}
}

// Start opens the store (or takes the one that is open) and begins to serve.
func (a *App) Start() error {
	hugeheap.Ask()
	for _, h := range a.handlers {
		s, err := start(h)
		if err != nil {
			return errors.Join(err, a.Stop())
		}
		s.address = h.read.address()
		serving.add(s)
		a.started = append(a.started, s)
		h.served.Store(s)
		close(h.ready)
	}
	return nil
}

func start(h *Handler) (*served, error) {
	if h.read.config.Remote() {
		return startRemote(h)
	}
	dir, err := h.read.config.DataDirectory()
	if err != nil {
		return nil, err
	}
	s := &served{key: "call_agent:" + dir}
	over, err := acquire(s.key, func() (*local.Host, error) {
		return local.Open(local.Options{Dir: dir, Now: now, Log: h.logger, Meter: meter, Counters: &meter.webhooks, Hold: holding(s.key, h.logger)})
	})
	if err != nil {
		return nil, fmt.Errorf("open the call store in data_dir: %w", err)
	}
	a, err := local.New(over, h.read.config, h.logger)
	if err != nil {
		return nil, s.unstarted(err)
	}
	over.Activate(a)
	s.host, s.app, s.deactivate = over, a, func() { over.Deactivate(a) }
	return s, nil
}

// startRemote starts a media host whose control plane is elsewhere.
func startRemote(h *Handler) (*served, error) {
	s := &served{key: "call_agent:" + h.read.own + " " + h.read.environment.Table}
	over, err := acquire(s.key, func() (*remote.Host, error) {
		return remote.Open(remote.Options{Environment: h.read.environment, URL: h.read.own, Now: now, Log: h.logger, Meter: meter, Hold: holding(s.key, h.logger)}), nil
	})
	if err != nil {
		return nil, err
	}
	a, err := remote.New(over, cloud.Document{Config: h.read.config, Hash: h.read.hash}, h.logger)
	if err != nil {
		return nil, s.unstarted(err)
	}
	over.Activate(a)
	s.host, s.app, s.deactivate = over, a, func() { over.Deactivate(a) }
	return s, nil
}

// unstarted lets the host go again.
func (s *served) unstarted(err error) error {
	_, derr := hosts.Delete(s.key)
	return errors.Join(fmt.Errorf("start the call agent: %w", err), derr)
}

func acquire[H liveHost](key string, open func() (H, error)) (over H, err error) {
	for {
		v, _, err := hosts.LoadOrNew(key, func() (caddy.Destructor, error) { return open() })
		switch {
		case errors.Is(err, errStopped): // met a late request of a stopped configuration, see retain
			continue
		case err != nil:
			return over, err
		}
		return v.(H), nil
	}
}

// errStopped: the last configuration over this host is gone, and so is the host.
var errStopped = errors.New("the call agent has been stopped")

// retain holds the host for as long as a request lasts. A host that is gone is not brought
// back by a late request.
func (s *served) retain() (release func() error, err error) {
	v, release, err := retain(s.key)
	switch {
	case err != nil:
		return nil, err
	case v != any(s.host): // stopped, and opened anew by a later configuration
		return nil, errors.Join(errStopped, release())
	}
	return release, nil
}

func retain(key string) (host any, release func() error, err error) {
	host, _, err = hosts.LoadOrNew(key, func() (caddy.Destructor, error) { return nil, errStopped })
	return host, func() error { _, err := hosts.Delete(key); return err }, err
}

// holding retains a host for as long as a call lasts, whose request ends before it. While that
// one lasts, the host cannot be gone.
func holding(key string, log *slog.Logger) func() (release func()) {
	return func() func() {
		_, release, err := retain(key)
		return func() {
			if err == nil {
				err = release()
			}
			if err != nil {
				log.Error("cannot close the call store behind the last call", "error", err)
			}
		}
	}
}

// Stop lets go. A reload waits for nothing: who still holds a host keeps it open.
func (a *App) Stop() error {
	a.drain()
	var all error
	for _, s := range a.started {
		serving.remove(s)
		s.deactivate()
		_, err := hosts.Delete(s.key)
		all = errors.Join(all, err)
	}
	a.started = nil
	running.CompareAndSwap(a.output, new(output)) // unless a newer configuration runs
	return all
}

// exiting says whether the process is about to end; tests replace it.
var exiting = caddy.Exiting

// drain, at the process's exit, lets live calls end within drain_timeout and says
// goodbye on those that remain.
func (a *App) drain() {
	if !exiting() {
		return
	}
	for _, s := range a.started {
		limit := s.app.DrainTimeout()
		ctx, cancel := context.WithTimeout(context.Background(), limit+drainGrace)
		s.host.Drain(ctx, limit)
		cancel()
	}
}

func init() { caddy.OnExit(drainOrphans) }

// drainOrphans says goodbye on calls whose directive is gone: no app of theirs is
// stopped at exit, and the rest of Caddy has been.
func drainOrphans(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainGrace)
	defer cancel()
	drainHosts(ctx, 0)
}

// drainHosts drains all hosts of this process at once.
func drainHosts(ctx context.Context, limit time.Duration) {
	var drains sync.WaitGroup
	eachHost(func(h liveHost) { drains.Go(func() { h.Drain(ctx, limit) }) })
	drains.Wait()
}

// drainGrace is for the farewells of the last calls and the record of their ends.
const drainGrace = 30 * time.Second

// Interface guards.
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)

	_ caddyevents.Handler = started{}
	_ caddyevents.Handler = stopping{}
)
