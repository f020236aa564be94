package caddymodule

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/encode"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/encode/gzip"
	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	store "github.com/clawdbot/call-agent/internal/store/local"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// host is a real Caddy in this process, whose site is a Caddyfile. Caddy's state is the
// process's: no test of this package is parallel.
type host struct {
	*testing.T
	listen, data, model, caddy string
	// options are lines for Caddy's global block.
	options string
}

const toolToken = "a tool token of sufficient length"

func newHost(t *testing.T) *host {
	t.Helper()
	clock.Store(nil)
	model := realtimetest.New(realtimetest.Config{})
	server := httptest.NewServer(model)
	h := &host{T: t, listen: newHostAddress(t), data: filepath.Join(t.TempDir(), "data"), caddy: t.TempDir(), options: "admin off", model: "ws" + strings.TrimPrefix(server.URL, "http")}
	t.Setenv("STREAM_SECRET", strings.Repeat("s", 32))
	t.Setenv("TOOL_TOKEN", toolToken)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		_ = model.Close()
		server.Close()
	})
	return h
}

// newHostAddress is a loopback address that nobody listens on, now.
func newHostAddress(t *testing.T) string { return "127.0.0.1:" + freePort(t) }

// directive is the call agent with more lines in it.
func (h *host) directive(more string) string {
	return fmt.Sprintf(`call_agent {
		stream {
			secret {env.STREAM_SECRET}
		}
		tools {
			tokens {env.TOOL_TOKEN}
		}
		openai {
			baseUrl %s/v1
		}
		server {
			publicBaseUrl http://%s
		}
		defaults {
			timezone America/Los_Angeles
		}
		data_dir %s
		%s
	}`, h.model, h.listen, h.data, more)
}

// load makes Caddy serve a site of these directives.
func (h *host) load(directives ...string) error {
	h.Helper()
	defer http.DefaultClient.CloseIdleConnections() // the old listener closes them anyway, a moment later
	return caddy.Load(h.adapt(directives...), true)
}

// adapt is the site's JSON.
func (h *host) adapt(directives ...string) []byte {
	h.Helper()
	text := fmt.Sprintf("{\n %s\n persist_config off\n auto_https off\n storage file_system %s\n}\nhttp://%s {\n%s\nrespond elsewhere 404\n}\n",
		h.options, h.caddy, h.listen, strings.Join(directives, "\n"))
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		h.Fatal(err)
	}
	return adapted
}

func (h *host) mustLoad(directives ...string) {
	h.Helper()
	if err := h.load(directives...); err != nil {
		h.Fatal(err)
	}
}

// ask sends one request and returns its answer's status and body.
func (h *host) ask(method, path, body string) (status int, answer string) {
	h.Helper()
	res, err := h.send(method, path, body)
	// A reload closes a listener together with the connections in its queue that nobody
	// had accepted; nothing of such a request was read (docs/operations.md, "Reload").
	for range 3 {
		if errors.Is(err, syscall.ECONNRESET) {
			res, err = h.send(method, path, body)
		}
	}
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (h *host) send(method, path, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(h.Context(), method, "http://"+h.listen+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+toolToken)
	return http.DefaultClient.Do(r)
}

func (h *host) place() call.Answer { return h.placeTo("+14155550123") }

func (h *host) placeTo(number string) call.Answer {
	h.Helper()
	status, body := h.ask("POST", "/tools/call_agent", `{"to":"`+number+`","goal":"Book a check-up.","durationMinutes":30}`)
	var a call.Answer
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || a.StreamURL == "" {
		h.Fatalf("%d %s", status, body)
	}
	return a
}

func (h *host) await(what string, holds func() bool) {
	h.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	h.Fatalf("not in time: %s", what)
}

// record reads the record from the store, which must be closed by then: the file has
// one holder at a time.
func (h *host) record(id call.ID) call.Call {
	h.Helper()
	s, err := store.Open(filepath.Join(h.data, "calls.db"), store.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		h.Fatal(err)
	}
	defer s.Close()
	c, err := s.Get(h.Context(), id)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func (h *host) storeIsHeld() bool {
	s, err := store.Open(filepath.Join(h.data, "calls.db"), store.Options{LockTimeout: 50 * time.Millisecond})
	if err == nil {
		_ = s.Close()
	}
	return err != nil
}

// phone is a callee who says nothing: it sends silence in real time and echoes marks.
type phone struct {
	h     *host
	ws    *websocket.Conn
	write sync.Mutex
	gone  chan struct{}
	tasks sync.WaitGroup

	mu    sync.Mutex
	heard int
}

func (h *host) pickUp(a call.Answer) *phone {
	h.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(h.Context(), a.StreamURL, nil)
	if err != nil {
		h.Fatalf("%v %v", err, res)
	}
	p := &phone{h: h, ws: ws, gone: make(chan struct{})}
	p.send(`{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	p.send(`{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}`)
	p.tasks.Go(p.read)
	p.tasks.Go(p.silence)
	h.Cleanup(p.hangUp)
	return p
}

func (p *phone) send(msg string) {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.ws.WriteMessage(websocket.TextMessage, []byte(msg)) // the other side may have closed
}

func (p *phone) read() {
	defer close(p.gone)
	for {
		var m struct {
			Event string
			Mark  struct{ Name string }
		}
		_, b, err := p.ws.ReadMessage()
		if err != nil || json.Unmarshal(b, &m) != nil {
			return
		}
		switch m.Event {
		case "media":
			p.mu.Lock()
			p.heard++
			p.mu.Unlock()
		case "mark":
			p.send(fmt.Sprintf(`{"event":"mark","sequenceNumber":"9","streamSid":"MZ1","mark":{"name":%q}}`, m.Mark.Name))
		}
	}
}

func (p *phone) silence() {
	payload := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 160))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for at := 20; ; at += 20 {
		select {
		case <-p.gone:
			return
		case <-tick.C:
			p.send(fmt.Sprintf(`{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"%d","payload":%q}}`, at, payload))
		}
	}
}

func (p *phone) hangUp() {
	p.send(`{"event":"stop","streamSid":"MZ1","stop":{}}`)
	_ = p.ws.Close()
	p.tasks.Wait()
}

func (p *phone) frames() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard
}

// up wants the stream alive: not closed, and the agent heard.
func (p *phone) up() {
	p.h.Helper()
	p.h.await("the agent is heard", func() bool { return p.frames() > 0 })
	select {
	case <-p.gone:
		p.h.Fatal("the stream was cut")
	default:
	}
}
