// Command voice is the function behind POST /voice: what an answered call is to do.
package main

import (
	"net/http"

	"github.com/clawdbot/call-agent/internal/app/cloud"
)

func main() {
	cloud.Run(cloud.HTTP(func(p *cloud.Plane) http.Handler { return p.Webhooks() }, cloud.Needs{}))
}
