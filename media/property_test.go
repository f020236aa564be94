package media

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// world is a model and a callee that keep to the protocol and otherwise do what they
// like. Events reach the conversation late, in order, as over a socket, so that races
// between the two sides happen as they do in life.
type world struct {
	*rig
	wire []any // from the model, not delivered yet

	listen Listen
	active string // the response the model is giving
	kind   string // what it was asked for
	item   string // what it says
	serial int

	discloses map[string]bool // responses whose transcript has the disclosure
	disclosed bool            // one of them was completed, and we were told

	delivering string // the response whose audio is being delivered
	dead       map[string]bool
	calls      map[string]int // outputs by call id
	running    []string
	speaking   bool
	faults     []string
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *world) id(what string) string {
	w.serial++
	return fmt.Sprintf("%s%d", what, w.serial)
}

func (w *world) begin(kind string) {
	w.active, w.kind, w.item = w.id("r"), kind, ""
	w.wire = append(w.wire, ResponseStarted{ResponseID: w.active, Kind: kind})
}

func (w *world) end(status ResponseStatus, f Fault) {
	if w.active != "" {
		w.wire = append(w.wire, ResponseEnded{ResponseID: w.active, Status: status, Fault: f})
		w.active = ""
	}
}

func (w *world) sendAgent(cmd AgentCommand) {
	w.rig.sendAgent(cmd)
	switch cmd := cmd.(type) {
	case Respond:
		if cmd.Kind != string(respondGreeting) && !w.disclosed {
			w.fault("a %s was asked for before the disclosure was said", cmd.Kind)
		}
		if w.c.gate.active != "" {
			w.fault("a response was asked for while %s is active", w.c.gate.active)
		}
		if w.active != "" { // the model's own, of which we were not told yet
			w.wire = append(w.wire, AgentFault{Fault: Fault{Class: FaultConflict}, EventID: cmd.EventID})
			return
		}
		w.begin(cmd.Kind)
	case Cancel:
		if cmd.ResponseID == w.active {
			w.end(ResponseCancelled, Fault{})
		}
	case Answer:
		w.calls[cmd.CallID]++
	case Listen:
		w.listen = cmd
		w.wire = append(w.wire, AgentListening{Listen: cmd})
	case Truncate:
		if cmd.AudioEndMS < 0 || cmd.AudioEndMS > 60_000 {
			w.fault("truncated at %d ms", cmd.AudioEndMS)
		}
	}
}

func (w *world) sendPhone(cmd phoneCommand) {
	if cmd.clear {
		for id := range w.c.responses {
			w.dead[id] = true // whatever was begun by now must not be heard any more
		}
	}
	if cmd.media != "" && w.delivering != "" && w.dead[w.delivering] {
		w.fault("audio of %s was sent after the clear that ended it", w.delivering)
	}
	w.rig.sendPhone(cmd)
}

func (w *world) run(call ToolCall) {
	w.rig.run(call)
	w.running = append(w.running, call.ID)
}

// deliver hands over the next event of the model.
func (w *world) deliver() {
	if len(w.wire) == 0 {
		return
	}
	ev := w.wire[0]
	w.wire = w.wire[1:]
	if a, ok := ev.(AgentAudio); ok {
		w.delivering = a.ResponseID
	}
	if e, ok := ev.(ResponseEnded); ok && e.Status == ResponseCompleted && w.discloses[e.ResponseID] {
		w.disclosed = true
	}
	w.do(ev)
	w.delivering = ""
}

// act does one thing that the model, the callee or time may do.
func (w *world) act(what string, n int) {
	switch what {
	case "deliver":
		for range n {
			w.deliver()
		}
	case "wait":
		w.wait(time.Duration(n) * 200 * ms)
	case "speak":
		if w.active != "" {
			item := w.active + "-" + fmt.Sprint(n%2)
			w.item = item
			w.wire = append(w.wire, AgentAudio{ResponseID: w.active, ItemID: item, Audio: audio(n*100 + n)})
		}
	case "call":
		if w.active != "" {
			name := []string{"find", "book", "nope", "end_call"}[n%4]
			args := []string{`{}`, `{"reason":"booked"}`, `{"reason":"refused"}`, `{"reason`}[n%3]
			id := w.id("c")
			w.calls[id] = 0
			w.wire = append(w.wire, AgentCall{ResponseID: w.active, CallID: id, Name: name, Arguments: args})
		}
	case "tool":
		if len(w.running) > 0 {
			id := w.running[0]
			w.running = w.running[1:]
			w.do(toolDone{callID: id, output: `{}`})
		}
	case "done":
		w.tell(n)
		w.end(ResponseCompleted, Fault{})
	case "fail":
		w.end(ResponseFailed, Fault{Class: FaultClass(n % 5)})
	case "callee":
		w.calleeTurn()
	}
}

// tell gives the transcript of a greeting, which may lack the disclosure or never come.
func (w *world) tell(n int) {
	if w.active == "" || w.item == "" || w.kind != string(respondGreeting) || n == 1 {
		return
	}
	text := "HELLO; this is... an AI-assistant"
	if n > 2 {
		w.discloses[w.active] = true
	} else {
		text = "Hello, this is an assistant."
	}
	w.wire = append(w.wire, AgentTranscript{ResponseID: w.active, ItemID: w.item, Text: text})
}

// calleeTurn begins or ends a turn of the callee, as the model's voice detection sees it.
func (w *world) calleeTurn() {
	if !w.speaking {
		w.speaking = true
		w.wire = append(w.wire, CalleeStarted{ItemID: w.id("u")})
		if w.listen.Interrupt {
			w.end(ResponseCancelled, Fault{})
		}
		return
	}
	w.speaking = false
	id := w.id("u")
	w.wire = append(w.wire, CalleeStopped{ItemID: id}, CalleeCommitted{ItemID: id})
	if w.listen.Respond && w.active == "" {
		w.begin("")
	}
}

// settleDown lets everything come to rest: the model finishes, the callee is quiet.
func (w *world) settleDown() {
	if w.speaking {
		w.calleeTurn()
	}
	for range 60 {
		if w.c.over {
			break
		}
		w.act("speak", 3)
		w.act("done", 3)
		w.act("deliver", 50)
		for len(w.running) > 0 {
			w.act("tool", 1)
		}
		w.wait(time.Second)
	}
	w.act("deliver", 200)
	for len(w.running) > 0 {
		w.act("tool", 1)
	}
}

func TestInvariantsHoldInAnyOrderOfEvents(t *testing.T) {
	actions := []string{"deliver", "deliver", "deliver", "wait", "wait", "speak", "speak", "speak", "call", "tool", "done", "done", "fail", "callee", "callee"}
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{dead: map[string]bool{}, calls: map[string]int{}, discloses: map[string]bool{}}
		cfg := testConfig()
		cfg.MaxLength = 45 * time.Second
		cfg.TranscriptionModel = ""
		cfg.GreetInOne = rapid.Bool().Draw(rt, "greetInOne")
		w.rig = &rig{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
		w.c = newConversation(cfg, w, w.now)
		w.do(phoneStarted{}, agentReady{})
		for range rapid.IntRange(5, 80).Draw(rt, "steps") {
			w.act(rapid.SampledFrom(actions).Draw(rt, "act"), rapid.IntRange(1, 8).Draw(rt, "n"))
		}
		hungUp := rapid.IntRange(0, 3).Draw(rt, "hangUp") == 0
		if hungUp {
			w.do(twiliostream.Event{Kind: twiliostream.Stop})
		}
		w.settleDown()
		for _, f := range w.faults {
			rt.Errorf("%s", f)
		}
		if !w.c.over {
			rt.Errorf("the call did not end: gate %+v, ending %+v", w.c.gate, w.c.ending)
		}
		w.checkEnd(rt, hungUp)
	})
}

// checkEnd looks at what the call left behind.
func (w *world) checkEnd(rt *rapid.T, hungUp bool) {
	for id, n := range w.calls {
		taken := w.c.calls[id] != nil // others came when the call was over
		if n > 1 || taken && n != 1 {
			rt.Errorf("call %s was answered %d times", id, n)
		}
	}
	if w.c.out.DisclosurePlayed && !w.disclosed {
		rt.Errorf("the disclosure was not said, and was played")
	}
	if w.c.out.Reason == EndDisclosureMissing && w.disclosed {
		rt.Errorf("the disclosure was said, and is missing")
	}
	if w.c.out.FarewellPlayed {
		for _, p := range w.buffer {
			if p.media != "" {
				rt.Errorf("the farewell was cut: audio is left to play")
				break
			}
		}
	} else if !hungUp && w.c.ending != nil && w.c.ending.spoken && w.c.out.Reason != EndVoicemail {
		rt.Errorf("a farewell was begun and not heard to its end: %+v %+v", w.c.ending, w.c.out.Reason)
	}
}
