package cloud

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	_ "time/tzdata"
	// the runtime has no zone files, and zones decide when a callee may be called

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/clawdbot/call-agent/internal/lambdahttp"
)

// heapShare is the share of a function's memory that its heap may fill before it is
// collected. What an event leaves behind is a few hundred KB, so that about one event in a
// hundred waits for a collection; counted by growth, as GOGC does over a heap as small as
// ours, it would be one in ten. More would be slower: memory never used before costs an event
// more than the collections it saves. template.yaml has GOGC off, which is for the start, too:
// what a start allocates mostly stays. (make bench-lambda: docs/deploy.md)
const heapShare = 0.12

// defaultMemory is template.yaml's MemorySize, in MB.
const defaultMemory = 512

// collectLate sets the heap's limit by the memory that Lambda says this function has.
func collectLate() {
	size, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	if err != nil || size <= 0 {
		size = defaultMemory
	}
	debug.SetMemoryLimit(int64(heapShare * float64(size<<20)))
}

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
	collectLate()
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
