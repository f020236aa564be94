package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

const probeKey = "sk-probe-secret"

// service is the simulated model, and the types of the events that clients sent to it.
func service(t *testing.T, faults realtimetest.Faults) (base string, sent func() []string, model *realtimetest.Server) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	model = realtimetest.New(realtimetest.Config{
		Key:    probeKey,
		Script: func(int, *http.Request) realtimetest.Script { return realtimetest.Script{Faults: faults} },
		Record: func(side string, event json.RawMessage) {
			if side == realtimetest.SideClient {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(event))
			}
		},
	})
	web := httptest.NewServer(model)
	t.Cleanup(func() { _ = model.Close(); web.Close() })
	return web.URL + "/v1", func() []string { mu.Lock(); defer mu.Unlock(); return got }, model
}

func probe(ctx context.Context, base, model, key string) error {
	return realtime.Dialer{Config: realtime.Config{BaseURL: base, Model: model, APIKey: key, Dialer: &websocket.Dialer{}}}.Probe(ctx)
}

func TestAProbeCostsNothingAndLeavesCleanly(t *testing.T) {
	base, sent, model := service(t, realtimetest.Faults{Unknown: true})
	if err := probe(t.Context(), base, "gpt-realtime-2.1", probeKey); err != nil {
		t.Fatal(err)
	}
	if err := model.Close(); err != nil { // waits until the connection has ended
		t.Error(err)
	}
	if len(sent()) > 0 || len(model.Violations()) > 0 || model.Calls() != 1 {
		t.Errorf("sent %v, violated %v, connected %d times", sent(), model.Violations(), model.Calls())
	}
}

func TestAFailedProbeSaysHowToMendIt(t *testing.T) {
	for name, c := range map[string]struct {
		faults realtimetest.Faults
		key    string
		kind   realtime.DialKind
		words  string
	}{
		"wrong key":               {key: "sk-wrong-secret", kind: realtime.DialUnauthorized, words: "openai.apiKey"},
		"forbidden":               {faults: realtimetest.Faults{Status: 403}, kind: realtime.DialUnauthorized, words: "openai.apiKey"},
		"key refused after 101":   {faults: realtimetest.Faults{AuthError: "invalid_api_key"}, kind: realtime.DialUnauthorized, words: "openai.apiKey"},
		"no model":                {faults: realtimetest.Faults{Status: 404}, kind: realtime.DialNoModel, words: "openai.model"},
		"no model after 101":      {faults: realtimetest.Faults{AuthError: "model_not_found"}, kind: realtime.DialNoModel, words: "openai.model"},
		"no credit":               {faults: realtimetest.Faults{AuthError: "insufficient_quota"}, kind: realtime.DialQuota, words: "billing"},
		"too many":                {faults: realtimetest.Faults{Status: 429}, kind: realtime.DialBusy, words: "later"},
		"down":                    {faults: realtimetest.Faults{Status: 503}, kind: realtime.DialBusy, words: "later"},
		"redirected":              {faults: realtimetest.Faults{Status: 302}, kind: realtime.DialUnreachable, words: "openai.baseUrl"},
		"refused for its request": {faults: realtimetest.Faults{AuthError: "never_heard_of"}, kind: realtime.DialRefused, words: "never_heard_of"},
	} {
		t.Run(name, func(t *testing.T) {
			base, _, _ := service(t, c.faults)
			key := c.key
			if key == "" {
				key = probeKey
			}
			wantDialError(t, probe(t.Context(), base, "gpt-realtime-2.1", key), c.kind, c.words)
		})
	}
}

func wantDialError(t *testing.T, err error, kind realtime.DialKind, words string) {
	t.Helper()
	var dial *realtime.DialError
	if !errors.As(err, &dial) || dial.Kind != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want kind %d with %q", err, kind, words)
	}
	if err != nil && (strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\r\n")) {
		t.Errorf("a secret or more than a line: %v", err)
	}
}

func TestAProbeOfNothingOrOfAnUntrustedHost(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	wantDialError(t, probe(t.Context(), down.URL, "m", probeKey), realtime.DialUnreachable, "network")
	plain, _, _ := service(t, realtimetest.Faults{})
	wantDialError(t, probe(t.Context(), strings.Replace(plain, "http:", "https:", 1), "m", probeKey), realtime.DialInsecure, "TLS")
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	defer untrusted.Close()
	wantDialError(t, probe(t.Context(), untrusted.URL, "m", probeKey), realtime.DialInsecure, "root certificates")
	wantDialError(t, probe(t.Context(), "ftp://host", "m", probeKey), realtime.DialMisconfigured, "scheme")
	wantDialError(t, probe(t.Context(), "https://user:secret@ho st", "m", probeKey), realtime.DialMisconfigured, "base URL")
	wantDialError(t, probe(t.Context(), "https://host", "", probeKey), realtime.DialMisconfigured, "gpt-realtime")
}

// TestAProbeOfASilentServiceEndsWithItsContext: an upgrade alone is no session.
func TestAProbeOfASilentServiceEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		<-release
	}))
	defer web.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // the upgrade is done by then
	defer cancel()
	err := probe(ctx, web.URL, "m", probeKey)
	wantDialError(t, err, realtime.DialUnreachable, "no session in time")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestACloseThatNamesItsReasonIsRead: the code may come in the close frame alone.
func TestACloseThatNamesItsReasonIsRead(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		reason := websocket.FormatCloseMessage(4000, "invalid_request_error.model_not_found")
		_ = ws.WriteControl(websocket.CloseMessage, reason, time.Now().Add(time.Second))
		_, _, _ = ws.ReadMessage()
	}))
	defer web.Close()
	wantDialError(t, probe(t.Context(), web.URL, "m", probeKey), realtime.DialNoModel, "openai.model")
}
