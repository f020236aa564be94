// Package caddymodule is the only package that knows Caddy. It mounts the call agent
// as the handler http.handlers.call_agent, with a Caddyfile directive, and keeps what
// must outlive a configuration (the store, the scheduler, the live calls) in an app
// of its own, so that a reload never touches a call. It translates and composes; it
// decides nothing about calls.
package caddymodule

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

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

	config *config.Config
	logger *slog.Logger
	// served is set when the app has started; until then requests are told to wait.
	served atomic.Pointer[served]
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
	h.logger = ctx.Slogger()
	document, err := resolve(h.document)
	if err != nil {
		return err
	}
	h.config, err = loadConfig(document)
	if err != nil {
		return fmt.Errorf("call_agent configuration: %w", err)
	}
	for _, w := range h.config.Warnings() {
		h.logger.Warn(w)
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
	s := h.served.Load()
	if s == nil {
		w.Header().Set("Retry-After", "1")
		return caddyhttp.Error(http.StatusServiceUnavailable, fmt.Errorf("the call agent is starting"))
	}
	if !s.local.Handles(r) {
		return next.ServeHTTP(w, r)
	}
	release, err := s.retain(r)
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	defer release()
	s.local.ServeHTTP(w, r)
	return nil
}

// isStream says whether the request opens a media stream, which lasts as long as a call.
func isStream(r *http.Request) bool {
	return r.URL.Path == "/voice/stream" || strings.HasPrefix(r.URL.Path, "/voice/stream/")
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ json.Marshaler              = (*Handler)(nil)
	_ json.Unmarshaler            = (*Handler)(nil)
)
