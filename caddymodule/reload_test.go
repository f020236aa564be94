package caddymodule

import (
	"context"
	"maps"
	"net/http"
	"sync"
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
	// A request on a kept connection that a reload closes meanwhile is lost (RFC 9112
	// section 9.6), and Go does not repeat a POST. That is no matter of calls.
	transport := http.DefaultTransport.(*http.Transport)
	transport.DisableKeepAlives = true
	defer func() { transport.DisableKeepAlives = false }()
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
