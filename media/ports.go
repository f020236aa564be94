package media

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/clawdbot/call-agent/media/prefetch"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// Phone is the callee's side of the call: a stream of Media Streams events, as
// [twiliostream.Conn] has it. One goroutine calls Start and Read, one at a time the
// Write methods, Hold and Flush; Close may come from anywhere, more than once, and ends both.
type Phone interface {
	// Start blocks until the stream has begun; at once when it has. An error of type
	// *twiliostream.StartError is the peer's fault, any other a lost socket.
	Start() (twiliostream.Start, error)
	// Read returns the next event, which is good until the next Read. A *twiliostream.FrameError
	// concerns one message; any other error ends the stream.
	Read() (*twiliostream.Event, error)
	// WriteMedia sends mu-law 8000 Hz in base64, at most twiliostream.MaxMediaBytes of it. The
	// payload is good until it returns.
	WriteMedia(payload string) error
	// WriteMark sends a mark that comes back when everything before it was played or cleared.
	WriteMark(name string) error
	// WriteClear drops what was sent and not yet played.
	WriteClear() error
	// Hold lets the Write methods hold back what they write, until Flush puts it on the wire,
	// as one.
	Hold()
	Flush() error
	Close() error
}

// Dialer opens the model's side of a call.
type Dialer interface {
	// Dial connects and configures the model and returns it ready to hear and speak
	// in exactly the formats of setup; anything less is an error, [ErrDialRefused] in its
	// chain where another try would end the same. It ends with ctx. A call dials again
	// when it has lost its agent, or soon will.
	Dial(ctx context.Context, setup AgentSetup) (Agent, error)
}

// ErrDialRefused says that the model can't be had: the key, the account or the session's
// configuration is refused.
var ErrDialRefused = errors.New("the model refuses")

// Agent is a voice model on an open connection. One goroutine calls Receive, one
// at a time Send; Close may come from anywhere, more than once, and ends both.
type Agent interface {
	// Receive returns the next event that matters to a call. Any error means that the
	// connection is gone: a model can't be resumed.
	Receive() (AgentEvent, error)
	// Send carries out one command. Any error means that the connection is gone.
	Send(AgentCommand) error
	// Expires is when the connection will end by itself, zero if that is not known.
	Expires() time.Time
	Close() error
}

// Prefetcher is what a Phone and an Agent may be besides: one that knows what memory a message
// touches on its way, and can ask for it when one has come (package prefetch). Its methods may be
// called from anywhere, whatever else is under way.
type Prefetcher interface {
	// Touched adds what reading a message touches, and what writing one does.
	Touched(reading, writing *prefetch.Set)
	// Prefetch has Read, or Receive, ask for ahead whenever it had to wait.
	Prefetch(ahead *prefetch.Set)
}

// AgentSetup is how the model is configured before anything is said.
type AgentSetup struct {
	Instructions       string
	Voice              string
	Input, Output      Format
	Tools              []ToolDef
	TranscriptionModel string
	Language           string
	// Listen is the turn detection to begin with.
	Listen Listen
}

// ToolDef declares a function to the model.
type ToolDef struct {
	Name        string
	Description string
	// Parameters is a JSON Schema of type object.
	Parameters json.RawMessage
}

// Tools carries out the model's function calls.
type Tools interface {
	// Call runs one tool and returns its output, JSON, for the model. Calls may run at
	// the same time. ctx ends after ToolTimeout; Run waits for Call to return, so Call
	// must heed it. An error is told to the model as a failure without its text; what
	// the model should know goes into the output.
	Call(ctx context.Context, call ToolCall) (output string, err error)
}

// ToolCall is one function call of the model, its arguments a JSON object.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage
}

// Observer is told what happens, as it happens.
type Observer interface {
	// Observe is called under the session's lock, never at the same time twice. It must
	// return at once: the call waits for it.
	Observe(Moment)
}

// ObserverFunc makes a function an Observer.
type ObserverFunc func(Moment)

// Observe calls f.
func (f ObserverFunc) Observe(m Moment) { f(m) }
