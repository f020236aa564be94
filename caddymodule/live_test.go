package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/call"
)

func TestACallOutlivesTheDirectiveItself(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	a := h.place()
	p := h.pickUp(a)
	p.up()
	h.mustLoad(h.directive("ring_timeout 30s"))
	if err := h.load(strings.Replace(h.directive(""), "data_dir "+h.data, "data_dir /dev/null/no", 1)); err == nil {
		t.Fatal("a site whose store cannot be opened was loaded")
	}
	if status, body := h.ask("GET", "/readyz", ""); status != 200 {
		t.Errorf("after a failed reload: %d %s", status, body)
	}
	p.up()
	h.mustLoad() // the directive is gone, the call is not
	if status, body := h.ask("GET", "/readyz", ""); status != 404 || body != "elsewhere" {
		t.Errorf("a path that is not ours any more: %d %s", status, body)
	}
	before := p.frames()
	h.await("the agent asks whether anybody is there", func() bool { return p.frames() > before })
	if !h.storeIsHeld() {
		t.Error("the store was closed under a call")
	}
	p.hangUp()
	h.await("the store is closed behind the last call", func() bool { return !h.storeIsHeld() })
	last := h.record(a.CallID).Attempts[0]
	if last.EndReason != call.EndCalleeHangup || last.Status != call.Completed || last.GreetingHeardAt == nil {
		t.Errorf("%s, %s", last.EndReason, last.Status)
	}
	h.mustLoad(h.directive(""))
	if status, body := h.ask("POST", "/tools/call_agent_status", `{"callId":"`+string(a.CallID)+`"}`); status != 200 {
		t.Errorf("the record is lost: %d %s", status, body)
	}
}

func TestAReloadLeavesNothingBehindInTheHost(t *testing.T) {
	h := newHost(t)
	for i := range 5 {
		h.mustLoad(h.directive(fmt.Sprintf("max_sessions %d", i+1)))
		if err := h.load(h.directive("retention_days 0")); err == nil || !strings.Contains(err.Error(), "retention_days") {
			t.Fatalf("%v", err)
		}
	}
	if n, _ := hosts.References("call_agent:" + h.data); n != 1 {
		t.Errorf("%d references on the host, want the one configuration's", n)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if h.storeIsHeld() {
		t.Error("stopped, and the store is open")
	}
}

func TestTheUpgradeWorksBehindLogAndEncode(t *testing.T) {
	for _, around := range [][]string{nil, {"log"}, {"encode gzip"}, {"log", "encode gzip"}} {
		t.Run(strings.Join(around, " and "), func(t *testing.T) {
			h := newHost(t)
			if len(around) > 0 && around[0] == "log" {
				around[0] = "log {\n output file " + filepath.Join(h.caddy, "access.log") + "\n}"
			}
			h.mustLoad(append(around, h.directive(""))...)
			p := h.pickUp(h.place())
			p.up()
			p.hangUp()
		})
	}
}

func TestForeignPathsAreOthersBusiness(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	for path, want := range map[string]int{"/": 404, "/voices": 404, "/voice": 405, "/healthz": 200, "/mock": 200} {
		status, body := h.ask("GET", path, "")
		if status != want || (want == 404) != (body == "elsewhere") {
			t.Errorf("GET %s: %d %.60s; want %d", path, status, body, want)
		}
	}
}

// At the process's exit the calls end first, with a goodbye, while the site still answers.
func TestExitingSaysGoodbyeBeforeTheListenersClose(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive("drain_timeout 300ms"))
	a := h.place()
	p := h.pickUp(a)
	p.up()
	h.await("the greeting is on record", func() bool {
		_, body := h.ask("POST", "/tools/call_agent_status", `{"callId":"`+string(a.CallID)+`"}`)
		return strings.Contains(body, "in_progress")
	})
	h.await("the greeting has been played", func() bool { n := p.frames(); time.Sleep(300 * time.Millisecond); return n == p.frames() })
	exiting = func() bool { return true }
	defer func() { exiting = caddy.Exiting }()
	stopped := make(chan error, 1)
	go func() { stopped <- caddy.Stop() }()
	h.await("the site says that it is being stopped", func() bool {
		status, body := h.ask("GET", "/readyz", "")
		return status == 503 && strings.Contains(body, "being stopped")
	})
	if status, body := h.ask("POST", "/tools/call_agent", `{"to":"+14155550124","goal":"Book.","durationMinutes":30}`); status != 503 {
		t.Errorf("a host that stops took a call: %d %s", status, body)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	<-p.gone
	c := h.record(a.CallID)
	last := c.Attempts[0]
	if last.EndReason != call.EndDrained || last.Status != call.Failed || !last.FarewellPlayed || c.Final() || c.NextAttemptAt == nil {
		t.Errorf("%s, %s, farewell %t, next %v; want drained, failed, a farewell, and another attempt", last.EndReason, last.Status, last.FarewellPlayed, c.NextAttemptAt)
	}
}

// A provider does not repeat a webhook that was refused: a request that is a moment
// ahead of the app waits for it.
func TestARequestAheadOfTheAppWaitsForIt(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	ctx := caddy.ActiveContext()
	app, err := ctx.App(appID)
	if err != nil {
		t.Fatal(err)
	}
	running := app.(*App).handlers[0]
	ahead := &Handler{logger: running.logger, read: reading{own: "http://nothing.example"}, ready: make(chan struct{})}
	answered := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		err := ahead.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil), nil)
		if err != nil {
			t.Error(err)
		}
		answered <- w.Code
	}()
	ahead.served.Store(running.served.Load())
	close(ahead.ready)
	if code := <-answered; code != 200 {
		t.Errorf("%d", code)
	}
}

// A configuration that was stopped goes on serving late requests as long as its host is
// open, and never opens it again.
func TestALateRequestDoesNotBringAHostBack(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	app, err := caddy.ActiveContext().App(appID)
	if err != nil {
		t.Fatal(err)
	}
	late := app.(*App).handlers[0]
	ask := func() (int, error) {
		w := httptest.NewRecorder()
		err := late.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil), nil)
		return w.Code, err
	}
	h.mustLoad(h.directive("max_sessions 3"))
	if code, err := ask(); err != nil || code != 200 {
		t.Errorf("after a reload: %d, %v", code, err)
	}
	h.mustLoad()
	if _, err := ask(); err == nil {
		t.Error("a host that is gone served a request")
	}
	if h.storeIsHeld() {
		t.Error("a late request opened the store")
	}
	h.mustLoad(h.directive(""))
	if _, err := ask(); err == nil {
		t.Error("a request of an old configuration reached another host")
	}
	if n, _ := hosts.References("call_agent:" + h.data); n != 1 {
		t.Errorf("%d references on the host", n)
	}
}

func TestBothFormsOfTheConfigurationSurviveARoundTrip(t *testing.T) {
	for _, document := range []string{`{}`, `{"telephony":{"provider":"mock"},"tools":{"tokens":["{env.TOOL_TOKEN}",{"name":"x","sha256":"00","scopes":["call"]}]},"max_sessions":3}`} {
		h := new(Handler)
		if err := json.Unmarshal([]byte(document), h); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(h)
		if err != nil || string(b) != document {
			t.Errorf("%s %v; want %s", b, err, document)
		}
	}
	h, err := parse("call_agent {\n openai {\n voice cedar\n }\n ring_timeout 30s\n}")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Handler)
	if err := json.Unmarshal(b, again); err != nil || !bytes.Equal(again.document, h.document) {
		t.Errorf("%s, %v; want %s", again.document, err, h.document)
	}
	if b, err := json.Marshal(new(Handler)); err != nil || string(b) != "{}" {
		t.Errorf("an empty directive is %s, %v", b, err)
	}
}

func TestAnUnknownKeyNamesTheOneThatWasMeant(t *testing.T) {
	for text, want := range map[string]string{
		"call_agent {\n ringtimeout 3s\n}":         "did you mean ring_timeout?",
		"call_agent {\n openai {\n modle x\n }\n}": "did you mean openai.model?",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	h, err := parse("call_agent {\n tunnel {\n ngrokAuthToken x y\n }\n}")
	if err != nil || string(h.document) != `{"tunnel":{"ngrokAuthToken":"x y"}}` {
		t.Errorf("the owner's tunnel keys are accepted without effect: %s %v", h.document, err)
	}
}

func TestALiteralSecretFailsTheLoadAndIsNotRepeated(t *testing.T) {
	h := newHost(t)
	err := h.load(strings.Replace(h.directive(""), "{env.STREAM_SECRET}", "hunter2", 1))
	if err == nil || !strings.Contains(err.Error(), "{env.CALLAGENT_STREAM_SECRET}") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(h.data); !os.IsNotExist(err) {
		t.Errorf("a configuration that was refused made a folder: %v", err)
	}
}
