package twiliotest

import "time"

// Kind names a Moment.
type Kind string

// Kinds of Moment, roughly in the order of a call.
const (
	Queued         Kind = "queued"
	Initiated      Kind = "initiated"
	Ringing        Kind = "ringing"
	Answered       Kind = "answered"
	MachineVerdict Kind = "machine_verdict"
	VoiceFetched   Kind = "voice_fetched"
	StreamOpened   Kind = "stream_opened"
	StreamStarted  Kind = "stream_started"
	CalleeSpeaks   Kind = "callee_speaks"
	CalleeQuiet    Kind = "callee_quiet"
	AgentSpeaks    Kind = "agent_speaks"
	AgentQuiet     Kind = "agent_quiet"
	DigitPressed   Kind = "digit_pressed"
	MarkReceived   Kind = "mark_received"
	MarkPlayed     Kind = "mark_played"
	MarkCleared    Kind = "mark_cleared"
	MarkLost       Kind = "mark_lost"
	Cleared        Kind = "cleared"
	Said           Kind = "said"
	StreamStopped  Kind = "stream_stopped"
	HungUp         Kind = "hung_up"
	Ended          Kind = "ended"
)

// Moment is something that happened on a call.
type Moment struct {
	At      time.Time
	CallSID string
	// Clock is the position in the recording, counted from the answer; 0 before it.
	Clock time.Duration
	Kind  Kind
	// Text is the line, the mark, the digit, the verdict, who hung up, why a stream stopped, or
	// the final status.
	Text string
}

// Violation is something our side did that the real Twilio would warn about, refuse or be harmed by.
type Violation struct {
	At      time.Time
	CallSID string
	// Code is the number of Twilio's debugger or REST error; 0 where Twilio has none.
	Code    int
	Message string
}

// WireMessage is one Media Streams text message as it was sent.
type WireMessage struct {
	CallSID string
	// FromServer is true for messages of our side, the server of the WebSocket.
	FromServer bool
	Text       []byte
}

// Exchange is one REST request and its answer.
type Exchange struct {
	Method string
	// URL is path and query as received.
	URL string
	// Form holds the body's parameters.
	Form map[string][]string
	// Status is 0 where no answer was given.
	Status int
	Body   []byte
}

// Violations returns what our side did wrong so far, of all calls and of REST; a run in which
// it is not empty has failed.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.violations...)
}

func (s *Server) violation(callSID string, code int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, Violation{At: time.Now(), CallSID: callSID, Code: code, Message: message})
}

func (s *Server) observe(m Moment) {
	if s.options.Observe == nil {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	s.options.Observe(m)
}

func (s *Server) wire(m WireMessage) {
	if s.options.Wire == nil {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	s.options.Wire(m)
}

func (s *Server) exchanged(e Exchange) {
	if s.options.Exchanged == nil {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	s.options.Exchanged(e)
}
