package realtimetest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/media/speech"
)

// stage is how far the conversation has come.
type stage string

const (
	stageAsk     stage = "ask"     // greeted, waits for the callee's answer
	stageWait    stage = "wait"    // a tool was called
	stageOffer   stage = "offer"   // a slot was offered
	stageConfirm stage = "confirm" // the slot was read back
	stageEnded   stage = "ended"   // end_call was called, or the farewell said
)

// part is one output item: words or a tool call.
type part struct {
	say        string
	call, args string
}

// toolOutput is what the client answered to a call.
type toolOutput struct{ name, output string }

// request is what the model is given when it is to speak.
type request struct {
	instructions string // of the one response; they replace the session's
	session      string
	tools        []tool
	mute         bool // tool_choice is none
	auto         bool // made by the VAD: somebody spoke
	offset       time.Duration
}

// model is the scripted model. It is copied by value to undo a plan that was cut before it was done.
type model struct {
	script      Script
	violate     func(kind, code, message string)
	stage       stage
	greeted     bool
	opened      bool          // the business was said
	greetedAt   time.Duration // audio offset
	greetedTime time.Time
	turns       []speech.Turn // not yet answered
	outputs     []toolOutput  // not yet answered
	slots       []slot        // found and not yet offered
	agreed      slot          // offered or read back
	checking    slot
	booked      bool
	farewell    string // still to be said
	reason      string // last given to end_call
	last        string // the last question, to repeat it
	zone        string
	faults      Faults
	retry       bool // the arguments were bad: try once more
}

func newModel(script Script, violate func(kind, code, message string)) *model {
	return &model{script: script, violate: violate, faults: script.Faults}
}

func (m *model) turn(t speech.Turn) { m.turns = append(m.turns, t) }

func (m *model) output(name, output string) {
	m.outputs = append(m.outputs, toolOutput{name, output})
}

// rollback forgets what was planned since saved, not what was heard since.
func (m *model) rollback(saved model) {
	saved.turns = append(append([]speech.Turn(nil), saved.turns...), m.turns...)
	saved.outputs = append(append([]toolOutput(nil), saved.outputs...), m.outputs...)
	*m = saved
}

func (c *conn) request(params createParams, auto bool) request {
	offered := c.session.Tools
	if params.Tools != nil {
		offered = params.Tools
	}
	choice := params.ToolChoice
	if choice == nil {
		choice = c.session.ToolChoice
	}
	r := request{
		instructions: params.Instructions, session: c.session.Instructions, tools: readTools(offered),
		mute: string(choice) == `"none"`, auto: auto,
	}
	if c.hearing != nil {
		r.offset = c.hearing.offset
	}
	return r
}

// exactly finds a sentence that the instructions quote to be said: the one after the word "exactly", else
// the first.
func exactly(instructions string) string {
	if at := exactlyWord.FindStringIndex(instructions); at != nil {
		instructions = instructions[at[1]:]
	}
	if match := quoted.FindStringSubmatch(instructions); match != nil {
		return match[1]
	}
	return ""
}

// stopsThere finds the order to say the quoted sentence and no more.
var stopsThere = regexp.MustCompile(`(?i)\bsay nothing more\b`)

var exactlyWord = regexp.MustCompile(`(?i)\bexactly\b`)

var quoted = regexp.MustCompile(`[“"]([^"”]{3,})["”]`)

// respond plans the next response from the turns and outputs that came since the last.
func (m *model) respond(r request) []part {
	saved, turns, outputs := *m, m.turns, m.outputs
	m.turns, m.outputs = nil, nil
	parts := m.plan(r, turns, outputs)
	if r.mute && slices.ContainsFunc(parts, func(p part) bool { return p.call != "" }) {
		*m = saved // tool_choice none: what needs a tool waits for the next response
		return say(speech.LineMoment)
	}
	return parts
}

func (m *model) plan(r request, turns []speech.Turn, outputs []toolOutput) []part {
	exact := exactly(r.instructions)
	switch {
	case !m.greeted:
		m.greeted, m.greetedAt, m.greetedTime, m.stage = true, r.offset, time.Now(), stageAsk
		if exact == "" {
			exact = speech.LineDisclosure
		}
		m.last = speech.LineBusiness
		if m.omits() {
			return say(speech.LineBusiness)
		}
		if stopsThere.MatchString(r.instructions) {
			return say(exact)
		}
		m.opened = true
		return say(exact + " " + speech.LineBusiness)
	case exact != "" && len(outputs) == 0:
		m.turns = turns
		if m.omits() {
			return say(m.last)
		}
		return say(exact)
	case !m.opened && len(outputs) == 0:
		m.opened = true
		return say(speech.LineBusiness)
	case len(outputs) > 0 && (len(turns) == 0 || outputs[len(outputs)-1].name != toolEnd):
		return m.onOutputs(r, outputs)
	case len(turns) > 0:
		return m.onTurn(r, turns[len(turns)-1])
	}
	return m.nudge(r)
}

// omits tells whether a sentence that must be said is left out this time.
func (m *model) omits() bool {
	if m.faults.OmitDisclosure == 0 {
		return false
	}
	m.faults.OmitDisclosure--
	return true
}

// nudge is what the model says when nothing new was heard.
func (m *model) nudge(r request) []part {
	switch {
	case m.farewell != "":
		line := m.farewell
		m.farewell = ""
		return say(line)
	case m.stage == stageEnded:
		return say(speech.LineGoodbyeOnly)
	case m.stage == stageWait:
		return say(speech.LineMoment)
	case r.auto:
		return say(m.last)
	}
	return say(speech.LineStillThere + " " + m.last)
}

// onTurn acts on what the callee meant.
func (m *model) onTurn(r request, t speech.Turn) []part {
	switch {
	case m.stage == stageEnded && m.farewell == "" && t.Means != speech.Refuses:
		return m.end(r, m.reason, speech.LineGoodbyeOnly) // the farewell was talked into: the call goes on, and ends again
	case m.stage == stageEnded && m.farewell != "", m.stage == stageWait:
		return m.nudge(r)
	case t.Means == speech.Refuses:
		return m.end(r, "refused", speech.LineUnderstood)
	case t.Means == speech.Leaves:
		return m.end(r, "unclear", speech.LineThanks)
	case t.Means == speech.Asks:
		return say(speech.LineOfCourse + " " + m.last)
	case t.Means == speech.Counters:
		m.checking = slot{Start: t.Start.Format(time.RFC3339)}
		m.stage = stageWait
		return append(say(speech.LineCheckTime), m.call(r, toolCheck, map[string]any{"start": m.checking.Start})...)
	case m.stage == stageAsk:
		return m.find(r)
	case t.Means == speech.Declines:
		return m.offer(r, "")
	case t.Means == speech.Answers:
		return say(m.last)
	case m.stage == stageOffer && !m.script.Scenario.Person:
		return m.readBack(r)
	}
	return m.book(r)
}

func (m *model) find(r request) []part {
	m.stage = stageWait
	calls := m.call(r, toolFind, map[string]any{})
	if m.faults.BadArguments && len(calls) > 0 {
		calls[0].args, m.faults.BadArguments, m.retry = `{"from":`, false, true
	}
	if m.faults.TwoCalls {
		calls = append(calls, m.call(r, toolFind, map[string]any{})...)
	}
	if m.script.Preamble {
		return append(say(speech.LineChecking), calls...)
	}
	return calls
}

// onOutputs acts on the last output; earlier ones of the same batch said the same.
func (m *model) onOutputs(r request, outputs []toolOutput) []part {
	last := outputs[len(outputs)-1]
	var a answer
	if err := json.Unmarshal([]byte(last.output), &a); err != nil {
		m.violate("conversation.item.create", "model", "the output of "+last.name+" is not a JSON object: "+err.Error())
		a.Error = err.Error()
	}
	if a.Timezone != "" {
		m.zone = a.Timezone
	}
	switch last.name {
	case toolFind:
		return m.onFound(r, a)
	case toolCheck:
		return m.onChecked(r, a)
	case toolBook:
		return m.onBooked(r, a)
	}
	m.stage = stageEnded
	return m.nudge(r)
}

func (m *model) onFound(r request, a answer) []part {
	switch {
	case a.Error != nil && m.retry:
		m.retry = false
		return m.find(r)
	case a.Error != nil:
		return m.end(r, "callback", speech.LineBridgeDown)
	}
	m.slots = a.Slots
	return m.offer(r, "")
}

func (m *model) onChecked(r request, a answer) []part {
	if a.Free != nil && *a.Free {
		m.agreed = m.checking
		return m.readBack(r)
	}
	return m.offer(r, speech.LineNotFree)
}

func (m *model) onBooked(r request, a answer) []part {
	switch {
	case m.faults.RepeatCall:
		m.faults.RepeatCall, m.booked = false, a.Booked
		return m.book(r)
	case a.Booked || m.booked:
		m.booked = true
		return m.end(r, "booked", speech.LineBooked)
	}
	return m.offer(r, speech.LineNotBooked)
}

// offer offers the next slot that was found, after an apology if there is something to be sorry for.
func (m *model) offer(r request, sorry string) []part {
	if len(m.slots) == 0 {
		return m.end(r, "callback", speech.LineNoSlots)
	}
	m.agreed, m.slots = m.slots[0], m.slots[1:]
	m.stage, m.last = stageOffer, speech.Offer(m.agreed.words("", false))
	return say(strings.TrimSpace(sorry + " " + m.last))
}

func (m *model) readBack(r request) []part {
	zone := m.zoneOf(r, m.agreed)
	words := m.agreed.words(zone, true)
	if !strings.HasSuffix(words, " time") {
		words += " " + speech.ZoneWords(zone)
	}
	m.stage, m.last = stageConfirm, speech.ReadBack(words)
	return say(m.last)
}

func (m *model) book(r request) []part {
	if m.faults.ClaimBooked {
		return m.end(r, "booked", speech.LineBooked)
	}
	start := m.agreed.Start
	if t, err := time.Parse(time.RFC3339, start); err == nil && m.faults.BookOther {
		start, m.faults.BookOther = t.Add(time.Hour).Format(time.RFC3339), false
	}
	m.stage = stageWait
	return m.call(r, toolBook, map[string]any{"start": start, "title": "Appointment"})
}

// end says line and calls end_call, in one response or in two.
func (m *model) end(r request, reason, line string) []part {
	m.stage, m.reason = stageEnded, reason
	if m.faults.NoEndCall {
		return say(line)
	}
	call := m.call(r, toolEnd, map[string]any{"reason": reason, "summary": "The call ended as " + reason + "."})
	if m.script.FarewellWithCall {
		return append(say(line), call...)
	}
	m.farewell = line
	return call
}

// call plans a call of a tool that the session offers; one that it doesn't is a violation.
func (m *model) call(r request, name string, values map[string]any) []part {
	for _, t := range r.tools {
		if t.Name != name {
			continue
		}
		args, wrong := t.arguments(values)
		if wrong != "" {
			m.violate("session.update", "model", wrong)
			args = "{}"
		}
		return []part{{call: name, args: args}}
	}
	m.violate("session.update", "model", "the model needs the tool "+name+", which the session does not offer")
	return say(speech.LineMoment)
}

// zoneOf is the zone to name for s: what the tools said, or the first zone in the instructions that has
// s's offset at that moment.
func (m *model) zoneOf(r request, s slot) string {
	start, err := time.Parse(time.RFC3339, s.Start)
	for _, name := range append([]string{m.zone}, ianaName.FindAllString(r.session, -1)...) {
		zone, zoneErr := time.LoadLocation(name)
		if name == "" || err != nil || zoneErr != nil {
			continue
		}
		_, want := start.Zone()
		if _, have := start.In(zone).Zone(); have == want {
			return name
		}
	}
	return ""
}

var ianaName = regexp.MustCompile(`\b[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+`)

func say(words string) []part { return []part{{say: words}} }
