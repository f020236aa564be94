package caddymodule

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/clawdbot/call-agent/call"
)

// hears opens a stream of a call's events, as a client does that takes compressed answers.
func (h *host) hears(id call.ID, lastID string) *bufio.Scanner {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, "http://"+h.listen+"/calls/"+string(id)+"/events", nil)
	if err != nil {
		h.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + toolToken, "Accept": "text/event-stream", "Accept-Encoding": "gzip", "Last-Event-ID": lastID} {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = res.Body.Close() })
	var body io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(res.Body); err != nil {
			h.Fatal(err)
		}
	}
	if res.StatusCode != http.StatusOK {
		h.Fatalf("%s", res.Status)
	}
	return bufio.NewScanner(body)
}

// until reads up to a line; false where the stream ended before.
func until(s *bufio.Scanner, line string) bool {
	for s.Scan() {
		if s.Text() == line {
			return true
		}
	}
	return false
}

// Events come as they happen also where an encoder would like to wait for more; a reload
// sends who listens to the new configuration, and an exit does not wait for them.
func TestEventsComeThroughLogAndEncodeAndSurviveAReload(t *testing.T) {
	h := newHost(t)
	around := []string{"log {\n output file " + filepath.Join(h.caddy, "access.log") + "\n}", "encode gzip"}
	h.mustLoad(append(around, h.directive(""))...)
	a := h.place()
	s := h.hears(a.CallID, "")
	if !until(s, "event: dialing") {
		t.Fatal("no event")
	}
	p := h.pickUp(a)
	if !until(s, "event: answered") {
		t.Fatal("not told that it was answered")
	}
	p.up()
	h.mustLoad(append(around, h.directive("ring_timeout 30s"))...)
	if until(s, "never") || s.Err() != nil {
		t.Errorf("the stream of the old configuration: %v", s.Err())
	}
	s = h.hears(a.CallID, "3")
	if status, body := h.ask("POST", "/tools/call_agent_cancel", `{"callId":"`+string(a.CallID)+`"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if !until(s, "event: ended") {
		t.Error("the listener was not told the end")
	}
	p.hangUp()
	b := h.placeTo("+14155550124")
	s = h.hears(b.CallID, "")
	until(s, "event: dialing")
	began := time.Now()
	exiting = func() bool { return true }
	defer func() { exiting = caddy.Exiting }()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the exit waited %s for a listener", took)
	}
	if c := h.record(a.CallID); c.Status != call.Canceled || !c.Attempts[0].FarewellPlayed {
		t.Errorf("%s, farewell %t", c.Status, c.Attempts[0].FarewellPlayed)
	}
}

func TestTheSurfaceIsServedByTheSite(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	for _, tt := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"GET", "/openapi.json", "", 200, `"openapi":"3.1.0"`},
		{"GET", "/mcp", "", 405, ""},
		{"PUT", "/openapi.json", "", 405, "GET"},
		{"GET", "/calls", "", 200, `"calls":[`},
		{"GET", "/calls/x", "", 404, "not_found"},
		{"GET", "/calls/x/else", "", 404, "not_found"},
		{"GET", "/called", "", 404, "elsewhere"},
		{"GET", "/calls/x/events", "", 404, "not_found"},
		{"POST", "/tools/call_agent", `{"to":"+14155550123","goal":"Book.","durationMinutes":30,"dryRun":true}`, 200, `"dryRun":true`},
		{"POST", "/tools/call_agent_cancel", `{"callId":"nope"}`, 404, "not_found"},
	} {
		if status, body := h.ask(tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.has) {
			t.Errorf("%s %s: %d %.200s", tt.method, tt.path, status, body)
		}
	}
}

// Caddy's manpage and completion commands are made from this list.
func TestTheCommandsAreCaddysOwn(t *testing.T) {
	all := caddycmd.Commands()
	for _, name := range []string{"call", "status", "cancel", "tail"} {
		if c, ok := all[name]; !ok || c.Short == "" || c.Usage == "" || !strings.Contains(c.Long, "Exit status:") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
