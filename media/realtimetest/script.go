package realtimetest

import (
	"time"

	"github.com/clawdbot/call-agent/media/speech"
)

// Script is the part the server plays in one call.
type Script struct {
	Scenario speech.Scenario
	// Seed fixes every choice: sizes, identifiers, which of the observed orders. 0 is a seed as well.
	Seed uint64
	// Latency passes between response.created and the first output; 0 means 200 ms.
	Latency time.Duration
	// Pace is how much faster than real time audio is generated; 0 means between 5 and 10, by Seed.
	Pace float64
	// Preamble says a line in the response that calls calendar_find_slots, before the call.
	Preamble bool
	// FarewellWithCall says the farewell in the response that calls end_call; otherwise the farewell is
	// the response after its output.
	FarewellWithCall bool
	// Lifetime is the cap of a session, after which it is told session_expired and closed;
	// 0 means 60 minutes. It stands in expires_at.
	Lifetime time.Duration
	Faults   Faults
	// Resumed are the faults of a connection from the moment on in which it is told of a
	// conversation held before, in place of Faults. The zero value has none.
	Resumed Faults
}

// Faults are ways to misbehave that the service was seen to have, or that a model has. Responses are
// counted from 1, the greeting included; 0 means never.
type Faults struct {
	Status    int    // the upgrade is answered with this HTTP status
	AuthError string // 101, then an error with this code (invalid_api_key, insufficient_quota), then close

	UpdateDelay       time.Duration // before the answer to each session.update
	RejectUpdate      bool          // the first session.update is refused
	CloseAfterEvents  int           // the socket is cut without a word after so many events
	ExpireAfterEvents int           // session_expired and close 1001 after so many events
	DieInResponse     int           // the socket is cut within this response
	DieAfterResponse  int           // the socket is cut right after this response's response.done
	DieAfterTurn      int           // the socket is cut when this turn of the callee was committed; the hello is none
	DieAfterCall      string        // the socket is cut right after a complete call of this function

	FailResponse       int           // this response ends as failed, without output
	FailCode           string        // its error code; empty is null, as the service does for server_error
	IncompleteResponse int           // this response is cut by max_output_tokens
	SilentResponse     int           // this response is created and never goes on
	AudioDelay         time.Duration // before the first audio of the first response
	LateDeltas         int           // so many audio deltas after an interrupted response's response.done

	OmitDisclosure int  // so many responses that are told to say a sentence exactly say something else
	NoTranscript   bool // what the model says comes without its transcript

	TwoCalls     bool // calendar_find_slots is called twice in one response
	RepeatCall   bool // calendar_create_event is called again after its first output
	BadArguments bool // the first call's arguments are no JSON
	BookOther    bool // the first booking is of an hour later than what was agreed
	ClaimBooked  bool // says booked and ends the call without calling calendar_create_event
	NoEndCall    bool // says farewell and never calls end_call

	Unknown bool // unknown event types and fields now and then; not strict-valid
}

// ScriptOf returns the model's part in a scenario of media/speech. The second result tells whether there
// is such a scenario.
func ScriptOf(name string) (Script, bool) {
	scenario, ok := speech.ScenarioOf(name)
	if !ok {
		return Script{}, false
	}
	script := Script{Scenario: scenario, Seed: 1, Preamble: true, FarewellWithCall: true}
	switch name {
	case "counter", "refuses":
		script.Seed, script.Preamble, script.FarewellWithCall = 2, false, false
	case "model-dies":
		script.Faults.DieInResponse, script.Resumed.DieInResponse = 3, 1
	}
	return script, true
}

func (s Script) withDefaults() Script {
	if s.Latency == 0 {
		s.Latency = 200 * time.Millisecond
	}
	if s.Lifetime == 0 {
		s.Lifetime = time.Hour
	}
	if s.Pace == 0 {
		s.Pace = 5 + float64(s.Seed*7%6)
	}
	return s
}
