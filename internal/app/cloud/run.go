package cloud

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"
	_ "time/tzdata"
	// the runtime has no zone files, and zones decide when a callee may be called

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/clawdbot/call-agent/internal/lambdahttp"
)

// collectAt is GOGC once a function is warm: fewer than one event in a hundred waits for a
// collection, and some 100 MB of its 512 are used. Until then template.yaml has it off,
// since what a start allocates mostly stays. (make bench-lambda: docs/deploy.md)
const collectAt = 1000

// Run is a function's main: it reads the environment, warms what the first event would
// wait for, and serves Lambda for as long as the instance lives.
func Run(f *Function) {
	log := lambdacontext.NewLogger()
	f.Needs.Log = log
	var err error
	if f.Environment, err = FromEnv(os.LookupEnv); err != nil {
		log.Error("this function is not deployed as it should be", "error", err)
		os.Exit(1)
	}
	f.Warm(context.Background())
	debug.SetGCPercent(collectAt)
	lambda.Start(f)
}

// HTTP is a function behind the HTTP API: the routes it serves, over the plane.
func HTTP(routes func(*Plane) http.Handler, n Needs) *Function {
	return &Function{
		Needs:   n,
		Handler: func(p *Plane) (Handler, error) { return lambdahttp.New(routes(p), p.Log), nil },
		Unavailable: func([]byte) ([]byte, error) {
			return lambdahttp.Unavailable(http.StatusServiceUnavailable, "The service has no usable configuration. Nothing was done; its owner finds why in the function's log."), nil
		},
	}
}
