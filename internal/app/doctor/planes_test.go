package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
)

func TestPlanesThatRunApartAreFound(t *testing.T) {
	plane := func(answer string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	const own = `{"ok":true,"config":"0123456789abcdef"}`
	for name, c := range map[string]struct {
		control, media string
		state          State
		says           string
	}{
		"all the same":              {own, own, OK, "run with the same document (0123456789ab"},
		"another on a media host":   {own, `{"ok":false,"config":"feed"}`, Failed, "another configuration"},
		"another in the functions":  {`{"ok":true,"config":"feed"}`, own, Failed, "another configuration"},
		"an older program":          {own, `{"ok":true}`, Warning, "does not say"},
		"something else altogether": {own, `<html>`, Warning, "does not say"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := config.New()
			conf.ControlPlane = config.ControlPlaneRemote
			conf.Server.PublicBaseURL = plane(c.control)
			conf.Stream.Hosts = []string{"ws" + strings.TrimPrefix(plane(c.media), "http")}
			p := &patient{Options: Options{Hash: "0123456789abcdef", Now: time.Now}, config: conf, client: newClient(nil)}
			defer p.client.CloseIdleConnections()
			if got := checkPlanes(t.Context(), p); got.State != c.state || !strings.Contains(got.Finding, c.says) || (got.State != OK) != (got.Mend != "") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAMediaHostIsExaminedWithoutItsControlPlanesAddress(t *testing.T) {
	conf := config.New()
	conf.ControlPlane = config.ControlPlaneRemote
	report := Run(t.Context(), Options{Config: conf, Hash: "x", Table: func(context.Context) error { return errors.New("AccessDenied") }})
	states := map[string]State{}
	for _, c := range report.Checks {
		states[c.Name] = c.State
	}
	if states["call table"] != Failed || states[nameAddress] != Skipped || states["signed webhooks"] != Skipped || report.OK {
		t.Errorf("%v", states)
	}
	if _, there := states["data folder"]; there {
		t.Error("a media host has no data folder")
	}
}
