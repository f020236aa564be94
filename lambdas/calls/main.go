// Command calls is the function behind the calls themselves: their list, one call with what
// is kept of it, its events, and its deletion.
package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/internal/app/bucket"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/callsapi"
	"github.com/clawdbot/call-agent/internal/console"
)

func main() { cloud.Run(cloud.HTTP(routes, cloud.Needs{Archive: bucket.Reader})) }

const (
	// listenLimit leaves a long poll time to be answered within the function's 15 s; its
	// answers are sent whole, so that it can stream nothing.
	listenLimit = 10 * time.Second
	// mostBytes of a recording or of timelines make an answer that Lambda takes: 6 MB with
	// all that is around it, and base64 makes four bytes of three.
	mostBytes = 4 << 20
)

func routes(p *cloud.Plane) http.Handler {
	mux := http.NewServeMux()
	callsapi.New(callsapi.Options{
		Service: p.Service, Tokens: wiring.Tokens{Tokens: p.Config.Tools.Tokens}, Log: p.Log,
		Listening: callsapi.Listening{Wait: listenLimit, Batch: true},
		Keeps:     keeps(p), MostBytes: mostBytes,
	}).Mount(mux)
	// The page is compressed when somebody wants it: a start must not wait for that.
	page := sync.OnceValue(console.Handler)
	for _, p := range []string{console.Path, console.Parts} {
		mux.HandleFunc("GET "+p, func(w http.ResponseWriter, r *http.Request) { page().ServeHTTP(w, r) })
	}
	return mux
}

// keeps is what media hosts keep, if they have a bucket to keep it in.
func keeps(p *cloud.Plane) callsapi.Keeps {
	there := p.Service.Archive != nil
	return callsapi.Keeps{Transcript: there && p.Config.Transcript.Enabled, Recording: there && p.Config.Recording.Enabled, Days: p.Config.RetentionDays}
}
