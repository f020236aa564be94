package media_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// flood is how long a peer sends as fast as it can, floodMost what a session may hold of it,
// with what the two peers need themselves.
const (
	flood     = 600 * time.Millisecond
	floodMost = 24 << 20 // one message of the model may have 16 MB
)

// floodedModel is a model whose session is configured; then does is what it does.
func floodedModel(t *testing.T, does func(ws *websocket.Conn)) realtime.Dialer {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		say(ws, `{"type":"session.created","session":{"type":"realtime"}}`)
		if _, _, err := ws.ReadMessage(); err != nil {
			t.Error(err)
		}
		say(ws, `{"type":"session.updated","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}},"output":{"format":{"type":"audio/pcmu"}}}}}`)
		does(ws)
	}))
	t.Cleanup(srv.Close)
	return realtime.Dialer{Config: realtime.Config{BaseURL: srv.URL, Model: "m", APIKey: "k"}}
}

func say(ws *websocket.Conn, msg string) bool {
	_ = ws.SetWriteDeadline(time.Now().Add(flood))
	return ws.WriteMessage(websocket.TextMessage, []byte(msg)) == nil
}

// hold runs a session over real sockets with a phone that does what it does, and returns how
// much the heap grew meanwhile.
func hold(t *testing.T, dialer media.Dialer, phone func(ws *websocket.Conn)) (grew int64, out media.Outcome) {
	t.Helper()
	ended := make(chan media.Outcome, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffers, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		ws, err := (&websocket.Upgrader{WriteBufferSize: 1024}).Upgrade(hijacked{w, conn, buffers}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		s, err := media.New(media.Config{Instructions: "i", Disclosure: "Hello, this is an AI assistant.", GreetAfter: 10 * time.Millisecond}, twiliostream.New(ws), dialer, nil, nil)
		if err != nil {
			t.Error(err)
			return
		}
		time.AfterFunc(flood+100*time.Millisecond, func() { s.HangUp(media.EndHostLost) })
		ended <- *s.Run(t.Context())
	}))
	defer srv.Close()
	before := heap()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	say(ws, `{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	say(ws, `{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"streamSid":"MZ1"}`)
	go phone(ws)
	for end := time.Now().Add(flood); time.Now().Before(end); time.Sleep(flood / 10) {
		grew = max(grew, heap()-before)
	}
	return grew, <-ended
}

type hijacked struct {
	http.ResponseWriter
	conn    net.Conn
	buffers *bufio.ReadWriter
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return twiliostream.Cork(h.conn), h.buffers, nil
}

// heap is what was in use at a collection made now, whatever was allocated meanwhile.
func heap() int64 {
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}

// TestMemoryIsBoundedWhateverAPeerSends, and whatever the other one takes.
func TestMemoryIsBoundedWhateverAPeerSends(t *testing.T) {
	minute := strings.Repeat("/", 640000)
	frame := strings.Repeat("/", 215) + "="
	floods := func(ws *websocket.Conn) {
		for ts := 0; say(ws, fmt.Sprintf(`{"event":"media","sequenceNumber":"2","media":{"track":"inbound","chunk":"1","timestamp":"%d","payload":"%s"},"streamSid":"MZ1"}`, ts, frame)); ts += 20 {
		}
	}
	reads := func(ws *websocket.Conn) {
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}
	sleeps := func(*websocket.Conn) { time.Sleep(flood + 200*time.Millisecond) }
	speaks := func(delta string) func(ws *websocket.Conn) {
		return func(ws *websocket.Conn) {
			say(ws, `{"type":"response.created","response":{"id":"r1","metadata":{"kind":"greeting"}}}`)
			for say(ws, `{"type":"response.output_audio.delta","event_id":"e","response_id":"r1","item_id":"i1","output_index":0,"content_index":0,"delta":"`+delta+`"}`) {
			}
		}
	}
	for name, c := range map[string]struct{ model, phone func(*websocket.Conn) }{
		"the phone floods and the model reads nothing": {sleeps, floods},
		"the phone floods and the model reads":         {reads, floods},
		"the model floods and the phone reads nothing": {speaks(base64.StdEncoding.EncodeToString(make([]byte, 160))), sleeps},
		"the model floods and the phone reads":         {speaks(base64.StdEncoding.EncodeToString(make([]byte, 160))), reads},
		"the model says minutes at once":               {speaks(minute), sleeps},
		"the model sends marks of its own making":      {speaks("===="), reads},
	} {
		t.Run(name, func(t *testing.T) {
			grew, out := hold(t, floodedModel(t, c.model), c.phone)
			if grew > floodMost {
				t.Errorf("the heap grew by %d KB", grew>>10)
			}
			t.Logf("%d KB at most; ended as %s, %d and %d messages dropped", grew>>10, out.Reason, out.Quality.DroppedIn, out.Quality.DroppedOut)
		})
	}
}
