package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// reporter tells the functions, every 15 s and whenever something changed, that this
// host is there, and how many more calls it can hold. Its goroutine ends with end.
type reporter struct {
	host  *Host
	kick  chan struct{}
	start sync.Once
	stop  context.CancelFunc
	ctx   context.Context //nolint:containedctx // the reporter is the owner of its goroutine's lifetime
	done  sync.WaitGroup

	mu     sync.Mutex
	failed error
}

// reportLimit bounds one report, with the model's handshake in it.
const reportLimit = 10 * time.Second

var errUnreported = errors.New("this host has not reported yet, so no call is handed to it")

func newReporter(h *Host) *reporter {
	r := &reporter{host: h, kick: make(chan struct{}, 1), failed: errUnreported}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

func (r *reporter) begin() {
	r.start.Do(func() { r.done.Go(r.run) })
	r.now()
}

// now asks for a report at once; one that is asked for already will do.
func (r *reporter) now() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// end stops the reports, with a last one that says that this host is gone.
func (r *reporter) end() {
	r.start.Do(func() {}) // from here on it cannot be started
	r.stop()
	r.done.Wait()
}

func (r *reporter) run() {
	tick := time.NewTicker(cloud.ReportEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			r.report()
			return
		case <-tick.C:
		case <-r.kick:
		}
		r.report()
	}
}

// report writes one report. It is not cut off by the end: the last one is worth its wait.
func (r *reporter) report() {
	a := r.host.current()
	if a == nil {
		return // between two configurations
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), reportLimit)
	defer cancel()
	err := a.hosts.Report(ctx, r.host.state(ctx, a))
	r.mu.Lock()
	changed := (err == nil) != (r.failed == nil)
	if r.failed = err; err != nil {
		r.failed = errReport
	}
	r.mu.Unlock()
	switch log := r.log(); {
	case err != nil:
		log.ErrorContext(ctx, "this host cannot report, so no call will be handed to it", "error", err)
	case changed:
		log.InfoContext(ctx, "this host reports to the control plane", "url", r.host.options.URL)
	}
}

// errReport is what /readyz says; the log has the cause, which may hold names.
var errReport = errors.New("this host cannot write its report to the call table, so no call is handed to it")

func (r *reporter) log() *slog.Logger { return r.host.options.Log }

// ready is a condition of /readyz.
func (r *reporter) ready(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// state is the host as it is now.
func (h *Host) state(ctx context.Context, a *App) dynamo.HostReport {
	report := dynamo.HostReport{
		URL: h.options.URL, Room: max(0, a.config.MaxSessions-h.sessions.Len()), ModelOK: true, Draining: h.draining.Load(),
		Config: a.hash, Version: version(),
	}
	if err := a.model.Ready(ctx); err != nil {
		report.ModelOK, report.ModelWords = false, "the model's service does not answer"
		h.options.Log.WarnContext(ctx, "the model's service does not answer; no call is handed to this host", "error", fmt.Errorf("handshake: %w", err))
	}
	report.At = h.options.Now()
	return report
}

// version is the program's, as the module system knows it.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		return b.Main.Version
	}
	return ""
}
