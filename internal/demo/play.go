package demo

import (
	"fmt"
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
	// script is the simulated model's part, callee the other's.
	script realtimetest.Script
	callee twiliotest.Answer

	// What the scenario states (contract section 6).
	status  call.Status
	outcome call.Outcome
	events  int
	// slot is the agreed time; zero where nothing is agreed.
	slot   time.Time
	notice string
}

// bookedSlot is the first time that is free in the demo's calendar: Monday is full
// and Tuesday begins with a stand-up.
func bookedSlot() time.Time {
	return time.Date(2026, time.March, 3, 9, 30, 0, 0, time.FixedZone("PST", -8*60*60))
}

// plays are the scenarios, the default first.
func plays() []play {
	return []play{
		{
			name: "books", about: "the callee takes the first time that is offered",
			status: call.Completed, outcome: call.Booked, events: 1, slot: bookedSlot(),
			notice: "Appointment booked: Tuesday, 3 March 2026, 09:30 to 10:00 (America/Los_Angeles)",
		},
		{
			name: "counter", about: "the callee cannot make it then, and proposes another time",
			status: call.Completed, outcome: call.Booked, events: 1, slot: speech.CounterStart,
			notice: "Appointment booked: Thursday, 5 March 2026, 11:00 to 11:30 (America/Los_Angeles)",
		},
	}
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
		if p.name == name {
			p.model = o.Model
			return p.cast()
		}
	}
	return play{}, fmt.Errorf("scenario %q is not known; there are: %s", name, strings.Join(Scenarios(), ", "))
}

// cast gives both sides their words.
func (p play) cast() (play, error) {
	script, ok := realtimetest.ScriptOf(p.name)
	if !ok {
		return play{}, fmt.Errorf("scenario %q has no part for the model", p.name)
	}
	p.script = script
	lines, err := calleeLines(script.Scenario)
	p.callee = twiliotest.Human(lines...)
	return p, err
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
