// Package lambdalocal runs the functions of template.yaml on a machine without Docker and
// without an account: the real bootstrap binaries behind the Lambda Runtime API, as many
// instances at once as there are events, an HTTP API in front of them, and as much of
// EventBridge Scheduler, SSM and the table's stream as they need.
//
// It reads what it runs from the template, and refuses what it does not understand. It
// knows nothing of calls. It is for tests and for `callagent lambda-local`, never for
// production: everybody who reaches its ports may do everything.
//
// Sources: "Using the Lambda runtime API for custom runtimes" (AWS); research/aws section 6.
package lambdalocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of Start. Template, Dist and Table are required.
type Options struct {
	// Template is the path of template.yaml, Dist the folder with <function>/bootstrap.
	Template, Dist string
	// Parameters are the template's; PublicBaseUrl defaults to the runner's own address.
	Parameters map[string]string
	// Table is the name of the table, which must exist at DynamoDB, a base URL.
	Table, DynamoDB string
	// Document is the configuration document, asked for at every GetParameter.
	Document func() ([]byte, error)
	// Listen is the HTTP API's address, Services that of SSM and Scheduler; empty is a free
	// loopback port.
	Listen, Services string
	// Concurrency is how many instances a function may have; 0 means 20. Beyond them
	// invocations are throttled, as on Lambda.
	Concurrency int
	// Schedule is asked what becomes of each firing of a schedule; nil: it fires once, in time.
	Schedule func(name string) Fate
	// Output gets what the functions print, each line after its function's name; nil drops it.
	Output io.Writer
	Log    *slog.Logger
}

// Fate is what becomes of one firing of a schedule.
type Fate struct {
	Lost, Doubled bool
	Late          time.Duration
}

const defaultConcurrency = 20

// Runner is the functions of one template, running. All methods may be called
// concurrently; Close ends everything that Start began, and waits.
type Runner struct {
	o         Options
	stack     stack
	url       string
	services  string // base URL of Scheduler and SSM
	functions map[string]*function
	schedules *schedules
	servers   []*http.Server
	ctx       context.Context //nolint:containedctx // the runner is the owner of this lifetime
	cancel    context.CancelFunc
	work      sync.WaitGroup
	printing  sync.Mutex
}

// Start reads the template and serves it. Instances start with the first events, like on Lambda.
func Start(ctx context.Context, o Options) (*Runner, error) {
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{o: o, functions: map[string]*function{}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Runner) start(ctx context.Context) error {
	front, err := listen(ctx, r.o.Listen)
	if err != nil {
		return err
	}
	r.url = "http://" + front.Addr().String()
	parameters := map[string]string{"PublicBaseUrl": r.url}
	maps.Copy(parameters, r.o.Parameters)
	if r.stack, err = readTemplate(r.o.Template, parameters, r.o.Table); err != nil {
		return errors.Join(err, front.Close())
	}
	r.schedules = newSchedules(r)
	services := http.NewServeMux()
	services.HandleFunc("POST /{$}", r.parameter)
	services.Handle("/schedules/{name}", r.schedules)
	l, err := listen(ctx, r.o.Services)
	if err != nil {
		return errors.Join(err, front.Close())
	}
	r.services = "http://" + l.Addr().String()
	r.serveOn(l, services)
	for name, spec := range r.stack.functions {
		r.functions[name] = newFunction(r, spec)
	}
	r.serveOn(front, http.HandlerFunc(r.request))
	for _, s := range r.stack.recurring {
		r.work.Go(func() { r.recur(s) })
	}
	for name, f := range r.functions {
		if f.spec.stream != nil && r.o.DynamoDB != "" {
			r.work.Go(func() { r.follow(name, *f.spec.stream) })
		}
	}
	return nil
}

// URL is the HTTP API's base.
func (r *Runner) URL() string { return r.url }

// Services is the base URL of SSM and Scheduler here, for a media host beside the functions.
func (r *Runner) Services() string { return r.services }

// Functions are the names of the template's functions, and where their binaries are.
func (r *Runner) Functions() map[string]string {
	all := map[string]string{}
	for name, f := range r.functions {
		all[name] = f.binary()
	}
	return all
}

// Invoke carries one event to a function, synchronously. The error is of this side
// (throttled, no such function, closed), or a *FunctionError.
func (r *Runner) Invoke(ctx context.Context, name string, event []byte) ([]byte, error) {
	f := r.functions[name]
	if f == nil {
		return nil, fmt.Errorf("the template has no function %q", name)
	}
	return f.invoke(ctx, event)
}

// Kill ends every instance of every function at once, as a failing host would.
func (r *Runner) Kill() {
	for _, f := range r.functions {
		f.kill()
	}
}

// Close ends the API, the schedules and every instance.
func (r *Runner) Close() error {
	r.cancel()
	var all error
	for _, s := range r.servers {
		all = errors.Join(all, s.Close())
	}
	r.Kill()
	for _, f := range r.functions {
		f.wait()
	}
	r.work.Wait()
	return all
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// serveOn serves a handler until the runner is closed.
func (r *Runner) serveOn(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	r.servers = append(r.servers, s)
	r.work.Go(func() { _ = s.Serve(l) }) // ends with Close
}

// quote writes what a function said.
func (r *Runner) quote(name string, line []byte) {
	if r.o.Output == nil {
		return
	}
	r.printing.Lock()
	defer r.printing.Unlock()
	_, _ = fmt.Fprintf(r.o.Output, "%-7s %s\n", name, line) // whoever does not read it misses it
}
