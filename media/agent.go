package media

import "time"

// AgentEvent is something the model did or noticed, in our words.
type AgentEvent interface{ agentEvent() }

type (
	// AgentListening confirms a [Listen] command (or the setup's): it is in effect for
	// all that follows in the order of events.
	AgentListening struct{ Listen Listen }
	// CalleeStarted means that the callee began to speak: AtMS into the audio that this
	// agent was given, 0 where it does not say.
	// Heard is when the session was told, which the agent leaves to it.
	CalleeStarted struct {
		ItemID string
		AtMS   int
		Heard  time.Time
	}
	// CalleeStopped means that the callee stopped speaking.
	CalleeStopped struct{ ItemID string }
	// CalleeCommitted means that what the callee said is part of the conversation.
	CalleeCommitted struct{ ItemID string }
	// CalleeTranscript is what the callee said; it comes at any time after, or Failed.
	CalleeTranscript struct {
		ItemID, Text string
		Failed       bool
		// Seconds of audio transcribed, or Tokens it took, where the model says so.
		Seconds float64
		Tokens  int
	}
	// ResponseStarted means that the model began a response. Kind is that of the [Respond] it
	// answers, "" for one it began by itself.
	ResponseStarted struct{ ResponseID, Kind string }
	// ResponseEnded is the last word on a response.
	ResponseEnded struct {
		ResponseID string
		Status     ResponseStatus
		// Said is the text of all its speech once more, "" where the model does not repeat it.
		Said string
		// Fault is set where Status is ResponseFailed.
		Fault Fault
		Usage Usage
	}
	// AgentAudio is a piece of speech, base64 in the output format, of any size. It comes as
	// a pointer, and is good until the next Receive.
	AgentAudio struct {
		ResponseID, ItemID string
		ContentIndex       int
		Audio              string
		// Decoded is what the audio stands for; nil where the agent left that to others.
		Decoded []byte
	}
	// AgentAudioDone means that no more audio of this item comes.
	AgentAudioDone struct{ ResponseID, ItemID string }
	// AgentTranscript is the text of an item's speech; it runs ahead of playback. Partial:
	// the connection was lost before the item was complete.
	AgentTranscript struct {
		ResponseID, ItemID, Text string
		Partial                  bool
	}
	// AgentCall is a complete function call.
	AgentCall struct{ ResponseID, CallID, Name, Arguments string }
	// AgentFault is an error that did not end the connection. EventID is that of the
	// [Respond] or other command it concerns, "" where unknown.
	AgentFault struct {
		Fault   Fault
		EventID string
	}
	// AgentGarbled is a message of the model that was no event.
	AgentGarbled struct{}
	// AgentLimits says when the model's rate limits reset.
	AgentLimits struct{ Reset time.Duration }
)

func (AgentListening) agentEvent()   {}
func (CalleeStarted) agentEvent()    {}
func (CalleeStopped) agentEvent()    {}
func (CalleeCommitted) agentEvent()  {}
func (CalleeTranscript) agentEvent() {}
func (ResponseStarted) agentEvent()  {}
func (ResponseEnded) agentEvent()    {}
func (*AgentAudio) agentEvent()      {}
func (AgentAudioDone) agentEvent()   {}
func (AgentTranscript) agentEvent()  {}
func (AgentCall) agentEvent()        {}
func (AgentFault) agentEvent()       {}
func (AgentGarbled) agentEvent()     {}
func (AgentLimits) agentEvent()      {}

// ResponseStatus is how a response ended.
type ResponseStatus int

// The ways a response ends.
const (
	ResponseCompleted ResponseStatus = iota
	// ResponseCancelled: by the callee's speech or by us.
	ResponseCancelled
	// ResponseIncomplete: cut by a limit of the model's.
	ResponseIncomplete
	// ResponseFailed: nothing (more) was said, and nobody else says so.
	ResponseFailed
)

// FaultClass says what an error of the model means for the call.
type FaultClass int

// The classes of fault.
const (
	// FaultUnknown is logged and never ends a call.
	FaultUnknown FaultClass = iota
	// FaultBenign is a race that is lost now and then and costs nothing.
	FaultBenign
	// FaultConflict: a response was asked for while one is active.
	FaultConflict
	// FaultRequest: a command of ours was refused as malformed: our bug.
	FaultRequest
	// FaultRateLimited: later it will work again.
	FaultRateLimited
	// FaultFatal: this connection will not speak again.
	FaultFatal
)

// Fault is an error as the model reported it. Code and Message may be empty.
type Fault struct {
	Class   FaultClass
	Code    string
	Message string
}

// AgentCommand is something we ask of the model.
type AgentCommand interface{ agentCommand() }

type (
	// Hear gives the model audio of the callee: base64 in the input format. It is sent as a
	// pointer, and is the sender's again when Send returns.
	Hear struct {
		Audio string
		// buffer is what Audio is a view of; nil where it is a view of what was read.
		buffer []byte
	}
	// Listen changes turn detection: whether the model answers by itself when the
	// callee stops, and whether the callee's speech cancels its response.
	Listen struct {
		Respond, Interrupt bool
		// EventID comes back in a fault.
		EventID string
	}
	// Respond asks for a response, tagged with Kind. Instructions, if not "", replace
	// the session's for this response; NoTools forbids it to call any.
	Respond struct {
		EventID, Kind, Instructions string
		NoTools                     bool
	}
	// Cancel stops a response.
	Cancel struct{ ResponseID string }
	// Truncate makes the model forget what was not heard of an item.
	Truncate struct {
		ItemID       string
		ContentIndex int
		AudioEndMS   int
	}
	// Answer gives a function call its one output.
	Answer struct{ CallID, Output string }
	// Note tells the model something as the system, without asking for a response.
	Note struct{ Text string }
	// Said tells the model what was said in the conversation before it came.
	Said struct {
		Speaker Speaker
		Text    string
	}
	// Called tells the model of a function call made before it came. Its [Answer] follows,
	// now or when there is one.
	Called struct{ CallID, Name, Arguments string }
)

func (*Hear) agentCommand()    {}
func (Listen) agentCommand()   {}
func (Respond) agentCommand()  {}
func (Cancel) agentCommand()   {}
func (Truncate) agentCommand() {}
func (Answer) agentCommand()   {}
func (Note) agentCommand()     {}
func (Said) agentCommand()     {}
func (Called) agentCommand()   {}
