package keepalive

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect returns a client's socket whose server counts pings, and says when the first
// message has come.
func connect(t *testing.T) (*websocket.Conn, *atomic.Int64, chan struct{}) {
	t.Helper()
	told := make(chan struct{})
	var once sync.Once
	var pings atomic.Int64
	var up websocket.Upgrader
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		ws.SetPingHandler(func(string) error { pings.Add(1); return nil })
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
			once.Do(func() { close(told) })
		}
	}))
	t.Cleanup(srv.Close)
	ws, res, err := websocket.DefaultDialer.Dial(strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	t.Cleanup(func() { ws.Close() })
	return ws, &pings, told
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func TestASocketIsPingedUntilItIsStopped(t *testing.T) {
	ws, pings, told := connect(t)
	p := Start(Of(ws), time.Millisecond)
	await(t, "five pings", func() bool { return pings.Load() >= 5 })
	p.Stop()
	p.Stop()
	if err := ws.WriteMessage(websocket.TextMessage, []byte("what was written before has come")); err != nil {
		t.Fatal(err)
	}
	<-told
	before := pings.Load()
	time.Sleep(20 * time.Millisecond)
	if after := pings.Load(); after != before {
		t.Errorf("%d pings came after the stop", after-before)
	}
}

func TestAFailedPingIsTheLast(t *testing.T) {
	ws, _, _ := connect(t)
	ws.Close()
	p := Start(Of(ws), time.Millisecond)
	defer p.Stop()
	await(t, "the timer has run out", func() bool {
		p.turn <- struct{}{}
		defer func() { <-p.turn }()
		return !p.timer.Stop()
	})
}
