package realtimetest

import (
	"slices"
	"strings"

	"github.com/clawdbot/call-agent/media/speech"
)

// told takes an item of a conversation that the client held before on another connection.
// From the first one on the script's faults are those of a resumed conversation.
func (c *conn) told(it *talkItem) bool {
	before := it.role == "user" || it.role == "assistant" || it.kind == "function_call"
	if it.kind == "function_call_output" {
		before = c.talk.callOf(it.callID).told
	}
	if !before {
		return false
	}
	it.told = true
	c.history = append(c.history, it)
	if !c.resumed {
		c.resumed = true
		c.script.Faults = c.script.Resumed
		c.model.faults = c.script.Resumed
	}
	return true
}

// catchUp lets the model live through what it was told, before it is to speak or hears
// another turn. It comes to where it would stand had it said all of it itself.
func (c *conn) catchUp() {
	history := c.history
	c.history = nil
	for n, it := range history {
		switch {
		case it.kind == "function_call_output":
			c.model.output(c.talk.callOf(it.callID).name, it.words)
		case it.role == "user":
			c.toldTurn(it.words)
		case it.role == "assistant":
			calls := n+1 < len(history) && history[n+1].kind == "function_call"
			c.model.relive(c.request(createParams{}, false), it.words, calls)
		case n == 0 || history[n-1].kind == "function_call_output" || history[n-1].role == "user":
			c.model.relive(c.request(createParams{}, false), "", true)
		}
	}
}

// toldTurn counts a turn of the callee by its words. The hello is none.
func (c *conn) toldTurn(words string) {
	if !c.model.greeted || words == c.script.Scenario.Hello {
		return
	}
	for n := c.turns; n < max(len(c.script.Scenario.Turns), c.turns+1); n++ {
		turn := c.script.Scenario.Turn(n)
		if turn.Say == words || c.script.Scenario.Person || turn.Say == "" && words == noWords {
			c.turns = n + 1
			c.model.turn(turn)
			return
		}
	}
	c.violate("conversation.item.create", "model", "the callee never said what the history has it say: "+words)
}

// relive goes through one response of the history: it began with words (as far as they were
// heard), and calls says whether functions were called in it.
func (m *model) relive(r request, words string, calls bool) {
	if !m.greeted {
		m.greeted, m.stage, m.last = true, stageAsk, speech.LineBusiness
		m.opened = strings.Contains(words, speech.LineBusiness)
		return
	}
	saved, turns, outputs := *m, m.turns, m.outputs
	m.turns, m.outputs = nil, nil
	planned := slices.ContainsFunc(m.plan(r, turns, outputs), func(p part) bool { return p.call != "" })
	if planned && !calls { // it was cut before it called: it is still to be done
		*m = saved
	}
}
