package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(socketTeller{})
	httpcaddyfile.RegisterHandlerDirective("tell_socket", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) { return socketTeller{}, nil })
	httpcaddyfile.RegisterDirectiveOrder("tell_socket", httpcaddyfile.Before, "respond")
}

// socketTeller tells what a connection is that is taken over from Caddy.
type socketTeller struct{}

func (socketTeller) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.tell_socket", New: func() caddy.Module { return socketTeller{} }}
}

func (socketTeller) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.URL.Path != "/socket" {
		return next.ServeHTTP(w, r)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	kind := fmt.Sprintf("%T", conn)
	_, err = io.WriteString(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(kind), kind))
	return err
}

// TestCaddyGivesTheSocketItself: package nonblock has use for nothing else, and a Caddy that
// wraps its connections would cost a seventh of the processor time, and nobody would notice.
func TestCaddyGivesTheSocketItself(t *testing.T) {
	h := newHost(t)
	h.mustLoad("encode gzip", "tell_socket", h.directive(""))
	if status, kind := h.ask(http.MethodGet, "/socket", ""); status != http.StatusOK || kind != "*net.TCPConn" {
		t.Errorf("%d, %s", status, kind)
	}
}
