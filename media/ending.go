package media

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// endCallTool is the model's way to end the call.
const endCallTool = "end_call"

// EndCallTool declares end_call to the model. Every Session adds it by itself.
func EndCallTool() ToolDef {
	return ToolDef{
		Name: endCallTool,
		Description: "End the phone call. Call it once, when the conversation is over: everything is settled, the callee refuses, " +
			"it is the wrong number, or a machine answers. Do not say goodbye before: you are asked to after it. " +
			"Do not call it while a question of the callee is open.",
		Parameters: json.RawMessage(`{"type":"object","properties":{` +
			`"reason":{"type":"string","enum":["booked","refused","voicemail","wrong_number","callback","unclear"],` +
			`"description":"booked: an appointment was agreed and booked. refused: the callee wants none. voicemail: a machine answered. callback: another time is asked for. unclear: anything else."},` +
			`"summary":{"type":"string","description":"What was agreed or said, in one sentence."},` +
			`"next_steps":{"type":"array","items":{"type":"string"},"maxItems":5,"description":"What remains to be done, one short sentence each."}},` +
			`"required":["reason"],"additionalProperties":false}`),
	}
}

// apologyClip is what the callee hears when the model is gone: headerless mu-law,
// 8 kHz. The script apology.sh beside it records it.
//
//go:embed apology.ulaw
var apologyClip []byte

// ending is a call on its way to its end.
type ending struct {
	reason EndReason
	// forced: neither the callee nor the model can stop it.
	forced bool
	note   string
	// response is the one that holds the end_call.
	response string
	// spoken: there are last words; marked: the end mark was sent after them.
	spoken, marked bool
}

func (c *conversation) forced() bool { return c.ending != nil && c.ending.forced }

// lastWords says whether the end mark is out: nothing may be said after it.
func (c *conversation) lastWords() bool { return c.ending != nil && c.ending.marked }

// concluded is the reason of a session that ends by itself: what the conversation had
// come to, if it had, else why.
func (c *conversation) concluded(why EndReason) EndReason {
	if c.ending != nil {
		return c.ending.reason
	}
	return why
}

// endCall is the model's request to end the call.
func (c *conversation) endCall(ev AgentCall, r *response) {
	var args struct {
		Reason    EndReason       `json:"reason"`
		Summary   json.RawMessage `json:"summary"`
		NextSteps json.RawMessage `json:"next_steps"`
	}
	_ = json.Unmarshal([]byte(ev.Arguments), &args) // an object, as checked; a reason of a wrong type is an unknown one
	if !slices.Contains(claims(), args.Reason) {
		c.answer(ev.CallID, ev.Name, 0, toolError("The reason must be one of booked, refused, voicemail, wrong_number, callback, unclear. Call end_call again."))
		return
	}
	if len(c.running) > 0 {
		c.answer(ev.CallID, ev.Name, 0, toolError("Another tool is still at work. Wait for its result, tell the callee, then call end_call again."))
		return
	}
	c.out.ModelReason = args.Reason
	c.out.Report = readReport(args.Summary, args.NextSteps)
	if args.Reason == EndVoicemail {
		c.answer(ev.CallID, ev.Name, 0, `{"ok":true}`)
		c.finish(EndVoicemail)
		return
	}
	if c.ending == nil {
		c.ending = &ending{reason: args.Reason, response: r.id}
		c.alarms.set(alarmFarewell, c.now.Add(c.cfg.FarewellWithin))
	}
	c.answer(ev.CallID, ev.Name, 0, `{"ok":true,"next":"Say goodbye in one short sentence. The call ends after it."}`)
}

// notYet takes an ending back.
func (c *conversation) notYet() {
	if c.ending.marked {
		c.play.gen++ // its end mark must not end a later farewell
	}
	c.ending = nil
	c.alarms.clear(alarmHangUp)
	c.alarms.clear(alarmFarewell)
	if p := c.gate.pending; p != nil && p.kind == respondFarewell {
		c.gate.pending = nil
	}
}

// hangUpAsked: somebody outside wants the call to end.
func (c *conversation) hangUpAsked(ev hangUpAsked) {
	if ev.atOnce || !c.started || !ev.reason.spoken() {
		c.finish(ev.reason)
		return
	}
	if c.mustEnd == "" {
		c.mustEnd = ev.reason
	}
}

// beginEnding asks for a farewell that the model did not think of itself.
func (c *conversation) beginEnding(e *ending) {
	if c.over || c.ending != nil {
		return
	}
	if !c.started || !c.greeting.asked || !c.ready || c.gone {
		c.finish(e.reason) // nothing was said that a farewell could follow
		return
	}
	c.ending = e
	if e.forced {
		c.listenAs(c.listening())
	}
	c.alarms.set(alarmFarewell, c.now.Add(c.cfg.FarewellWithin))
	c.gate.want(request{kind: respondFarewell, note: e.note, force: e.forced})
}

// farewell follows the response that called end_call. Where it said something and
// called nothing else, that was the farewell (research section 12).
func (c *conversation) farewell(r *response) {
	c.observe(Moment{Kind: MomentFarewellStarted, Name: string(c.ending.reason)})
	if r.spoke && r.calls == 1 && r.status == ResponseCompleted {
		c.ending.spoken = true
		c.playOut()
		return
	}
	c.gate.want(request{kind: respondFarewell})
}

// farewellEnded: the farewell was generated; now it has to be heard.
func (c *conversation) farewellEnded(r *response) {
	if c.ending == nil || r.dead {
		return
	}
	c.ending.spoken = c.ending.spoken || r.spoke
	c.playOut()
}

// playOut puts the end mark behind the last sample and waits for it: a response that
// is done is only generated, and seconds of it may still have to be played.
func (c *conversation) playOut() {
	if c.ending == nil || c.ending.marked || c.over {
		return
	}
	for _, it := range c.play.items {
		c.finishItem(it)
	}
	c.ending.marked = true
	c.muted = c.ending.forced
	c.alarms.clear(alarmFarewell)
	c.alarms.set(alarmHangUp, c.now.Add(c.play.unplayed()+c.cfg.MarkGrace))
	c.fx.sendPhone(phoneCommand{mark: c.play.endMark()})
}

// endMarkEchoed: the last sample was played.
func (c *conversation) endMarkEchoed() {
	if c.ending.spoken {
		c.out.FarewellPlayed = true
		c.observe(Moment{Kind: MomentFarewellPlayed})
	}
	c.finish(c.ending.reason)
}

// endMarkLost: the end mark should have come back by now. The marks of the farewell's
// own messages may still tell that it was played.
func (c *conversation) endMarkLost() {
	c.cfg.Log.Warn("the end mark did not come back", "unplayed_ms", c.play.unplayed().Milliseconds())
	if c.ending != nil && c.ending.spoken && c.play.empty() {
		c.out.FarewellPlayed = true
	}
	c.finish(c.concluded(EndPhoneLost))
}

// apologise plays the stored apology and hangs up. A farewell that is complete and
// only being played needs none.
func (c *conversation) apologise(reason EndReason) {
	if c.over || c.lastWords() {
		return
	}
	c.muted = true
	if !c.started {
		c.apologyDue = reason
		return
	}
	hadAudio := !c.play.empty()
	if active := c.responses[c.gate.active]; active != nil {
		c.kill(active)
	}
	for _, cut := range c.interrupt() {
		c.book.interrupted(cut.item.id, cut.atMS, cut.item.lengthMS())
	}
	if hadAudio {
		c.clearPhone(time.Time{})
	}
	stall := c.alarms.at[alarmPhoneStall]
	c.alarms = deadlines{}
	c.alarms.set(alarmPhoneStall, stall)
	c.observe(Moment{Kind: MomentApology, Name: string(reason)})
	c.ending = &ending{reason: reason, forced: true, spoken: true}
	c.playStored("apology", apologyClip)
	c.playOut()
}

// Bounds of a report (contract section 1).
const (
	maxReportText  = 500
	maxReportSteps = 5
)

var address = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.)\S*`)

// readReport takes the model's account, which may be of any shape.
func readReport(summary, steps json.RawMessage) (r Report) {
	var text string
	if json.Unmarshal(summary, &text) == nil {
		r.Summary = oneLine(text)
	}
	var list []any
	_ = json.Unmarshal(steps, &list) // no list, no steps
	for _, step := range list {
		s, ok := step.(string)
		if s = oneLine(s); ok && s != "" && len(r.NextSteps) < maxReportSteps {
			r.NextSteps = append(r.NextSteps, s)
		}
	}
	return r
}

// oneLine makes a text one line without addresses, of at most maxReportText characters.
func oneLine(s string) string {
	s = address.ReplaceAllString(s, "")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 || r == 0x85 }), " ")
	if runes := []rune(s); len(runes) > maxReportText {
		s = string(runes[:maxReportText])
	}
	return s
}
