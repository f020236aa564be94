package local

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests mean these zones, whatever the machine has

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// site is a mock configuration that is complete; more overrides it by keys.
func site(t *testing.T, more map[string]string) *config.Config {
	t.Helper()
	c := config.New()
	all := map[string]string{
		"stream.secret": strings.Repeat("s", 32), "tools.tokens": strings.Repeat("t", 32),
		"openai.baseUrl": model(t), "defaults.timezone": "America/Los_Angeles",
		"server.publicBaseUrl": "http://localhost:4545",
	}
	for k, v := range more {
		all[k] = v
	}
	for k, v := range all {
		if err := c.Set(k, []string{v}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// model is the address of a simulated model.
func model(t *testing.T) string {
	m := realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script { return realtimetest.Script{} }})
	srv := httptest.NewServer(m)
	t.Cleanup(func() {
		srv.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(srv.URL, "http", "ws", 1) + "/v1"
}

func open(t *testing.T, now func() time.Time) *Host {
	t.Helper()
	h, err := Open(Options{Dir: t.TempDir(), Now: now, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func compose(t *testing.T, h *Host, c *config.Config) *App {
	t.Helper()
	a, err := New(h, c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ask(a http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("t", 32))
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestEveryEndOfASessionIsAnEndOfAnAttempt(t *testing.T) {
	for _, r := range media.EndReasons() {
		if !slices.Contains(call.EndReasons(), call.EndReason(r)) {
			t.Errorf("media ends a session as %q, which is not on call's closed list", r)
		}
	}
}

func TestAllPairsOfFormatsAreCarried(t *testing.T) {
	h := open(t, nil)
	formats := []string{config.FormatPCMU, config.FormatPCMA, config.FormatPCM}
	for _, in := range formats {
		for _, out := range formats {
			compose(t, h, site(t, map[string]string{"openai.inputFormat": in, "openai.outputFormat": out}))
		}
	}
}

func TestWhatIsNotCarriedIsRefusedByItsKey(t *testing.T) {
	h := open(t, nil)
	for key, value := range map[string]string{"control_plane": "https://calls.example"} {
		_, err := New(h, site(t, map[string]string{key: value}), quiet)
		var fault config.Fault
		if !errors.As(err, &fault) || fault.Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestAPathOfOursIsAnsweredWhateverTheMethod(t *testing.T) {
	a := compose(t, open(t, nil), site(t, nil))
	for _, c := range []struct {
		method, path string
		status       int // 0: not ours
	}{
		{"GET", "/voice", 405},
		{"PUT", "/status", 405},
		{"DELETE", "/tools", 405},
		{"POST", "/mock", 405},
		{"POST", "/console", 405},
		{"GET", "/console", 200},
		{"GET", "/console/console.js", 200},
		{"GET", "/console/none.js", 404},
		{"GET", "/healthz", 200},
		{"GET", "/tools", 200},
		{"POST", "/tools/no_such_tool", 404},
		{"GET", "/voice/stream/forged", 403},
		{"POST", "/voice", 403}, // mock has no webhooks
		{"GET", "/", 0},
		{"GET", "/voices", 0},
		{"POST", "/voice/", 0},
		{"GET", "/voice/stream/a/b", 0},
		{"GET", "//elsewhere", 0},
	} {
		r := httptest.NewRequest(c.method, "http://localhost:4545"+c.path, nil)
		if ours := a.Handles(r); ours != (c.status != 0) {
			t.Errorf("%s %s: ours %t", c.method, c.path, ours)
			continue
		}
		if c.status == 0 {
			continue
		}
		if w := ask(a, c.method, c.path, ""); w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	h := open(t, nil)
	a := compose(t, h, site(t, nil))
	if w := ask(a, "GET", "/readyz", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	a.config.OpenAI.Voice = "" // nothing that New lets pass is incomplete: break it behind its back
	h.Drain(t.Context(), 0)
	w := ask(a, "GET", "/readyz", "")
	for _, want := range []string{"openai.voice", "being stopped"} {
		if w.Code != 503 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s; want %s", w.Code, w.Body, want)
		}
	}
}

const request = `{"to":"+14155550123","goal":"Book a check-up.","durationMinutes":30}`

func TestAHostWithoutAModelIsNotReadyAndDialsNobody(t *testing.T) {
	h := open(t, nil)
	a := compose(t, h, site(t, map[string]string{"openai.baseUrl": "ws://127.0.0.1:9/v1"}))
	if w := ask(a, "GET", "/readyz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"model":`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(a, "POST", "/tools/call_agent", request); w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"queued"`) || !strings.Contains(w.Body.String(), "the model's service does not answer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPlacesForStreamsAreLimited(t *testing.T) {
	h := open(t, nil)
	a := compose(t, h, site(t, map[string]string{"max_sessions": "1"}))
	if w := ask(a, "POST", "/tools/call_agent", request); !strings.Contains(w.Body.String(), `"status":"dialing"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w := ask(a, "POST", "/tools/call_agent", strings.Replace(request, "0123", "0124", 1))
	if !strings.Contains(w.Body.String(), `"status":"queued"`) || !strings.Contains(w.Body.String(), "max_sessions") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestADrainingHostTakesNoCallAndStillAnswersForItsOwn(t *testing.T) {
	h := open(t, nil)
	a := compose(t, h, site(t, nil))
	var placed call.Answer
	if w := ask(a, "POST", "/tools/call_agent", request); w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &placed) != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.Drain(t.Context(), 0)
	w := ask(a, "POST", "/tools/call_agent", strings.Replace(request, "0123", "0124", 1))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"unavailable"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(a, "POST", "/tools/call_agent_status", `{"callId":"`+string(placed.CallID)+`"}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheNewestRunningConfigurationAttends(t *testing.T) {
	h := open(t, nil)
	first, second := compose(t, h, site(t, nil)), compose(t, h, site(t, nil))
	want := func(a *App) {
		t.Helper()
		if h.current() != a {
			t.Error("another configuration attends to due calls")
		}
	}
	want(nil)
	h.Activate(first)
	h.Activate(second)
	want(second)
	h.Deactivate(second) // the new one was rolled back
	want(first)
	h.Activate(second)
	h.Deactivate(first) // an ordinary reload
	want(second)
	h.Deactivate(second) // the directive was removed
	want(nil)
	if err := h.attend(t.Context(), "any"); err != nil {
		t.Error(err)
	}
}

// A host with a call that is due settles it as soon as a configuration is active, and
// not before: opening alone does nothing.
func TestActivatingSettlesWhatFellDue(t *testing.T) {
	dir, start := t.TempDir(), time.Now()
	late := func() time.Time { return time.Now().Add(20 * time.Minute) } // past the mock stream's ten minutes
	h, err := Open(Options{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var placed call.Answer
	if err := json.Unmarshal(ask(compose(t, h, site(t, nil)), "POST", "/tools/call_agent", request).Body.Bytes(), &placed); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Fatal(err)
	}

	h, err = Open(Options{Dir: dir, Now: late, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	a := compose(t, h, site(t, nil))
	h.Activate(a)
	for time.Since(start) < time.Minute {
		c, err := h.store.Get(t.Context(), placed.CallID)
		if err != nil {
			t.Fatal(err)
		}
		if c.Final() {
			if got := c.Attempts[0].EndReason; got != call.EndStreamUnopened {
				t.Errorf("ended as %s", got)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the call that fell due was not settled")
}

func TestOneProcessHoldsAStore(t *testing.T) {
	h := open(t, nil)
	if other, err := Open(Options{Dir: h.options.Dir, Log: quiet}); err == nil || !strings.Contains(err.Error(), "another process holds it") {
		t.Errorf("%v", err)
		if other != nil {
			_ = other.Close()
		}
	}
	info, err := os.Stat(filepath.Join(h.options.Dir, storeFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestTheMocksPageIsServed(t *testing.T) {
	a := compose(t, open(t, nil), site(t, nil))
	w := ask(a, "GET", "/mock", "")
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 || !strings.Contains(string(body), "<html") {
		t.Errorf("%d %.80s", w.Code, body)
	}
}
