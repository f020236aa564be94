package realtimetest

import (
	"encoding/json"
	"time"

	"github.com/clawdbot/call-agent/media/speech"
)

// createParams is what a response.create may set for its one response.
type createParams struct {
	Instructions     string            `json:"instructions"`
	OutputModalities []string          `json:"output_modalities"`
	ToolChoice       json.RawMessage   `json:"tool_choice"`
	Tools            []json.RawMessage `json:"tools"`
	Conversation     string            `json:"conversation"`
	Metadata         json.RawMessage   `json:"metadata"`
	MaxOutputTokens  json.RawMessage   `json:"max_output_tokens"`
	Audio            struct {
		Output struct {
			Format *audioFormat `json:"format"`
		} `json:"output"`
	} `json:"audio"`
}

// response is one turn of the model, from response.created to response.done.
type response struct {
	id       string
	auto     bool // made by the VAD
	began    time.Time
	format   audioFormat
	metadata json.RawMessage
	maximum  json.RawMessage
	items    []*talkItem
	open     *talkItem // begun and not yet done
	rest     [][]byte  // audio of open that was not emitted yet
	calls    int       // planned and not yet emitted
	saved    model     // the model before it planned this
	spoke    time.Duration
}

const conflict = "Conversation already has an active response in progress: %s. Wait until the response is finished before creating a new one."

func (c *conn) createResponse(e clientEvent) *fault {
	switch {
	case !c.configured:
		return refuse("order", "", "response.create before session.update was answered: the default voice and format would speak.")
	case e.Response.Conversation == "none":
		return refuse("order", "response.conversation", "Responses outside the conversation are not simulated.")
	case len(e.Response.OutputModalities) > 0 && e.Response.OutputModalities[0] != "audio":
		return refuse("order", "response.output_modalities", "Text output is not simulated.")
	case c.active != nil:
		f := refuse("conversation_already_has_active_response", "", conflict, c.active.id)
		if c.active.auto && time.Since(c.active.began) < raceWindow {
			f.Type = raced
		}
		return f
	}
	c.start(e.Response, false)
	return nil
}

func (c *conn) cancelResponse(e clientEvent) *fault {
	if c.active == nil || (e.ResponseID != "" && e.ResponseID != c.active.id) {
		f := refuse("response_cancel_not_active", "", "Cancellation failed: no active response found")
		if time.Since(c.ended) < raceWindow {
			f.Type = raced
		}
		return f
	}
	c.interrupt("client_cancelled")
	return nil
}

// start creates a response and plans all of it; its steps then come due one after the other.
func (c *conn) start(params createParams, auto bool) {
	c.catchUp()
	c.responses++
	c.idleEpoch++
	r := &response{
		id: c.id("resp"), auto: auto, began: time.Now(), format: c.session.Audio.Output.Format,
		metadata: params.Metadata, maximum: c.session.MaxOutputTokens, saved: *c.model,
	}
	if f := params.Audio.Output.Format; f != nil {
		r.format = *f
	}
	if params.MaxOutputTokens != nil {
		r.maximum = params.MaxOutputTokens
	}
	c.active = r
	c.emit("response.created", event{"response": c.responseEvent(r, "in_progress", nil, nil)})
	if c.script.Seed%2 == 1 {
		c.rateLimits()
	}
	switch c.responses {
	case c.script.Faults.SilentResponse:
		return
	case c.script.Faults.FailResponse:
		c.after(c.script.Latency, r.id, func() { c.finish("failed", c.failure()) })
		return
	}
	c.produce(r, c.model.respond(c.request(params, auto)))
}

func (c *conn) failure() event {
	kind, code := "server_error", any(nil)
	if c.script.Faults.FailCode != "" {
		kind, code = "invalid_request_error", c.script.Faults.FailCode
	}
	return event{"type": "failed", "error": event{"type": kind, "code": code, "message": "The server had an error while processing your request."}}
}

// produce schedules the steps of all parts, audio at Pace times real time.
func (c *conn) produce(r *response, parts []part) {
	at := c.script.Latency
	if c.responses == 1 {
		at += c.script.Faults.AudioDelay
	}
	step := func(wait time.Duration, do func()) {
		at += wait
		c.after(at, r.id, do)
	}
	for _, p := range parts {
		if p.call != "" {
			r.calls++
		}
	}
	for _, p := range parts {
		if p.call != "" {
			c.produceCall(r, p, step)
			continue
		}
		if !c.produceSpeech(r, p.say, step) {
			step(0, func() { c.finish("incomplete", event{"type": "incomplete", "reason": "max_output_tokens"}) })
			return
		}
	}
	step(0, func() { c.finish("completed", nil) })
}

// produceSpeech schedules a message item; false if the response is to be cut within it.
func (c *conn) produceSpeech(r *response, words string, step func(time.Duration, func())) bool {
	clip := c.voice(words)
	pieces := r.format.split(r.format.encode(clip), c.random)
	whole := c.responses != c.script.Faults.IncompleteResponse
	if !whole {
		pieces = pieces[:(len(pieces)+1)/2]
	}
	step(0, func() { c.openMessage(r, pieces) })
	transcript := newTeleprompter(words, len(pieces))
	for i, piece := range pieces {
		step(0, func() {
			if c.responses == c.script.Faults.DieInResponse && i == len(pieces)/2 {
				c.cut()
			}
			c.transcript(r, transcript.next())
			c.audio(r, r.open, piece)
			r.rest = pieces[i+1:]
		})
		step(time.Duration(float64(r.format.duration(len(piece)))/c.script.Pace), func() {})
	}
	step(0, func() {
		if whole {
			c.closeMessage(r, "completed")
		} else {
			c.closeMessage(r, "incomplete")
		}
	})
	return whole
}

// voice is words spoken; a word without a clip is a violation and heard as a tone, unless a person
// chose the words: then it is spelled.
func (c *conn) voice(words string) []byte {
	if c.script.Scenario.Person {
		words = speech.Spell(speech.Agent, words)
	}
	clip, err := speech.Say(speech.Agent, words)
	if err != nil || len(clip) == 0 {
		c.violate("response", "model", "the simulated model can't say what it was told to: "+errorText(err))
		return errorTone()
	}
	return clip
}

func errorText(err error) string {
	if err == nil {
		return "there are no words"
	}
	return err.Error()
}

func (c *conn) produceCall(r *response, p part, step func(time.Duration, func())) {
	it := &talkItem{id: c.id("item"), kind: "function_call", status: "in_progress", name: p.call, callID: c.id("call")}
	step(0, func() { c.openItem(r, it) })
	for rest := p.args; rest != ""; {
		n := min(len(rest), 3+c.random.IntN(7))
		piece := rest[:n]
		rest = rest[n:]
		step(2*time.Millisecond, func() {
			it.args += piece
			c.emit("response.function_call_arguments.delta", event{
				"response_id": r.id, "item_id": it.id,
				"output_index": r.index(it), "call_id": it.callID, "delta": piece, "obfuscation": c.veil(),
			})
		})
	}
	step(0, func() {
		r.calls--
		c.closeItem(r, "completed")
		if c.script.Faults.DieAfterCall == p.call {
			c.cut()
		}
	})
}

// interrupt ends the active response as cancelled. What was on its way still arrives: one or two deltas.
func (c *conn) interrupt(reason string) {
	r := c.active
	c.drop(r.id)
	if r.open != nil && r.open.kind == "message" {
		for i := 0; i < len(r.rest) && i < 2; i++ {
			c.audio(r, r.open, r.rest[i])
		}
		r.rest = r.rest[min(2, len(r.rest)):]
	}
	last, rest := r.open, r.rest
	if r.open != nil {
		c.closeItem(r, "incomplete")
	}
	c.finish("cancelled", event{"type": "cancelled", "reason": reason})
	for i := 0; i < len(rest) && i < c.script.Faults.LateDeltas; i++ {
		c.audio(r, last, rest[i])
	}
}

func (c *conn) drop(owner string) {
	kept := c.queue[:0]
	for _, s := range c.queue {
		if s.owner != owner {
			kept = append(kept, s)
		}
	}
	c.queue = kept
}

// finish sends response.done. Where a planned call was never made the model forgets that it planned it.
func (c *conn) finish(status string, details any) {
	r := c.active
	if status == "failed" || r.calls > 0 {
		c.model.rollback(r.saved)
	}
	c.active, c.ended = nil, time.Now()
	c.emit("response.done", event{"response": c.responseEvent(r, status, details, c.usage(r))})
	if c.responses == c.script.Faults.DieAfterResponse {
		c.cut()
	}
	if c.script.Seed%2 == 0 {
		c.rateLimits()
	}
	c.watchIdle(r.spoke)
}

func (c *conn) responseEvent(r *response, status string, details, usage any) event {
	output := make([]event, 0, len(r.items))
	for _, it := range r.items {
		if status != "in_progress" {
			output = append(output, it.event())
		}
	}
	var meta any
	if r.metadata != nil {
		meta = r.metadata
	}
	return event{
		"object": "realtime.response", "id": r.id, "status": status, "status_details": details, "output": output,
		"conversation_id": c.talk.id, "output_modalities": []string{"audio"}, "max_output_tokens": r.maximum,
		"audio": event{"output": event{"format": r.format, "voice": c.session.Audio.Output.Voice}},
		"usage": usage, "metadata": meta,
	}
}

func (r *response) index(it *talkItem) int {
	for i, o := range r.items {
		if o == it {
			return i
		}
	}
	return 0
}
