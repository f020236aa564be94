package twiliotest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

const (
	testAccount = "AC00000000000000000000000000000001"
	testToken   = "0123456789abcdef0123456789abcdef"
	testCallee  = "+12025550123"
	testNumber  = "+12025550100"
	testBase    = "http://127.0.0.1"
	ownKey      = "SK00000000000000000000000000000002"
)

// pipes is a network in memory, so that whole calls run on synctest's clock.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func newPipes() *pipes { return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accepted <- server:
		return client, nil
	case <-p.closed:
	case <-ctx.Done():
	}
	return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// side is a tiny fake of our own side: it answers TwiML and holds the other end of the stream.
type side struct {
	t       *testing.T
	twilio  *Server
	client  *http.Client
	upgrade websocket.Upgrader

	// twiml answers /voice; after answers the action.
	twiml, after string
	// serve holds the stream's conversation; the socket closes when it returns.
	serve func(p *peer)
	// wrong makes the server accept what it ought to refuse.
	contentType                                string
	code                                       int
	acceptForged, acceptAnyToken, acceptSecond bool
	voiceBody                                  func(n int) string

	mu       sync.Mutex
	requests []received
	sockets  int
	upgrades []http.Header
	moments  []Moment
	wires    []WireMessage
	rests    []Exchange
	http     *http.Server
}

type received struct {
	path string
	form url.Values
	at   time.Time
}

const streamTwiML = `<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="/voice?after=stream"><Stream url="ws://127.0.0.1/voice/stream/tokenX">` +
	`<Parameter name="callId" value="c1"/></Stream></Connect></Response>`

// bubble runs a test with both sides on a fake clock and in-memory networks; violations fail it
// unless the test takes them.
func bubble(t *testing.T, o Options, run func(s *side)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSide(t, o)
		run(s)
		s.close()
	})
}

func newSide(t *testing.T, o Options) *side {
	t.Helper()
	ours, theirs := newPipes(), newPipes()
	s := &side{t: t, contentType: "text/xml", code: http.StatusOK, twiml: streamTwiML, after: `<Response><Hangup/></Response>`, serve: func(p *peer) { p.readAll() }}
	o.AccountSID, o.AuthToken, o.APIKeySID, o.APIKeySecret = testAccount, testToken, ownKey, "secret"
	o.DialContext = ours.dial
	o.Observe = func(m Moment) { s.mu.Lock(); s.moments = append(s.moments, m); s.mu.Unlock() }
	o.Wire = func(m WireMessage) { s.mu.Lock(); s.wires = append(s.wires, m); s.mu.Unlock() }
	o.Exchanged = func(e Exchange) { s.mu.Lock(); s.rests = append(s.rests, e); s.mu.Unlock() }
	var err error
	if s.twilio, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.handle)}
	rest := &http.Server{Handler: s.twilio}
	go s.http.Serve(ours)
	go rest.Serve(theirs)
	t.Cleanup(func() { s.twilio.Close(); s.http.Close(); rest.Close() })
	s.client = &http.Client{Transport: &http.Transport{DialContext: theirs.dial, DisableKeepAlives: true}}
	return s
}

func (s *side) close() {
	s.t.Helper()
	s.twilio.Close()
	time.Sleep(2 * time.Minute) // for peers that pretend to be asleep
	for _, v := range s.twilio.Violations() {
		s.t.Errorf("violation %d: %s", v.Code, v.Message)
	}
}

// takeViolations returns the violations and forgets them.
func (s *side) takeViolations() (codes []int) {
	s.twilio.mu.Lock()
	defer s.twilio.mu.Unlock()
	for _, v := range s.twilio.violations {
		codes = append(codes, v.Code)
		s.t.Logf("violation %d: %s", v.Code, v.Message)
	}
	s.twilio.violations = nil
	return codes
}

func (s *side) handle(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/voice/stream/") {
		s.handleStream(w, r)
		return
	}
	r.ParseForm()
	s.mu.Lock()
	s.requests = append(s.requests, received{r.URL.RequestURI(), r.PostForm, time.Now()})
	voices := len(s.requests)
	s.mu.Unlock()
	signature := r.Header.Get("X-Twilio-Signature")
	if signature != sign(testToken, testBase+r.URL.RequestURI(), r.PostForm) && !s.acceptForged {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.URL.Path != "/voice" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", s.contentType)
	w.WriteHeader(s.code)
	switch {
	case r.URL.Query().Get("after") != "":
		io.WriteString(w, s.after)
	case s.voiceBody != nil:
		io.WriteString(w, s.voiceBody(voices))
	default:
		io.WriteString(w, s.twiml)
	}
}

func (s *side) handleStream(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.sockets++
	n := s.sockets
	s.upgrades = append(s.upgrades, r.Header)
	s.mu.Unlock()
	if r.URL.Path != "/voice/stream/tokenX" && !s.acceptAnyToken || n > 1 && !s.acceptSecond && !s.acceptAnyToken {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	conn, err := s.upgrade.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	p := &peer{Conn: conn}
	s.serve(p)
}

// peer is our end of a stream.
type peer struct {
	*websocket.Conn
	sid string
	got []heard
}

// heard is a message from Twilio and when it came.
type heard struct {
	at   time.Time
	text string
	msg  map[string]any
}

// read takes one message; the SID is learnt from start.
func (p *peer) read() (heard, bool) {
	_, text, err := p.ReadMessage()
	if err != nil {
		return heard{}, false
	}
	h := heard{at: time.Now(), text: string(text)}
	json.Unmarshal(text, &h.msg)
	if h.msg["event"] == "start" {
		p.sid, _ = h.msg["streamSid"].(string)
	}
	p.got = append(p.got, h)
	return h, true
}

func (p *peer) readAll() {
	for {
		if _, ok := p.read(); !ok {
			return
		}
	}
}

// until reads up to an event, of a name if there is one.
func (p *peer) until(event, name string) (heard, bool) {
	for {
		h, ok := p.read()
		if !ok {
			return h, false
		}
		mark, _ := h.msg["mark"].(map[string]any)
		if h.msg["event"] == event && (name == "" || mark["name"] == name) {
			return h, true
		}
	}
}

func (p *peer) media(audio []byte) {
	p.WriteJSON(map[string]any{"event": "media", "streamSid": p.sid, "media": map[string]any{"payload": audio}})
}

func (p *peer) mark(name string) {
	p.WriteJSON(map[string]any{"event": "mark", "streamSid": p.sid, "mark": map[string]any{"name": name}})
}

func (p *peer) clear() { p.WriteJSON(map[string]any{"event": "clear", "streamSid": p.sid}) }

func (p *peer) raw(format string, args ...any) {
	p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

// createForm is what our provider would send.
func createForm(more ...string) url.Values {
	form := url.Values{
		"To": {testCallee}, "From": {testNumber}, "Url": {testBase + "/voice?callId=c1&attempt=1"},
		"StatusCallback":      {testBase + "/status?callId=c1&attempt=1"},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func (s *side) do(method, path string, form url.Values) (int, map[string]any, error) {
	s.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, "http://twilio/2010-04-01/Accounts/"+testAccount+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetBasicAuth(testAccount, testToken)
	response, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	raw, _ := io.ReadAll(response.Body)
	var decoded map[string]any
	json.Unmarshal(raw, &decoded)
	return response.StatusCode, decoded, nil
}

// create places a call that must be accepted.
func (s *side) create(more ...string) *Call {
	s.t.Helper()
	status, body, err := s.do("POST", "/Calls.json", createForm(more...))
	if err != nil || status != http.StatusCreated {
		s.t.Fatalf("create: %d %v %v", status, body, err)
	}
	return s.twilio.Call(body["sid"].(string))
}

// call places a call and waits until it is over.
func (s *side) call(more ...string) *Call {
	s.t.Helper()
	c := s.create(more...)
	<-c.Done()
	return c
}

// received returns the requests whose path begins so.
func (s *side) received(path string) (matching []received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.HasPrefix(r.path, path) {
			matching = append(matching, r)
		}
	}
	return matching
}

// statuses are the callbacks' CallStatus in the order of arrival.
func (s *side) statuses() (names []string) {
	for _, r := range s.received("/status") {
		names = append(names, r.form.Get("CallStatus"))
	}
	return names
}

func (s *side) kinds() (kinds []Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.moments {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// moment returns the n-th moment of a kind.
func (s *side) moment(kind Kind, n int) Moment {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.moments {
		if m.Kind == kind {
			if n == 0 {
				return m
			}
			n--
		}
	}
	s.t.Fatalf("no such moment: %s", kind)
	return Moment{}
}

func same2[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// shared finds the contracts beside the module; a checkout without them says what it leaves out.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "..", "shared")
	if _, err := os.Stat(folder); err != nil {
		t.Logf("left out: %s is not beside this checkout", name)
		return nil
	}
	content, err := os.ReadFile(filepath.Join(folder, "contracts", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
