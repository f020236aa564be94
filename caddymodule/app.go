package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/internal/app/local"
)

// appID is the app that owns what the handlers share.
const appID = "call_agent"

// hosts are the stores, schedulers and live calls of this process, by data folder.
// They are counted by configurations and by live streams, so that a reload, a failed
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
	logger   *slog.Logger
	handlers []*Handler
	started  []*served
}

// served is one handler's composition over a host it holds a reference on.
type served struct {
	key   string
	host  *local.Host
	local *local.App
}

// CaddyModule returns the module's ID and constructor.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appID, New: func() caddy.Module { return new(App) }}
}

// Provision keeps the logger.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Slogger()
	return nil
}

func (a *App) add(h *Handler) { a.handlers = append(a.handlers, h) }

// Start opens the store (or takes the one that is open) and begins to serve.
func (a *App) Start() error {
	for _, h := range a.handlers {
		s, err := start(h)
		if err != nil {
			return errors.Join(err, a.Stop())
		}
		a.started = append(a.started, s)
		h.served.Store(s)
	}
	return nil
}

func start(h *Handler) (*served, error) {
	dir, err := h.config.DataDirectory()
	if err != nil {
		return nil, err
	}
	key := "call_agent:" + dir
	host, err := acquire(key, dir, h.logger)
	if err != nil {
		return nil, err
	}
	app, err := local.New(host, h.config, h.logger)
	if err != nil {
		_, derr := hosts.Delete(key)
		return nil, errors.Join(fmt.Errorf("start the call agent: %w", err), derr)
	}
	host.Activate(app)
	return &served{key: key, host: host, local: app}, nil
}

func acquire(key, dir string, log *slog.Logger) (*local.Host, error) {
	v, _, err := hosts.LoadOrNew(key, func() (caddy.Destructor, error) {
		return local.Open(local.Options{Dir: dir, Now: now, Log: log})
	})
	if err != nil {
		return nil, fmt.Errorf("open the call store in data_dir: %w", err)
	}
	return v.(*local.Host), nil
}

// retain holds the host for as long as a stream lasts; other requests are short.
func (s *served) retain(r *http.Request) (release func(), err error) {
	if !isStream(r) {
		return func() {}, nil
	}
	if _, loaded := hosts.LoadOrStore(s.key, s.host); !loaded {
		_, err := hosts.Delete(s.key)
		return nil, errors.Join(errors.New("the call agent has been stopped"), err)
	}
	return func() { _, _ = hosts.Delete(s.key) }, nil
}

// Stop lets go. At exit it first lets live calls end, then says goodbye on those
// that remain, within drain_timeout; at a reload it waits for nothing.
func (a *App) Stop() error {
	var all error
	for _, s := range a.started {
		if caddy.Exiting() {
			ctx, cancel := context.WithTimeout(context.Background(), s.local.DrainTimeout()+drainGrace)
			s.host.Drain(ctx, s.local.DrainTimeout())
			cancel()
		}
		_, err := hosts.Delete(s.key)
		all = errors.Join(all, err)
	}
	a.started = nil
	return all
}

// drainGrace is how long the farewells of the last calls may take.
const drainGrace = 20 * time.Second

// Interface guards.
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
