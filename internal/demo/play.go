package demo

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// play is one scenario: who does what, and what must come of it.
type play struct {
	name  string
	about string
	model string

	// words names the conversation in media/speech; empty is the scenario's own name.
	words string
	// attempts are what becomes of the dials, one after the other, the last repeating:
	// each begins as the callee's part of the conversation, and may change it.
	attempts []func(*twiliotest.Answer)
	// scripts change the simulated model's part in each attempt, the last repeating.
	scripts []func(*realtimetest.Script)
	// settings are keys of the configuration beside the usual ones.
	settings map[string]any
	// bridge stands before the owner's calendar.
	bridge http.Handler

	// What the scenario states (contract section 6).
	status  call.Status
	outcome call.Outcome
	events  int
	// slot is the agreed time; zero where nothing is agreed.
	slot   time.Time
	notice string
	// ends are status and end reason of each attempt; delays lie between them.
	ends   []string
	delays []time.Duration
	// hears says what the callee hears of the agent; empty is all of it. breaksOff is the
	// attempt, from 1, whose last sentence ends in mid-word.
	hears     string
	breaksOff int
	// apology is the attempt, from 1, that ends with words which are not the model's.
	apology int
	// also are the statements of this scenario alone.
	also []statement

	cast cast
}

// statement is something that must hold; problem says what is wrong with it, if anything.
type statement struct {
	states  string
	problem func(*stage) string
}

// cast is a play's parts with their words.
type cast struct {
	callee []twiliotest.Answer
	model  []realtimetest.Script
}

// Scenarios are the names that Options.Scenario takes, the default first.
func Scenarios() []string {
	var names []string
	for _, p := range plays() {
		names = append(names, p.name)
	}
	return names
}

func playOf(o Options) (play, error) {
	name := o.Scenario
	if name == "" {
		name = Scenarios()[0]
	}
	if o.Model != "" && o.Model != modelOpenAI {
		return play{}, fmt.Errorf("MODEL=%s is not known: leave it out for the simulated model, or use openai", o.Model)
	}
	if o.Model == modelOpenAI && os.Getenv("OPENAI_API_KEY") == "" {
		return play{}, fmt.Errorf("MODEL=openai needs OPENAI_API_KEY")
	}
	for _, p := range plays() {
		if p.name != name {
			continue
		}
		if o.Model == modelOpenAI && p.apology > 0 {
			return play{}, fmt.Errorf("scenario %q needs the simulated model, since OpenAI's does not fail when asked to: leave MODEL out", name)
		}
		p.model = o.Model
		var err error
		p.cast, err = p.rehearse()
		return p, err
	}
	return play{}, fmt.Errorf("scenario %q is not known; there are: %s", name, strings.Join(Scenarios(), ", "))
}

// rehearse gives both sides their words.
func (p play) rehearse() (cast, error) {
	words := p.words
	if words == "" {
		words = p.name
	}
	script, ok := realtimetest.ScriptOf(words)
	if !ok {
		return cast{}, fmt.Errorf("scenario %q has no part for the model", words)
	}
	lines, err := calleeLines(script.Scenario)
	if err != nil {
		return cast{}, err
	}
	c := cast{callee: []twiliotest.Answer{twiliotest.Human(lines...)}, model: []realtimetest.Script{script}}
	if len(p.attempts) > 0 {
		c.callee = nil
	}
	for _, change := range p.attempts {
		answer := twiliotest.Human(lines...)
		change(&answer)
		c.callee = append(c.callee, answer)
	}
	if len(p.scripts) > 0 {
		c.model = nil
	}
	for _, change := range p.scripts {
		part := script
		change(&part)
		c.model = append(c.model, part)
	}
	return c, nil
}

// script is the model's part while so many calls were dialled.
func (c cast) script(dialled int) realtimetest.Script {
	return c.model[max(0, min(dialled, len(c.model))-1)]
}

// calleeLines are the callee's recorded words: a hello when it picks up, then one
// line each time the agent has finished.
func calleeLines(s speech.Scenario) ([]twiliotest.Line, error) {
	hello, err := speech.Say(speech.Callee, s.Hello)
	if err != nil {
		return nil, fmt.Errorf("the callee's hello: %w", err)
	}
	lines := []twiliotest.Line{{Text: s.Hello, Audio: hello}}
	for _, t := range s.Turns {
		l := twiliotest.Line{Text: t.Say, HangUp: t.HangUp}
		if t.Into > 0 {
			l.After = twiliotest.BargeIn(t.Into)
		}
		if t.Say != "" {
			if l.Audio, err = speech.Say(speech.Callee, t.Say); err != nil {
				return nil, fmt.Errorf("the callee's line %q: %w", t.Say, err)
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}
