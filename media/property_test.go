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
	wire []any          // from the model, not delivered yet
	up   []AgentCommand // to the model, not there yet

	listen Listen
	active string // the response the model is giving
	kind   string // what it was asked for
	item   string // what it says
	serial int

	discloses map[string]bool // responses whose transcript has the disclosure
	disclosed bool            // one of them was completed, and we were told

	delivering string // the response whose audio is being delivered
	dead       map[string]bool
	calls      map[string]int  // outputs by call id
	made       map[string]int  // ms generated, by item
	told       map[string]bool // responses of whose end we were told
	begun      map[string]int  // requests for a response, by kind, that were completed as far as we were told
	owed       bool            // something of the callee's that a response may answer
	outputs    bool            // something that tools returned
	late       int             // fifths of a second since all that was on its way arrived
	races      int             // requests that crossed a response of the model's own on the wire
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

// sendAgent checks what we know when we ask; the model gets it later.
func (w *world) sendAgent(cmd AgentCommand) {
	w.rig.sendAgent(cmd)
	switch cmd := cmd.(type) {
	case Respond:
		w.checkAsked(cmd.Kind)
	case Cancel:
		if w.told[cmd.ResponseID] {
			w.fault("%s was stopped after we were told of its end", cmd.ResponseID)
		}
	}
	w.up = append(w.up, cmd)
}

// checkAsked: one greeting, one opening, one answer to whatever there is to answer, and
// nothing while a response is known to run.
func (w *world) checkAsked(kind string) {
	if kind != string(respondGreeting) && !w.disclosed {
		w.fault("a %s was asked for before the disclosure was said", kind)
	}
	if w.c.gate.active != "" {
		w.fault("a response was asked for while %s is active", w.c.gate.active)
	}
	switch respondKind(kind) {
	case respondGreeting, respondOpening:
		if w.begun[kind] > 0 {
			w.fault("a second %s", kind)
		}
	case respondAnswer:
		if !w.owed {
			w.fault("a second answer to the callee")
		}
	case respondTools:
		if !w.outputs {
			w.fault("a second response to what the tools returned")
		}
	case respondPrompt, respondFarewell:
	}
	if kind != string(respondGreeting) { // which says its sentence, whatever there is to answer
		w.owed, w.outputs = false, false
	}
}

// carry brings the next command to the model, which keeps to the service's rules.
func (w *world) carry() {
	if len(w.up) == 0 {
		return
	}
	cmd := w.up[0]
	w.up = w.up[1:]
	switch cmd := cmd.(type) {
	case Respond:
		if w.active != "" {
			if w.kind != "" {
				w.fault("conflict: a %s was asked for while a %s of ours runs", cmd.Kind, w.kind)
			}
			w.races++
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
		if made, known := w.made[cmd.ItemID]; !known || cmd.AudioEndMS < 0 || cmd.AudioEndMS > made {
			w.fault("%s was truncated at %d ms of %d", cmd.ItemID, cmd.AudioEndMS, made)
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
	if a, ok := ev.(*AgentAudio); ok {
		w.delivering = a.ResponseID
	}
	switch e := ev.(type) {
	case ResponseStarted:
		w.owed = w.owed && e.Kind != "" // the model's own may have begun before an output was there
	case ResponseEnded:
		w.told[e.ResponseID] = true
		w.disclosed = w.disclosed || e.Status == ResponseCompleted && w.discloses[e.ResponseID]
		if r := w.c.responses[e.ResponseID]; e.Status == ResponseCompleted && r != nil && r.spoke && !r.dead && (r.kind == respondOpening || w.discloses[e.ResponseID]) {
			w.begun[string(r.kind)]++
		}
		w.owed = w.owed || e.Status != ResponseCompleted
		w.outputs = w.outputs || e.Status != ResponseCompleted
	case AgentFault:
		w.owed, w.outputs = true, true
	case CalleeStopped, CalleeCommitted:
		w.owed = true
	case AgentCall:
		w.outputs = true
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
	case "carry":
		for range n {
			w.carry()
		}
	case "wait":
		w.wait(time.Duration(n) * 200 * ms)
		if w.late += n; w.late >= 20 { // a network that stands still for longer is a lost one
			w.act("carry", 50)
			w.act("deliver", 200)
			w.late = 0
		}
	case "speak":
		if w.active != "" {
			item := w.active + "-" + fmt.Sprint(n%2)
			w.item = item
			w.made[item] += n*100 + n
			w.wire = append(w.wire, &AgentAudio{ResponseID: w.active, ItemID: item, Audio: audio(n*100 + n)})
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
			w.outputs = true
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
	switch {
	case !w.listen.Respond:
	case w.active == "":
		w.begin("")
	default: // the automatic response meets one that runs (research section 5)
		w.wire = append(w.wire, AgentFault{Fault: Fault{Class: FaultConflict}})
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
		w.act("carry", 50)
		w.act("speak", 3)
		w.act("done", 3)
		w.act("deliver", 50)
		for len(w.running) > 0 {
			w.act("tool", 1)
		}
		w.wait(time.Second)
	}
	w.act("carry", 200)
	w.act("deliver", 200)
	for len(w.running) > 0 {
		w.act("tool", 1)
	}
	w.act("carry", 200)
}

// observe looks at what the callee is told in the model's place.
func (w *world) observe(m Moment) {
	w.rig.observe(m)
	if m.Kind == MomentFiller && (w.c.talk.speaking || !w.disclosed) {
		w.fault("a filler over the callee, or before the disclosure")
	}
}

func TestInvariantsHoldInAnyOrderOfEvents(t *testing.T) {
	actions := []string{"deliver", "deliver", "deliver", "carry", "carry", "wait", "wait", "speak", "speak", "speak", "call", "tool", "done", "done", "fail", "callee", "callee"}
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			dead: map[string]bool{}, calls: map[string]int{}, discloses: map[string]bool{},
			made: map[string]int{}, told: map[string]bool{}, begun: map[string]int{},
		}
		cfg := testConfig()
		cfg.MaxLength = 45 * time.Second
		cfg.TranscriptionModel = ""
		cfg.GreetInOne = rapid.Bool().Draw(rt, "greetInOne")
		cfg.BackchannelGuard = rapid.Bool().Draw(rt, "guard")
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
		if cfg.BackchannelGuard && w.races > 0 {
			rt.Errorf("only we ask for responses, and yet %d conflicts", w.races)
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
