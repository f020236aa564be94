// Command status is the function behind POST /status and POST /amd: what the provider
// reports of its calls.
package main

import (
	"net/http"

	"github.com/clawdbot/call-agent/internal/app/cloud"
)

func main() {
	cloud.Run(cloud.HTTP(func(p *cloud.Plane) http.Handler { return p.Webhooks() }, cloud.Needs{Scheduler: cloud.Schedules}))
}
