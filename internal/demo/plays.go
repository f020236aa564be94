package demo

import (
	"io"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// bookedSlot is the first time that is free in the demo's calendar: Monday is full
// and Tuesday begins with a stand-up.
func bookedSlot() time.Time {
	return time.Date(2026, time.March, 3, 9, 30, 0, 0, time.FixedZone("PST", -8*60*60))
}

// What the owner is told.
const (
	toldBooked  = "Appointment booked: Tuesday, 3 March 2026, 09:30 to 10:00 (America/Los_Angeles)."
	toldCounter = "Appointment booked: Thursday, 5 March 2026, 11:00 to 11:30 (America/Los_Angeles)."
	toldNothing = "No appointment was booked: the conversation ended without one."
	toldNobody  = "No appointment was booked: nobody answered."
)

// hastily is an owner who does not want to wait: the retries of contract section 5,
// in seconds instead of minutes.
func hastily(attempts int) map[string]any {
	return map[string]any{
		"retry":        map[string]any{"maxAttempts": attempts, "initialDelayMs": 1000, "backoffFactor": 2},
		"ring_timeout": "5s",
	}
}

// plays are the scenarios of contract section 6, the default first.
func plays() []play {
	return []play{
		{
			name: "books", about: "the callee takes the first time that is offered",
			status: call.Completed, outcome: call.Booked, events: 1, slot: bookedSlot(), notice: toldBooked,
			ends: []string{"completed booked"},
		},
		{
			name: "counter", about: "the callee cannot make it then, and proposes another time",
			status: call.Completed, outcome: call.Booked, events: 1, slot: speech.CounterStart, notice: toldCounter,
			ends: []string{"completed booked"},
		},
		{
			name: "refuses", about: "the callee wants no appointment, and is not called again",
			settings: hastily(3),
			status:   call.Completed, outcome: call.NotBooked, notice: toldNothing,
			ends: []string{"completed refused"},
			also: []statement{{"the agent took leave", says(speech.LineUnderstood)}},
		},
		{
			name: "hangup", about: "the callee hangs up in the middle of the agent's sentence",
			settings: hastily(3),
			status:   call.Completed, outcome: call.NotBooked, notice: toldNothing,
			ends:  []string{"completed callee_hangup"},
			hears: "until it hung up", breaksOff: 1,
			also: []statement{{"it was the callee who put the line down", hungUpBy("callee")}},
		},
		{
			name: "interrupts", about: "the callee speaks over the agent, twice",
			scripts: []func(*realtimetest.Script){func(s *realtimetest.Script) { s.Preamble = false }},
			status:  call.Completed, outcome: call.Booked, events: 1, slot: bookedSlot(), notice: toldBooked,
			ends:  []string{"completed booked"},
			hears: "but for what it talked over",
			also: []statement{
				{"the agent said the disclosure to its end, although the callee spoke", disclosureOutlasted},
				{"the agent fell silent within 400 ms when the callee interrupted its offer", fellSilent},
			},
		},
		{
			name: "voicemail", about: "an answering machine takes the call, twice",
			attempts: []func(*twiliotest.Answer){machineAnswers},
			settings: hastily(2),
			status:   call.NoAnswer, outcome: call.NotBooked, notice: toldNobody,
			ends: []string{"no_answer machine", "no_answer machine"}, delays: []time.Duration{time.Second},
			also: []statement{{"the machine was hung up on while it spoke, without a word", wordless}},
		},
		{
			name: "busy", about: "the line is busy; the second attempt is answered", words: "books",
			attempts: []func(*twiliotest.Answer){
				func(a *twiliotest.Answer) { a.Outcome = twiliotest.OutcomeBusy },
				func(*twiliotest.Answer) {},
			},
			settings: hastily(3),
			status:   call.Completed, outcome: call.Booked, events: 1, slot: bookedSlot(), notice: toldBooked,
			ends: []string{"busy busy", "completed booked"}, delays: []time.Duration{time.Second},
		},
		{
			name: "noanswer", about: "nobody ever answers", words: "books",
			attempts: []func(*twiliotest.Answer){func(a *twiliotest.Answer) { a.Outcome = twiliotest.OutcomeNoAnswer }},
			settings: hastily(3),
			status:   call.NoAnswer, outcome: call.NotBooked, notice: toldNobody,
			ends:   []string{"no_answer no_answer", "no_answer no_answer", "no_answer no_answer"},
			delays: []time.Duration{time.Second, 2 * time.Second},
		},
		{
			name: "bridge-down", about: "the owner's calendar does not answer",
			bridge: http.HandlerFunc(unavailable),
			status: call.Completed, outcome: call.NotBooked, notice: toldNothing,
			ends: []string{"completed callback"},
			also: []statement{
				{"the agent said that it cannot see the calendar, and took leave", says(speech.LineBridgeDown)},
				{"the agent named no time", namedNoTime},
			},
		},
		{
			name: "model-dies", about: "the model's connection breaks in mid-word, and so does the one in its place; the second attempt books",
			scripts: []func(*realtimetest.Script){
				func(s *realtimetest.Script) { s.Pace = 1.2 }, // it is heard when it dies
				func(s *realtimetest.Script) {
					s.Faults, s.Resumed, s.Preamble = realtimetest.Faults{}, realtimetest.Faults{}, false
				},
			},
			settings: hastily(2),
			status:   call.Completed, outcome: call.Booked, events: 1, slot: bookedSlot(), notice: toldBooked,
			ends: []string{"failed model_lost", "completed booked"}, delays: []time.Duration{time.Second},
			hears: "up to the words in which it broke off", breaksOff: 1, apology: 1,
			also: []statement{{"the first callee heard an apology to its end, then the line went down", apologised}},
		},
	}
}

// machineAnswers makes the attempt an answering machine, recognised while it speaks.
func machineAnswers(a *twiliotest.Answer) {
	a.Machine = twiliotest.Machine{AnsweredBy: "machine_start", After: 3 * time.Second}
}

// unavailable is a bridge that is down, as the proxy before it says.
func unavailable(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // whatever was asked
	http.Error(w, "upstream is down", http.StatusServiceUnavailable)
}
