// Package caddymodule is the only package that knows Caddy. It mounts the call agent
// as the handler http.handlers.call_agent, with a Caddyfile directive, and keeps what
// must outlive a configuration (the store, the scheduler, the live calls) in an app
// of its own, so that a reload never touches a call. It translates and composes; it
// decides nothing about calls.
package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/clawdbot/call-agent/internal/config"
)

func init() {
	caddy.RegisterModule(new(Handler))
	caddy.RegisterModule(new(App))
}

// Handler serves the call agent: the tools, the provider's webhooks and the media
// stream. Its JSON is the configuration of contract section 5, key by key; secrets
// are placeholders such as {env.CALLAGENT_STREAM_SECRET} or {file./run/secrets/x},
// since Caddy shows its configuration on the admin port and saves it. Every key can
// also be set by environment, which overrides.
type Handler struct {
	document json.RawMessage

	// read is the configuration as Provision read it.
	read reading
	// logger follows the running configuration; own is this one's.
	logger *slog.Logger
	own    slog.Handler
	// served is set, and ready closed, when the app has started.
	served atomic.Pointer[served]
	ready  chan struct{}
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.call_agent", New: func() caddy.Module { return new(Handler) }}
}

// UnmarshalJSON keeps the document as it is; Provision reads it.
func (h *Handler) UnmarshalJSON(b []byte) error {
	h.document = append(h.document[:0], b...)
	return nil
}

// MarshalJSON returns the document, placeholders and all: never a secret.
func (h *Handler) MarshalJSON() ([]byte, error) {
	if len(h.document) == 0 {
		return []byte("{}"), nil
	}
	return h.document, nil
}

// Provision reads and checks the configuration. It opens nothing: caddy validate
// provisions too, also beside a running server.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.own, h.ready = ctx.Slogger().Handler(), make(chan struct{})
	h.logger = follow(h.own)
	site, unknown := addressOf(ctx)
	read, err := settings(ctx, h.document, site)
	if err != nil {
		return fmt.Errorf("call_agent configuration: %w", explain(err, read.config, unknown))
	}
	h.read = read
	for _, w := range append(read.config.Warnings(), config.UnknownEnv(os.Environ())...) {
		slog.New(h.own).Warn(w)
	}
	app, err := ctx.App(appID)
	if err != nil {
		return fmt.Errorf("call_agent app: %w", err)
	}
	app.(*App).add(h)
	return nil
}

// ServeHTTP serves what is the call agent's and passes on the rest.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	s := h.await(r.Context())
	if s == nil {
		w.Header().Set("Retry-After", "1")
		return caddyhttp.Error(http.StatusServiceUnavailable, errStarting)
	}
	if !s.app.Handles(r) {
		return next.ServeHTTP(w, r)
	}
	release, err := s.retain()
	if err != nil {
		w.Header().Set("Retry-After", "1")
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	defer func() {
		if err := release(); err != nil {
			h.logger.Error("cannot close the call store behind the last request", "error", err)
		}
	}()
	s.app.ServeHTTP(w, r)
	return nil
}

var errStarting = errors.New("the call agent is starting")

// startPatience is how long a request waits for the first start of the app, where nothing
// is served at its address yet: Caddy starts apps in no order, so that the listener may
// be a moment ahead.
const startPatience = 2 * time.Second

// await returns what is served: by this configuration or, while that is not started, by
// the one before. Nil if there is none in time.
func (h *Handler) await(ctx context.Context) *served {
	if s := h.served.Load(); s != nil || h.ready == nil {
		return s
	}
	if s := serving.at(h.read.address()); s != nil {
		return s
	}
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-h.ready:
	case <-patience.C:
	case <-ctx.Done():
	}
	return h.served.Load()
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ json.Marshaler              = (*Handler)(nil)
	_ json.Unmarshaler            = (*Handler)(nil)
)
