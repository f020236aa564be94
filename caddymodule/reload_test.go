package caddymodule

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
	_ "github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/clawdbot/call-agent/internal/demo"
)

// TestReloadsNeverTouchACall plays the whole demo through a real Caddy that is
// reloaded every few seconds: with another configuration, and with ones that fail to
// provision or to start. The demo's own checks judge: every sample heard, one event,
// one dial, one notification.
func TestReloadsNeverTouchACall(t *testing.T) {
	http.DefaultClient.Transport = again{&http.Transport{DisableKeepAlives: true}} // the demo's client
	defer func() { http.DefaultClient.Transport = nil }()
	out := t.Output()
	var reloads reloader
	err := demo.Run(t.Context(), demo.Options{
		Out: t.TempDir(), Stdout: out,
		Serve: func(ctx context.Context, site demo.Site) (func() error, error) {
			stop, err := serve(ctx, site)
			if err != nil {
				return nil, err
			}
			reloads.begin(t, site)
			return func() error { reloads.end(); return stop() }, nil
		},
	})
	if err != nil {
		t.Error(err)
	}
	if reloads.good < 3 || reloads.refused < 3 {
		t.Errorf("%d reloads and %d refused ones: too few to say anything", reloads.good, reloads.refused)
	}
}

// again sends a request once more that a reload has lost unheard. A server that is being
// replaced hangs up on a connection whose request it had not read (net/http, conn.serve)
// and on those it had not accepted (they wait at its own listener, SO_REUSEPORT). Both
// are Caddy's way with any site, and every HTTP client of ours has to expect them.
type again struct{ http.RoundTripper }

func (a again) RoundTrip(r *http.Request) (*http.Response, error) {
	for range 5 {
		res, err := a.RoundTripper.RoundTrip(r)
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			return res, err
		}
		if r.GetBody == nil {
			continue
		}
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = body
	}
	return a.RoundTripper.RoundTrip(r)
}

// reloader loads one configuration after another.
type reloader struct {
	good, refused int

	quit chan struct{}
	work sync.WaitGroup
}

func (r *reloader) begin(t *testing.T, site demo.Site) {
	r.quit = make(chan struct{})
	r.work.Go(func() {
		tick := time.NewTicker(1500 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-r.quit:
				return
			case <-tick.C:
			}
			r.load(t, site, n)
		}
	})
}

func (r *reloader) load(t *testing.T, site demo.Site, n int) {
	changed := site
	changed.Document = maps.Clone(site.Document)
	changed.Document["max_sessions"] = 10 + n
	switch n % 3 {
	case 1: // fails to provision
		changed.Document["no_such_key"] = "x"
	case 2: // fails to start: the folder of its store is a file
		changed.Document["data_dir"] = site.LogTo
	}
	b, err := siteConfig(changed)
	if err != nil {
		t.Error(err)
		return
	}
	err = caddy.Load(b, true)
	switch {
	case n%3 == 0 && err != nil:
		t.Errorf("a good reload failed: %v", err)
	case n%3 != 0 && err == nil:
		t.Error("a bad configuration was loaded")
	case err == nil:
		r.good++
	default:
		r.refused++
	}
}

func (r *reloader) end() {
	close(r.quit)
	r.work.Wait()
}
