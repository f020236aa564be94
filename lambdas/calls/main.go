// Command calls is the function behind the calls themselves: their list, one call with what
// is kept of it, its events, and its deletion.
package main

import (
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/callsapi"
)

func main() { cloud.Run(cloud.HTTP(routes, cloud.Needs{})) }

const (
	// listenLimit leaves a long poll time to be answered within the function's 15 s; its
	// answers are sent whole, so that it can stream nothing.
	listenLimit = 10 * time.Second
	// mostBytes of a recording or of timelines make an answer that Lambda takes: 6 MB with
	// all that is around it, and base64 makes four bytes of three.
	mostBytes = 4 << 20
)

func routes(p *cloud.Plane) http.Handler {
	return callsapi.New(callsapi.Options{
		Service: p.Service, Tokens: wiring.Tokens{Tokens: p.Config.Tools.Tokens}, Log: p.Log,
		Listening: callsapi.Listening{Wait: listenLimit, Batch: true},
		Keeps:     callsapi.Keeps{Days: p.Config.RetentionDays}, MostBytes: mostBytes,
	})
}
