// Package realtimetest is a simulated OpenAI Realtime server (GA, WebSocket) as an http.Handler, for
// tests, the offline demo and a person without a key.
//
// It is an independent witness of the protocol: it shares no code with the agent side, refuses every
// unknown key, value, format and order in the service's own words, and remembers each refusal as a
// Violation. It listens with a voice-activity detector to the audio that really arrives, and speaks
// with recorded words. It understands no speech: what a turn of the callee means comes from the
// scenario's wording, all else from instructions and tool outputs. It never reads the state of the
// callee, the calendar or the bridge. Not simulated: text output, responses outside the conversation,
// MCP tools, images.
package realtimetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The sides that Config.Record names.
const (
	SideClient = "client"
	SideServer = "server"
)

// Violation is something a client did that the service refuses or that ends in a wrong call.
type Violation struct {
	Call    int    // number of the connection, from 1
	Event   string // type of the client's event; empty for the upgrade
	Code    string // as in the service's error event; "order" and "model" for those of our own
	Message string
}

func (v Violation) String() string {
	return fmt.Sprintf("call %d: %s: %s: %s", v.Call, v.Event, v.Code, v.Message)
}

// Config says what a Server does. The zero value plays the scenario books to everybody.
type Config struct {
	// Script returns the part for each connection, counted from 1. Called once per connection.
	Script func(call int, r *http.Request) Script
	// Key, if set, is the only API key accepted.
	Key string
	// Record, if set, is given every event as it is received or sent, in order within a connection;
	// connections call it at the same time. It must not keep event's bytes beyond the call.
	Record func(side string, event json.RawMessage)
}

// Server is the simulated service. All methods are safe for concurrent use.
type Server struct {
	config   Config
	upgrader websocket.Upgrader
	closing  chan struct{}
	handlers sync.WaitGroup

	mu         sync.Mutex
	calls      int
	closed     bool
	violations []Violation
	races      []Violation
}

// New returns a server; mount it as a handler and Close it in the end.
func New(config Config) *Server {
	if config.Script == nil {
		books, _ := ScriptOf("books")
		config.Script = func(int, *http.Request) Script { return books }
	}
	return &Server{
		config:   config,
		closing:  make(chan struct{}),
		upgrader: websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }},
	}
}

// Violations returns what clients did wrong so far; empty is the aim of every run.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.violations...)
}

// Races returns the refusals that a correct client can't always avoid, since events crossed on the wire:
// a response.create that met one made by the VAD, a cancel of what had just ended.
func (s *Server) Races() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.races...)
}

// Calls returns how many connections were accepted or refused so far.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Close cuts every connection and waits until its goroutines have ended. It returns nil always.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.handlers.Wait()
	return nil
}

// ServeHTTP accepts /realtime and /v1/realtime with ?model=, and holds the connection until it ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, ok := s.enter()
	if !ok {
		http.Error(w, "the simulated service is closed", http.StatusServiceUnavailable)
		return
	}
	defer s.handlers.Done()
	if !strings.HasSuffix(r.URL.Path, "/realtime") {
		http.NotFound(w, r)
		return
	}
	script := s.config.Script(call, r).withDefaults()
	if status, f := s.refuseUpgrade(r, script); f != nil {
		s.violateUnless(script.Faults.Status != 0, Violation{call, "", f.Code, f.Message})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
			"type": f.Type, "code": f.Code, "message": f.Message, "param": nil,
		}})
		return
	}
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // gorilla has answered
	}
	newConn(s, ws, call, script, r).run()
}

func (s *Server) enter() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, false
	}
	s.calls++
	s.handlers.Add(1)
	return s.calls, true
}

func (s *Server) refuseUpgrade(r *http.Request, script Script) (int, *fault) {
	switch key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case script.Faults.Status != 0:
		return script.Faults.Status, refuse("scripted", "", "The scripted answer to the upgrade is %d.", script.Faults.Status)
	case s.config.Key != "" && key != s.config.Key:
		return http.StatusUnauthorized, refuse("invalid_api_key", "", "Incorrect API key provided.")
	case r.URL.Query().Get("model") == "":
		return http.StatusBadRequest, refuse("missing_model", "", "You must provide a model parameter.")
	}
	return 0, nil
}

func (s *Server) violateUnless(wanted bool, v Violation) {
	if wanted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.violations) < remembered {
		s.violations = append(s.violations, v)
	}
}

func (s *Server) race(v Violation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.races) < remembered {
		s.races = append(s.races, v)
	}
}

// remembered is how many violations, and how many races, are kept: later ones are dropped.
const remembered = 1000

// raceWindow is how long after a change of ours a client may not have seen it.
const raceWindow = 500 * time.Millisecond
