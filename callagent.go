// Package callagent lets xcaddy build this repository: importing it brings in the
// Caddy module. It has nothing else; start reading at package call for what a call
// is, media for how one is held, and caddymodule for how both are served.
package callagent

import (
	_ "github.com/clawdbot/call-agent/caddymodule" // registers http.handlers.call_agent
)
