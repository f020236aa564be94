package media

import (
	"encoding/json"
	"time"
)

// maxToolOutput bounds what a tool may tell the model, in bytes.
const maxToolOutput = 16 << 10

// toolError is an output that tells the model what went wrong, in words it can use.
func toolError(words string) string {
	out, _ := json.Marshal(map[string]any{"ok": false, "error": words}) // strings always have a JSON form
	return string(out)
}

// agentCall takes a complete function call. Every call gets exactly one output,
// whatever becomes of it: one without confuses every later turn (research section 11).
func (c *conversation) agentCall(ev AgentCall) {
	if c.calls[ev.CallID] != nil || c.over || c.muted {
		return
	}
	r := c.responses[ev.ResponseID]
	if r == nil {
		r = &response{id: ev.ResponseID, done: true}
		c.remember(r)
	}
	c.calls[ev.CallID] = r
	c.book.called(ToolCall{ID: ev.CallID, Name: ev.Name, Arguments: json.RawMessage(ev.Arguments)})
	r.calls++
	r.open++
	c.observe(Moment{Kind: MomentToolCalled, Name: ev.Name, Item: ev.CallID, Data: ev.Arguments})
	var args map[string]json.RawMessage
	switch err := json.Unmarshal([]byte(ev.Arguments), &args); {
	case r.dead:
		c.answer(ev.CallID, ev.Name, 0, toolError("The callee interrupted before this was done. Nothing was done. Listen, then call the tool again if it is still wanted."))
	case err != nil || args == nil:
		c.answer(ev.CallID, ev.Name, 0, toolError("The arguments are not a JSON object. Call the tool again with valid arguments."))
	case ev.Name == endCallTool:
		c.endCall(ev, r)
	case !c.known(ev.Name):
		c.answer(ev.CallID, ev.Name, 0, toolError("There is no tool of this name."))
	default:
		c.answered() // it acts on what was said, which must not be heard, and acted on, twice
		if c.ending != nil && c.ending.response == r.id && !c.ending.marked {
			c.notYet() // called together with end_call: the model has to hear the result first
		}
		call := ToolCall{ID: ev.CallID, Name: ev.Name, Arguments: json.RawMessage(ev.Arguments)}
		c.running[ev.CallID] = call
		c.fx.run(call)
	}
}

func (c *conversation) known(tool string) bool {
	for _, t := range c.cfg.Tools {
		if t.Name == tool {
			return true
		}
	}
	return false
}

// toolDone takes a tool's output, or what the Session says in its place.
func (c *conversation) toolDone(ev toolDone) {
	call, ok := c.running[ev.callID]
	if !ok {
		return
	}
	delete(c.running, ev.callID)
	out := ev.output
	if len(out) > maxToolOutput {
		c.cfg.Log.Warn("tool output too long for the model", "tool", call.Name, "bytes", len(out))
		out = toolError("The tool's answer was too long.")
	}
	c.answer(ev.callID, call.Name, ev.took, out)
}

// answer gives a call of a tool its output.
func (c *conversation) answer(callID, tool string, took time.Duration, output string) {
	c.observe(Moment{Kind: MomentToolAnswered, Name: tool, Item: callID, MS: int(took / time.Millisecond), Data: output})
	r := c.calls[callID]
	r.open--
	c.book.answered(callID, output)
	if c.ready { // else the next connection is told
		c.fx.sendAgent(Answer{CallID: callID, Output: output})
	}
	c.batchDone(r)
}

// batchDone asks for one response when all calls of r are answered and r is over.
// Nothing speaks after a tool without it; one for each call would collide.
func (c *conversation) batchDone(r *response) {
	if !r.done || r.calls == 0 || r.open > 0 || r.answered || c.over || c.muted {
		return
	}
	r.answered = true
	if c.ending != nil && c.ending.response == r.id {
		c.farewell(r)
		return
	}
	if c.ending != nil {
		return // the farewell follows anyway
	}
	if r.status != ResponseCompleted && (c.talk.speaking || c.gate.own) {
		return // the callee's words will be answered, and this with them
	}
	c.gate.want(request{kind: respondTools})
}
