package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/metrics"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
)

// administered is a host with an admin port.
func administered(t *testing.T) (*host, func(method, path string) (int, string)) {
	t.Helper()
	h := newHost(t)
	spare := newHostAddress(t)
	h.options = "admin " + spare
	ask := func(method, path string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+spare+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, strings.TrimSpace(string(b))
	}
	h.mustLoad(h.directive("drain_timeout 200ms"))
	return h, ask
}

func TestAnOperatorSeesAndEndsACall(t *testing.T) {
	h, ask := administered(t)
	if status, body := ask("GET", sessionsPath); status != 200 || body != `{"sessions":[]}` {
		t.Errorf("%d %s", status, body)
	}
	a := h.place()
	one := sessionsPath + "/" + string(a.CallID)
	p := h.pickUp(a)
	p.up()
	var seen stream.Info
	h.await("the callee has heard the agent", func() bool {
		status, body := ask("GET", one)
		return status == 200 && json.Unmarshal([]byte(body), &seen) == nil && seen.State == stream.StateTalking
	})
	if seen.CallID != a.CallID || seen.Attempt != 1 || seen.Since.IsZero() {
		t.Errorf("%+v", seen)
	}
	if status, body := ask("GET", sessionsPath); status != 200 || !strings.Contains(body, string(a.CallID)) || strings.Contains(body, "4155550123") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask("GET", "/metrics"); status != 200 || !strings.Contains(body, "call_agent_live_calls 1") {
		t.Errorf("%d %.300s", status, body)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", sessionsPath + "/unknown", 404},
		{"DELETE", sessionsPath + "/unknown", 404},
		{"GET", sessionsPath + "/", 404},
		{"DELETE", sessionsPath, 405},
		{"POST", one, 405},
		{"GET", drainPath, 405},
	} {
		if status, body := ask(c.method, c.path); status != c.status || !strings.Contains(body, `"error"`) {
			t.Errorf("%s %s: %d %s; want %d", c.method, c.path, status, body, c.status)
		}
	}
	if status, body := ask("DELETE", one); status != 202 || !strings.Contains(body, `"ending"`) {
		t.Errorf("%d %s", status, body)
	}
	<-p.gone
	h.await("the session is gone", func() bool { status, _ := ask("GET", one); return status == 404 })
	h.mustLoad() // closes the store
	if last := h.record(a.CallID).Attempts[0]; last.EndReason != call.EndCanceled || last.Status != call.Canceled || !last.FarewellPlayed {
		t.Errorf("%s, farewell %t", last.EndReason, last.FarewellPlayed)
	}
}

func TestAnOperatorDrains(t *testing.T) {
	h, ask := administered(t)
	a := h.place()
	p := h.pickUp(a)
	p.up()
	h.await("the callee has heard the agent", func() bool { s := sessionsOf(a.CallID); return len(s) == 1 && s[0].State == stream.StateTalking })
	if status, body := ask("POST", drainPath); status != 200 || body != `{"drained":true,"sessions":[]}` {
		t.Errorf("%d %s", status, body)
	}
	<-p.gone
	if status, body := h.ask("GET", "/readyz", ""); status != 503 || !strings.Contains(body, "being stopped") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := h.ask("POST", "/tools/call_agent", `{"to":"+14155550124","goal":"Book.","durationMinutes":30}`); status != 503 {
		t.Errorf("a drained host took a call: %d", status)
	}
}

// The admin port knows the routes also before there is a call agent, and after.
func TestTheAdminPortAsksForTheHostsWhenItIsAsked(t *testing.T) {
	h, ask := administered(t)
	h.mustLoad()
	if status, body := ask("GET", sessionsPath); status != 200 || body != `{"sessions":[]}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask("POST", drainPath); status != 200 || !strings.Contains(body, `"drained":true`) {
		t.Errorf("%d %s", status, body)
	}
	h.mustLoad(h.directive(""))
	p := h.pickUp(h.place())
	p.up()
	if status, body := ask("GET", sessionsPath); status != 200 || !strings.Contains(body, `"attempt":1`) {
		t.Errorf("%d %s", status, body)
	}
}
