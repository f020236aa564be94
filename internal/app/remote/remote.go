// Package remote composes a media host: the streams of calls whose control plane is the
// functions on AWS, and health. It shares their table through a narrow role, and their
// configuration document. Host owns what outlives a configuration (the live calls, and
// the reports by which the functions choose a host), App is one configuration over it.
// It places no call, takes no webhook and attends to nothing that is due.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/config"
)

// Environment is the host's: its role's credentials, region and endpoints, found as
// every AWS program finds them, and what the media host's stack sets.
func Environment(ctx context.Context, lookup func(string) (string, bool)) (cloud.Environment, error) {
	found, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return cloud.Environment{}, fmt.Errorf("find region and credentials for AWS: %w", err)
	}
	e, err := cloud.FromEnv(func(name string) (string, bool) {
		if v, ok := lookup(name); ok || name != "AWS_REGION" {
			return v, ok
		}
		return found.Region, found.Region != ""
	})
	if err != nil {
		return e, err
	}
	e.Credentials = found.Credentials
	return e, nil
}

// OwnURL is the wss base of the host whose site is at this address, and whether the
// functions hand it out.
func OwnURL(c *config.Config, site string) (url string, named bool) {
	url = "ws" + strings.TrimPrefix(strings.TrimRight(site, "/"), "http")
	return url, slices.Contains(c.Stream.Hosts, url)
}

// Options are what a Host needs. All but Now and Meter are required.
type Options struct {
	Environment cloud.Environment
	// URL is the host's own wss base, as stream.hosts names it.
	URL   string
	Now   func() time.Time
	Log   *slog.Logger
	Meter stream.Meter
	// Hold is the streams' (stream.Options.Hold); nil: nobody closes the host beneath a call.
	Hold func() (release func())
}

// Host is the live calls of one media host, and its reports. Open makes it; Close ends
// everything it started and waits.
type Host struct {
	options  Options
	sessions *stream.Sessions
	draining atomic.Bool
	reporter *reporter

	mu     sync.Mutex
	active []*App // the running configurations, the newest last
}

// Open makes a host; nothing is reported before Activate.
func Open(o Options) *Host {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Host{options: o, sessions: stream.NewSessions()}
	h.reporter = newReporter(h)
	return h
}

// Activate makes a configuration the one that is reported, until it is deactivated or a
// newer one is activated. The first one starts the reports.
func (h *Host) Activate(a *App) {
	h.mu.Lock()
	h.active = append(h.active, a)
	h.mu.Unlock()
	h.reporter.begin()
}

// Deactivate takes a configuration back.
func (h *Host) Deactivate(a *App) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active = slices.DeleteFunc(h.active, func(x *App) bool { return x == a })
}

func (h *Host) current() *App {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.active) == 0 {
		return nil
	}
	return h.active[len(h.active)-1]
}

// Sessions are the live calls of the host, for operators.
func (h *Host) Sessions() []stream.Info { return h.sessions.List() }

// HangUp asks a call's live session to say goodbye; false if it has none here.
func (h *Host) HangUp(id call.ID) bool { return h.sessions.HangUp(id) > 0 }

// Live is the number of calls held or about to be.
func (h *Host) Live() int { return h.sessions.Len() }

// Draining says whether the host takes no call any more.
func (h *Host) Draining() bool { return h.draining.Load() }

// Drain says so in a report, so that no further call is handed to this host, lets live
// calls end within limit, then asks those that remain to say goodbye, and returns when
// none is left or ctx ends.
func (h *Host) Drain(ctx context.Context, limit time.Duration) {
	h.draining.Store(true)
	h.reporter.now()
	h.sessions.Drain(ctx, limit)
}

// Destruct is Close, under the name that Caddy's pool of shared resources asks for.
func (h *Host) Destruct() error { return h.Close() }

// Close ends live calls and the reports, and waits. Closing twice is nothing.
func (h *Host) Close() error {
	h.draining.Store(true)
	h.sessions.Close()
	h.reporter.end()
	return nil
}

var errDraining = errors.New("this host is being stopped; it finishes its calls and takes no new one")

// ready is a condition of /readyz.
func (h *Host) ready(context.Context) error {
	if h.draining.Load() {
		return errDraining
	}
	return nil
}

// self is the media plane as this host sees it: itself. It dials nobody.
type self string

var _ call.Media = self("")

var errNoDial = &call.MediaError{Words: "a media host places no call"}

// Reserve refuses.
func (self) Reserve(context.Context, call.ID, int, time.Time) error { return errNoDial }

// Host is this host.
func (s self) Host(context.Context, call.ID) (string, error) { return string(s), nil }

// Release does nothing: streams take and give back places themselves.
func (self) Release(call.ID, int) {}

// HangUp does nothing: requests to stop a call are taken by the control plane.
func (self) HangUp(call.ID) {}
