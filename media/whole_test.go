package media_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/media/twiliostream"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

const (
	wholeAccount = "AC00000000000000000000000000000001"
	wholeToken   = "0123456789abcdef0123456789abcdef"
	wholeTwiML   = `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="ws://127.0.0.1/stream"/></Connect></Response>`
)

// network connects the parts of a whole call: pipes in memory with a way that takes its
// time, for calls on synctest's clock.
type network struct {
	listener net.Listener
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// memory is a listener whose connections are pipes.
type memory struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.accepted:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memory) Addr() net.Addr { return &net.IPAddr{} }

// memoryNetwork is a network on which every segment takes as long as delay says.
func memoryNetwork(delay func() time.Duration) network {
	m := &memory{accepted: make(chan net.Conn), closed: make(chan struct{})}
	return network{m, func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		select {
		case m.accepted <- newSlowConn(server, delay):
			return newSlowConn(client, delay), nil
		case <-m.closed:
		case <-ctx.Done():
		}
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}}
}

// slowConn delivers what is written after a delay, in order; its writer does not wait.
type slowConn struct {
	net.Conn
	segments chan segment
	closed   chan struct{}
	once     sync.Once
	delay    func() time.Duration
}

type segment struct {
	bytes []byte
	due   time.Time
}

func newSlowConn(c net.Conn, delay func() time.Duration) net.Conn {
	s := &slowConn{Conn: c, segments: make(chan segment, 1<<14), closed: make(chan struct{}), delay: delay}
	go func() {
		defer c.Close()
		for {
			select {
			case seg := <-s.segments:
				if !s.deliver(seg) {
					return
				}
			case <-s.closed:
				for len(s.segments) > 0 { // what was written before the close still arrives
					if !s.deliver(<-s.segments) {
						return
					}
				}
				return
			}
		}
	}()
	return s
}

// deliver writes a segment when it is due; false if nobody takes it.
func (s *slowConn) deliver(seg segment) bool {
	time.Sleep(time.Until(seg.due))
	_ = s.Conn.SetWriteDeadline(time.Now().Add(5 * time.Second)) // the peer may have closed without reading
	_, err := s.Conn.Write(seg.bytes)
	return err == nil
}

// SetDeadline sets the reader's: a writer never waits.
func (s *slowConn) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetWriteDeadline does nothing: a writer never waits.
func (s *slowConn) SetWriteDeadline(time.Time) error { return nil }

func (s *slowConn) Write(b []byte) (int, error) {
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case s.segments <- segment{append([]byte(nil), b...), time.Now().Add(s.delay())}:
		return len(b), nil
	case <-s.closed:
		return 0, net.ErrClosed
	}
}

func (s *slowConn) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

// whole is one call with everything real but the two vendors and the callee.
type whole struct {
	script realtimetest.Script
	answer twiliotest.Answer
	config func(*media.Config)
	// toolTakes is how long each tool works.
	toolTakes func() time.Duration
}

// witness is what the vendors saw of it.
type witness struct {
	mu    sync.Mutex
	order []string // ids of the items with audio, in order
	audio map[string][]byte
	cut   map[string]int // audio_end_ms by item
	kinds []string       // of the responses that were asked for

	moments   []media.Moment
	outcome   media.Outcome
	played    []byte
	recording twiliotest.Recording
	objected  []string
	races     []realtimetest.Violation
	line      []twiliotest.Moment
}

// record takes what passes the model's socket.
func (w *witness) record(_ string, event json.RawMessage) {
	var e struct {
		Type, Delta string
		ItemID      string `json:"item_id"`
		EndMS       int    `json:"audio_end_ms"`
		Response    struct{ Metadata map[string]string }
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Type {
	case "response.output_audio.delta":
		b, _ := base64.StdEncoding.DecodeString(e.Delta)
		if w.audio[e.ItemID] == nil {
			w.order = append(w.order, e.ItemID)
		}
		w.audio[e.ItemID] = append(w.audio[e.ItemID], b...)
	case "conversation.item.truncate":
		w.cut[e.ItemID] = e.EndMS
	case "response.create":
		w.kinds = append(w.kinds, e.Response.Metadata["kind"])
	}
}

// slots is a calendar with one free time.
const slots = `{"slots":[{"start":"2026-03-03T09:30:00-08:00","end":"2026-03-03T10:00:00-08:00"}],"timezone":"America/Los_Angeles"}`

// Call runs a tool: every time is free and can be booked.
func (c whole) Call(ctx context.Context, t media.ToolCall) (string, error) {
	select {
	case <-time.After(c.toolTakes()):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	switch t.Name {
	case "calendar_find_slots":
		return slots, nil
	case "calendar_check_slot":
		return `{"free":true}`, nil
	}
	return `{"booked":true}`, nil
}

// run carries the call from the dial to the end of the line.
func (c whole) run(t *testing.T, toUs, toModel network) *witness {
	t.Helper()
	w := &witness{audio: map[string][]byte{}, cut: map[string]int{}}
	twilio, err := twiliotest.New(twiliotest.Options{
		AccountSID: wholeAccount, AuthToken: wholeToken, Script: twiliotest.Script{Attempts: []twiliotest.Answer{c.answer}},
		Ring: 100 * time.Millisecond, DialContext: toUs.dial,
		Observe: func(m twiliotest.Moment) { w.line = append(w.line, m) },
	})
	if err != nil {
		t.Fatal(err)
	}
	model := realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script { return c.script }, Record: w.record})
	var sessions sync.WaitGroup
	ours := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			rw.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(rw, wholeTwiML)
			return
		}
		sessions.Add(1)
		defer sessions.Done()
		ws, err := new(websocket.Upgrader).Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		w.outcome = c.session(t, w, ws, toModel)
	})}
	theirs := &http.Server{Handler: model}
	go ours.Serve(toUs.listener)
	go theirs.Serve(toModel.listener)
	dialled(t, twilio)
	<-twilio.Calls()[0].Done()
	sessions.Wait()
	w.recording = twilio.Calls()[0].Recording()
	w.played = w.recording.Played
	for _, v := range twilio.Violations() {
		w.objected = append(w.objected, fmt.Sprintf("phone company: %d %s", v.Code, v.Message))
	}
	for _, v := range model.Violations() {
		w.objected = append(w.objected, "model: "+v.String())
	}
	w.races = model.Races()
	twilio.Close()
	_ = model.Close()
	_ = ours.Close()
	_ = theirs.Close()
	return w
}

// dialled places the call by REST.
func dialled(t *testing.T, twilio *twiliotest.Server) {
	t.Helper()
	form := url.Values{"To": {"+12025550123"}, "From": {"+12025550100"}, "Url": {"http://127.0.0.1/voice"}, "Timeout": {"30"}}
	r := httptest.NewRequest(http.MethodPost, "/2010-04-01/Accounts/"+wholeAccount+"/Calls.json", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(wholeAccount, wholeToken)
	rec := httptest.NewRecorder()
	twilio.ServeHTTP(rec, r)
	if rec.Code != http.StatusCreated {
		t.Fatalf("the call was not placed: %d %s", rec.Code, rec.Body)
	}
}

func (c whole) session(t *testing.T, w *witness, ws *websocket.Conn, toModel network) media.Outcome {
	cfg := media.Config{
		Instructions: "You are Alex Morgan's assistant. The owner's zone is America/Los_Angeles.", Disclosure: speech.LineDisclosure,
		TranscriptionModel: "gpt-transcribe", MaxLength: 25 * time.Second,
	}
	for _, tool := range call.ModelTools() {
		if tool.Name != call.ToolEndCall {
			cfg.Tools = append(cfg.Tools, media.ToolDef{Name: tool.Name, Description: tool.Description, Parameters: json.RawMessage(tool.Schema)})
		}
	}
	if c.config != nil {
		c.config(&cfg)
	}
	dialer := realtime.Dialer{Config: realtime.Config{
		BaseURL: "ws://model.test/v1", Model: "gpt-realtime-2.1", APIKey: "key",
		Dialer: &websocket.Dialer{NetDialContext: toModel.dial, HandshakeTimeout: 10 * time.Second},
	}}
	s, err := media.New(cfg, twiliostream.New(ws), dialer, c, media.ObserverFunc(func(m media.Moment) { w.moments = append(w.moments, m) }))
	if err != nil {
		t.Error(err)
		return media.Outcome{}
	}
	return *s.Run(t.Context())
}

// heard holds what was played against what the model sent: how many milliseconds of
// each item, in their order, and what was played that nobody sent. The model may say the
// same words again where the first were not heard; then they are taken for the second,
// if the model was told so (unheard).
func (w *witness) heard(unheard bool) (items []int, rest int) {
	var audio, clips [][]byte
	for _, id := range w.order {
		words := w.audio[id]
		if told, cut := w.cut[id]; unheard && cut && told == 0 {
			words = nil
		}
		audio = append(audio, words)
	}
	for _, f := range media.Fillers() {
		clips = append(clips, f.Audio)
	}
	bytes, beyond, _ := twiliotest.Heard(w.played, audio, clips)
	for _, n := range bytes {
		items = append(items, n/8)
	}
	return items, len(beyond)
}

func (w *witness) count(kind string) (n int) {
	for _, k := range w.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// calleeLine is a line of the callee's, at that trigger.
func calleeLine(t *testing.T, words string, after twiliotest.Trigger) twiliotest.Line {
	t.Helper()
	audio, err := speech.Say(speech.Callee, words)
	if err != nil {
		t.Fatal(err)
	}
	return twiliotest.Line{Text: words, Audio: audio, After: after}
}

// anyCall is a call in which everything that may vary does, by its seed.
func anyCall(t *testing.T, random *rand.Rand) whole {
	t.Helper()
	scenario, _ := speech.ScenarioOf("person")
	lines := []twiliotest.Line{calleeLine(t, "Hello?", twiliotest.Trigger{})}
	for range 4 + random.IntN(4) {
		words := []string{"Yes, that suits me.", "Yes, how can I help you?", "Yes, that is right."}[random.IntN(3)]
		after := twiliotest.Turn(1)
		if random.IntN(2) == 0 {
			after = twiliotest.BargeIn(time.Duration(random.IntN(4000)) * time.Millisecond)
		}
		lines = append(lines, calleeLine(t, words, after))
	}
	answer := twiliotest.Human(lines...)
	for range random.IntN(4) {
		answer.Nasty.LoseMarks = append(answer.Nasty.LoseMarks, 1+random.IntN(300))
	}
	var takes [8]time.Duration
	for i := range takes {
		takes[i] = time.Duration(random.IntN(2500)) * time.Millisecond
	}
	var tools atomic.Int32 // two may be called at once
	return whole{
		answer: answer,
		script: realtimetest.Script{
			Scenario: scenario, Seed: random.Uint64N(1000), Latency: time.Duration(50+random.IntN(600)) * time.Millisecond,
			Preamble: random.IntN(2) == 0, FarewellWithCall: random.IntN(2) == 0,
			Faults: realtimetest.Faults{LateDeltas: random.IntN(4), TwoCalls: random.IntN(4) == 0, UpdateDelay: time.Duration(random.IntN(800)) * time.Millisecond},
		},
		config:    func(*media.Config) {},
		toolTakes: func() time.Duration { return takes[int(tools.Add(1))%len(takes)] },
	}
}
