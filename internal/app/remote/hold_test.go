package remote

import (
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/internal/app/cloud"
)

// A stream's request ends before its call: it is the call that keeps the host open then.
func TestAStreamHoldsTheHost(t *testing.T) {
	set := map[string]string{cloud.VarParameter: "/callagent/config", cloud.VarTable: "calls", "AWS_REGION": "eu-central-1"}
	e, err := cloud.FromEnv(func(name string) (string, bool) { v, ok := set[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	var held atomic.Int32
	h := Open(Options{Environment: e, URL: "wss://media.example", Log: quiet, Hold: func() func() {
		held.Add(1)
		return func() { held.Add(-1) }
	}})
	defer func() { _ = h.Close() }()
	a, err := New(h, document(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a)
	defer server.Close()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/voice/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	await := func(times int32) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); held.Load() != times; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("held %d times, want %d", held.Load(), times)
			}
		}
	}
	await(1) // the upgrade is answered a moment before
	_ = ws.Close()
	await(0)
}
