// Package twiliotest is a fake Twilio: the REST calls, the signed webhooks, the Media Streams
// client and, at the far end of the line, a callee who listens and speaks. It serves `make demo`
// and the tests, and it is an independent witness: it has its own signer, its own wire types and
// its own idea of what is right, and never imports the code that it judges.
//
// It owns its calls, their audio clock and their recordings. It never lets a fault pass: whatever
// Twilio would warn about, refuse or be harmed by is kept as a Violation, and a run with
// violations has failed. The behaviour follows Twilio's documentation and recorded traffic.
package twiliotest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options are fixed for the life of a Server. AccountSID and AuthToken are required.
type Options struct {
	// AccountSID is AC and 32 hex digits; AuthToken authenticates REST and signs webhooks.
	AccountSID, AuthToken string
	// APIKeySID and APIKeySecret are a second pair for REST; webhooks are never signed with them.
	APIKeySID, APIKeySecret string
	// Numbers are those the account may call from; none means any E.164 number.
	Numbers []string
	// Account is what the account's own resources say.
	Account Account
	// Script answers numbers that Server.SetScript knows nothing about; empty is a human who says nothing.
	Script Script

	// TimeScale divides the delays before the callee answers: queue, ringing, Timeout. Default 1.
	// Audio, TimeLimit and everything else after the answer always run in real time.
	TimeScale float64
	// Ring is how long it rings before the answer, before scaling. Default 2 s.
	Ring time.Duration
	// CallsPerSecond is the account's rate; calls above it wait in status queued. Default 1.
	CallsPerSecond float64
	// Speak renders <Say> as mu-law at 8 kHz; nil is silence of a plausible length.
	Speak func(text string) []byte

	// Observe hears every Moment of every call, one at a time and in order. It must not block
	// nor call the Server.
	Observe func(Moment)
	// Wire sees every Media Streams text message of either side, as sent; same conditions.
	Wire func(WireMessage)
	// Exchanged sees every REST request and its answer; same conditions.
	Exchanged func(Exchange)

	// DialContext reaches our side for webhooks and streams; nil is the network.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS trusts our side's certificate where the system does not.
	TLS *tls.Config
}

// Server is Twilio: mount it where the client's base URL points. All methods are safe for
// concurrent use. It keeps every call until it is dropped, as a test or a demo wants.
type Server struct {
	options   Options
	mux       *http.ServeMux
	client    *http.Client
	transport *http.Transport

	ctx     context.Context //nolint:containedctx // ends at Close; the Server owns the lifetime of its calls
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	scripts    map[string]*progress
	calls      []*Call
	bySID      map[string]*Call
	nextStart  time.Time
	violations []Violation

	observing sync.Mutex // serialises the three observers
}

// New returns a Server that runs no goroutine until a call is created.
func New(o Options) (*Server, error) {
	if !sidPattern("AC").MatchString(o.AccountSID) || o.AuthToken == "" {
		return nil, errors.New("twiliotest: set AccountSID (AC and 32 hex digits) and AuthToken")
	}
	if o.TimeScale <= 0 {
		o.TimeScale = 1
	}
	if o.CallsPerSecond <= 0 {
		o.CallsPerSecond = 1
	}
	if o.Ring <= 0 {
		o.Ring = 2 * time.Second
	}
	s := &Server{options: o, scripts: map[string]*progress{}, bySID: map[string]*Call{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.transport = &http.Transport{
		DialContext: o.DialContext, TLSClientConfig: o.TLS,
		// Recorded webhooks carry "Connection: close"; it also leaves nothing behind at Close.
		DisableKeepAlives: true,
	}
	s.client = &http.Client{
		Transport:     s.transport,
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP answers the REST API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "the fake Twilio is closed", http.StatusServiceUnavailable)
		return
	}
	defer s.running.Done()
	s.mux.ServeHTTP(w, r)
}

// Close ends every call at once, without a word to our side, as if Twilio had gone; it returns
// when all goroutines have.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	s.transport.CloseIdleConnections()
}

// SetScript says how calls to a number go from now on, starting with its first attempt.
func (s *Server) SetScript(to string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[to] = &progress{script: script}
}

// Calls returns all calls in the order of their creation.
func (s *Server) Calls() []*Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Call(nil), s.calls...)
}

// Call returns the call with that SID, or nil.
func (s *Server) Call(sid string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySID[sid]
}

// enter counts one more piece of work that Close waits for; false after Close.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// spawn runs work in a goroutine that Close waits for; after Close it does nothing.
func (s *Server) spawn(work func()) {
	if !s.enter() {
		return
	}
	go func() {
		defer s.running.Done()
		work()
	}()
}

// nextAnswer takes the next entry of the number's script; the last one repeats.
func (s *Server) nextAnswer(to string) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.scripts[to]
	if p == nil {
		p = &progress{script: s.options.Script}
		s.scripts[to] = p
	}
	if len(p.script.Attempts) == 0 {
		return Human()
	}
	answer := p.script.Attempts[min(p.next, len(p.script.Attempts)-1)]
	p.next++
	return answer
}

// register makes a call known and gives it its turn under the account's rate.
func (s *Server) register(form url.Values, answer Answer) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	start := now
	if s.nextStart.After(start) {
		start = s.nextStart
	}
	s.nextStart = start.Add(s.scaled(time.Duration(float64(time.Second) / s.options.CallsPerSecond)))
	c := newCall(s, form, answer, now, start)
	s.calls = append(s.calls, c)
	s.bySID[c.sid] = c
	return c
}

func (s *Server) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.options.TimeScale)
}

// pause waits for d or for the context; it says whether the whole of d passed.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// newUUID is the shape of I-Twilio-Idempotency-Token.
func newUUID() string {
	id := newSID("")
	return fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:])
}

func newSID(prefix string) string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	return prefix + hex.EncodeToString(random[:])
}
