// Command callagent is Caddy with the call agent built in, pinned by this
// repository's go.sum. It links only the Caddy modules that a host of ours needs: a
// build with all of them takes three times as long.
package main

import (
	"os"
	"runtime/debug"
	_ "time/tzdata" // zones must be right on hosts without zone files

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/caddyevents"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/encode"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/encode/gzip"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls/standardstek"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
	_ "github.com/caddyserver/caddy/v2/modules/logging"
	_ "github.com/caddyserver/caddy/v2/modules/metrics"

	_ "github.com/clawdbot/call-agent/caddymodule"
)

// garbage is how much of it there may be, in percent of what is in use, before it is collected.
// Go's own 100 costs a call 50 KB more and saves nothing that can be measured (ADR 28).
const garbage = 60

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	caddy.CustomBinaryName = "callagent" // in help, completion and manual pages
	caddycmd.Main()
}
