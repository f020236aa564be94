package realtime_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// pipes is a network in memory, so that whole calls pass in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
	case <-ctx.Done():
	}
	return nil, errors.New("connection refused")
}

// handset is a phone in memory with a callee: it plays what it is sent as time passes,
// echoes marks when it has, and says the next line when the agent has been quiet for a while.
type handset struct {
	lines  [][]byte // mu-law
	frame  time.Duration
	quiet  time.Duration // after which it is the callee's turn
	events chan twiliostream.Event
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	buffer  []entry
	busy    time.Time // the agent is heard until then
	spoke   bool      // since the callee's last line
	left    []byte    // of the line being said
	said    int
	ms      int
	played  time.Duration
	clears  int
	longest time.Duration // in which the agent owed a word and nothing was heard
	owed    time.Time
}

// entry is audio or a mark that the phone has not come to yet.
type entry struct {
	length time.Duration
	mark   string
}

func newHandset(frame time.Duration, lines ...string) *handset {
	h := &handset{frame: frame, quiet: 700 * time.Millisecond}
	for _, words := range lines {
		clip, err := speech.Say(speech.Callee, words)
		if err != nil {
			panic(err)
		}
		h.lines = append(h.lines, clip)
	}
	return h
}

// open makes the channels inside the bubble of virtual time.
func (h *handset) open() {
	h.events, h.closed = make(chan twiliostream.Event, 64), make(chan struct{})
}

// run is the phone's clock, until it is closed.
func (h *handset) run() {
	t := time.NewTicker(h.frame)
	defer t.Stop()
	for {
		select {
		case <-h.closed:
			return
		case <-t.C:
		}
		for _, ev := range h.tick() {
			select {
			case h.events <- ev:
			case <-h.closed:
				return
			}
		}
	}
}

// tick plays one frame of the agent's and says one of the callee's.
func (h *handset) tick() (out []twiliostream.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for left := h.frame; len(h.buffer) > 0; h.buffer = h.buffer[1:] {
		e := &h.buffer[0]
		if e.mark != "" {
			out = append(out, twiliostream.Event{Kind: twiliostream.Mark, Mark: e.mark})
			continue
		}
		used := min(left, e.length)
		e.length, left, h.played = e.length-used, left-used, h.played+used
		if used > 0 {
			h.heard(now)
		}
		if e.length > 0 {
			break
		}
	}
	h.ms += int(h.frame.Milliseconds())
	return append(out, twiliostream.Event{Kind: twiliostream.Media, TimestampMS: h.ms, Payload: base64.StdEncoding.EncodeToString(h.speak(now))})
}

func (h *handset) heard(now time.Time) {
	if !h.owed.IsZero() {
		h.longest = max(h.longest, now.Sub(h.owed))
		h.owed = time.Time{}
	}
	h.busy, h.spoke = now, true
}

// speak is the callee's next frame.
func (h *handset) speak(now time.Time) []byte {
	turn := h.said == 0 && h.ms > 400 || h.spoke && now.Sub(h.busy) > h.quiet
	if len(h.left) == 0 && h.said < len(h.lines) && turn {
		h.left, h.spoke = h.lines[h.said], false
		h.said++
	}
	out := slices.Repeat([]byte{0xff}, int(h.frame.Milliseconds())*8)
	if len(h.left) > 0 {
		h.left = h.left[copy(out, h.left):]
		if len(h.left) == 0 {
			h.owed = now
		}
	}
	return out
}

func (h *handset) Start() (twiliostream.Start, error) {
	return twiliostream.Start{StreamSID: "MZ0"}, nil
}

func (h *handset) Read() (*twiliostream.Event, error) {
	select {
	case ev := <-h.events:
		return &ev, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handset) WriteMedia(payload string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buffer = append(h.buffer, entry{length: time.Duration(twiliostream.DecodedLen(payload)) * time.Millisecond / 8})
	return nil
}

func (h *handset) WriteMark(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buffer = append(h.buffer, entry{mark: name})
	return nil
}

func (h *handset) Hold()        {}
func (h *handset) Flush() error { return nil }

func (h *handset) WriteClear() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clears++
	h.buffer = slices.DeleteFunc(h.buffer, func(e entry) bool { return e.mark == "" })
	return nil
}

func (h *handset) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// desk is the calendar's tools: it has two times, and books.
type desk struct {
	took   time.Duration // of each call
	booked atomic.Int64
}

func (d *desk) Call(ctx context.Context, call media.ToolCall) (string, error) {
	select {
	case <-time.After(d.took):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	switch call.Name {
	case "calendar_find_slots":
		return `{"slots":[{"start":"2026-03-02T13:00:00-08:00","end":"2026-03-02T13:30:00-08:00"},{"start":"2026-03-02T13:30:00-08:00","end":"2026-03-02T14:00:00-08:00"}]}`, nil
	case "calendar_create_event":
		d.booked.Add(1)
		return `{"booked":true}`, nil
	}
	return `{"free":true}`, nil
}

// scene is one call in virtual time: what the model does on each of its connections, and the callee.
type scene struct {
	script func(connection int) realtimetest.Script
	phone  *handset
	desk   *desk
	config func(*media.Config)
	during func(*media.Session, *handset)
	// dark is when the first connection's network goes dark, which nobody is told; 0 is never.
	dark time.Duration
}

// dial is how the model is reached.
func (s scene) dial(network *pipes) func(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialled atomic.Int64
	return func(ctx context.Context, kind, address string) (net.Conn, error) {
		conn, err := network.dial(ctx, kind, address)
		if err == nil && s.dark > 0 && dialled.Add(1) == 1 {
			conn = &darkConn{Conn: conn, from: time.Now().Add(s.dark)}
		}
		return conn, err
	}
}

// darkConn swallows everything, both ways, from a time on.
type darkConn struct {
	net.Conn
	from time.Time
}

func (c *darkConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || time.Now().Before(c.from) {
			return n, err
		}
	}
}

func (c *darkConn) Write(b []byte) (int, error) {
	if time.Now().Before(c.from) {
		return c.Conn.Write(b)
	}
	return len(b), nil
}

// report is what came of it.
type report struct {
	media.Outcome
	connections int
	violations  []realtimetest.Violation
	// open are the model's connections that were left when the session had ended.
	open int64
	// replayed are the items of messages that were told to connections after the first.
	replayed int
	// reconnected is the longest time from a loss to another connection.
	reconnected time.Duration
	took        time.Duration
}

const callTools = `[
 {"Name":"calendar_find_slots","Parameters":{"type":"object","properties":{"from":{"type":"string"}}}},
 {"Name":"calendar_create_event","Parameters":{"type":"object","properties":{"start":{"type":"string"},"title":{"type":"string"}},"required":["start"]}}]`

// record counts what a connection is told again; one is told at a time.
func (r *report) record(side string, event json.RawMessage) {
	var e struct {
		Type string
		Item struct{ Role string }
	}
	if side == realtimetest.SideClient && json.Unmarshal(event, &e) == nil && (e.Item.Role == "user" || e.Item.Role == "assistant") {
		r.replayed++
	}
}

func (s scene) play(t *testing.T) (out report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		s.phone.open()
		model := realtimetest.New(realtimetest.Config{
			Script: func(n int, _ *http.Request) realtimetest.Script { return s.script(n) },
			Record: out.record,
		})
		var open atomic.Int64
		web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open.Add(1)
			defer open.Add(-1)
			model.ServeHTTP(w, r)
		})}
		go func() { _ = web.Serve(network) }()

		cfg := media.Config{
			Instructions: "You call for Alex Morgan. It is Monday, 10:00 in America/Los_Angeles.",
			Disclosure:   "Hello, this is an AI assistant calling on behalf of Alex Morgan.", TranscriptionModel: "gpt-transcribe",
		}
		if err := json.Unmarshal([]byte(callTools), &cfg.Tools); err != nil {
			t.Fatal(err)
		}
		if s.config != nil {
			s.config(&cfg)
		}
		dialer := realtime.Dialer{Config: realtime.Config{
			BaseURL: "ws://model/v1", Model: "gpt-realtime-2.1", APIKey: "k",
			Dialer: &websocket.Dialer{NetDialContext: s.dial(network), HandshakeTimeout: 10 * time.Second},
		}}
		session, err := media.New(cfg, s.phone, dialer, s.desk, media.ObserverFunc(func(m media.Moment) {
			if m.Kind == media.MomentReconnected {
				out.reconnected = max(out.reconnected, time.Duration(m.MS)*time.Millisecond)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		var others sync.WaitGroup
		others.Go(s.phone.run)
		if s.during != nil {
			others.Go(func() { s.during(session, s.phone) })
		}
		began := time.Now()
		out.Outcome = *session.Run(t.Context())
		out.took = time.Since(began)
		time.Sleep(time.Second) // for the closes to arrive
		out.open, out.connections = open.Load(), model.Calls()
		others.Wait()
		_ = model.Close()
		out.violations = model.Violations()
		_ = web.Close()
		_ = network.Close()
	})
	return out
}

// books is the scenario in which the callee takes the first time, and its lines.
func books(t *testing.T) (realtimetest.Script, []string) {
	t.Helper()
	script, ok := realtimetest.ScriptOf("books")
	if !ok {
		t.Fatal("there is no scenario books")
	}
	lines := []string{script.Scenario.Hello}
	for _, turn := range script.Scenario.Turns {
		lines = append(lines, turn.Say)
	}
	return script, lines
}
