// Package twiliostream is the phone's side of a call as Twilio Media Streams has
// it: the wire events in both directions and [Conn], which speaks them over a
// WebSocket. Every provider of ours speaks this dialect, the browser's phone too.
// It owns framing, validation of the stream's start, and liveness of the socket.
// It never decides anything about the conversation and never looks into audio.
//
// Protocol: https://www.twilio.com/docs/voice/media-streams/websocket-messages
package twiliostream

import "fmt"

// Kind says what an [Event] is.
type Kind int

// The events a phone sends. Other is anything that is not known here: Twilio may
// add events, and they must not break a call.
const (
	Other Kind = iota
	Connected
	Started
	Media
	DTMF
	Mark
	Stop
)

// Event is one message of the phone. Which fields are set depends on Kind.
type Event struct {
	Kind Kind
	// Start is set for Started.
	Start Start
	// TimestampMS is the audio's place in the stream in milliseconds, for Media;
	// the first is seldom 0. It is -1 where the phone gave none.
	TimestampMS int
	// Payload is mu-law 8000 Hz mono in base64, for Media.
	Payload string
	// Decoded is what Payload stands for; nil where whoever made the event left that to others.
	Decoded []byte
	// Mark is the name of the mark that came back, for Mark. It says that the audio
	// before it was played, or that it was cleared; the message does not say which.
	Mark string
	// Digit is the key pressed, for DTMF: 0-9, *, #, A-D.
	Digit string
}

// Start is what the phone said when the stream began.
type Start struct {
	StreamSID  string
	AccountSID string
	CallSID    string
	// Parameters are the <Parameter> elements of the TwiML; never nil.
	Parameters map[string]string
}

// FrameError is one message that could not be used. The stream goes on after it;
// who reads decides how many are too many.
type FrameError struct {
	// Problem says what the peer did wrong; it holds nothing of the message's content.
	Problem string
	Err     error
}

// Error names the peer's fault.
func (e *FrameError) Error() string {
	if e.Err == nil {
		return "media stream: unusable message: " + e.Problem
	}
	return fmt.Sprintf("media stream: unusable message: %s: %v", e.Problem, e.Err)
}

// Unwrap returns the decoder's error, if there was one.
func (e *FrameError) Unwrap() error { return e.Err }

// StartError is a stream that did not begin as the protocol has it: the peer is no
// phone of ours, or its format is not mu-law 8000 Hz mono. Nothing can follow it.
type StartError struct{ Problem string }

// Error names the peer's fault.
func (e *StartError) Error() string { return "media stream: " + e.Problem }
