// Command tools is the function behind the tools, which makes the first dial of a call,
// and behind the health checks.
package main

import (
	"net/http"

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/mcpapi"
	"github.com/clawdbot/call-agent/internal/toolapi"
	_ "github.com/clawdbot/call-agent/lambdas/tools/unpacked" // the phone numbers' data, for a shorter start
)

func main() {
	cloud.Run(cloud.HTTP(routes, cloud.Needs{
		Scheduler: cloud.Schedules, Numbers: toolapi.Numbers{}, Countries: toolapi.CountriesOf,
	}))
}

func routes(p *cloud.Plane) http.Handler {
	web := p.Webhooks()
	mux := http.NewServeMux()
	tools := toolapi.New(toolapi.Options{Service: p.Service, Tokens: wiring.Tokens{Tokens: p.Config.Tools.Tokens}, Log: p.Log})
	tools.Mount(mux)
	mux.Handle(mcpapi.Path, mcpapi.New(tools, p.Log))
	mux.Handle("GET /healthz", web)
	mux.Handle("GET /readyz", web)
	return mux
}
