package media

import "slices"

// Bounds of a transcript: a call of ten minutes has some 200 turns. Past them the oldest
// go, but for the first, which hold the disclosure and how the call began.
const (
	maxTurns     = 500
	maxTurnText  = 2000
	firstTurns   = 20
	maxBookBytes = 256 << 10
)

// transcript is who said what, in the order in which it began, and between it what the
// model was told and what it had done. Texts come at any time after, and are joined by item.
type transcript struct {
	list  []*entry
	items map[string]*entry
	bytes int // of text
}

// entry is one thing of a conversation: a turn, a function call, or a note to the model.
type entry struct {
	turn Turn // of the speaker "" where it is none
	id   string
	// lengthMS is how long the turn's audio is, 0 where not all of it was made.
	lengthMS int
	// brokeOff: the model's connection was lost in its middle; what was made was heard.
	brokeOff bool
	call     *ToolCall
	output   string
	answered bool
	note     string
	// untold: a new connection is not told of it.
	untold bool
}

func (e *entry) bytes() int {
	n := len(e.turn.Text) + len(e.note) + len(e.output)
	if e.call != nil {
		n += len(e.call.Name) + len(e.call.Arguments)
	}
	return n
}

// add appends an entry and lets go of what is too much.
func (t *transcript) add(e *entry) {
	if t.items == nil {
		t.items = map[string]*entry{}
	}
	if e.id != "" {
		t.items[e.id] = e
	}
	t.list = append(t.list, e)
	t.grow(e.bytes())
}

func (t *transcript) grow(bytes int) {
	t.bytes += bytes
	for len(t.list) > firstTurns+1 && (len(t.list) > maxTurns || t.bytes > maxBookBytes) {
		old := t.list[firstTurns]
		t.bytes -= old.bytes()
		delete(t.items, old.id)
		t.list = append(t.list[:firstTurns], t.list[firstTurns+1:]...)
	}
}

// begin notes that an item began to be said.
func (t *transcript) begin(who Speaker, itemID string, atMS int) {
	if _, known := t.items[itemID]; !known {
		t.add(&entry{id: itemID, turn: Turn{Speaker: who, AtMS: atMS}})
	}
}

// text sets what was said; false if the item is not known.
func (t *transcript) text(itemID, text string) bool {
	e, ok := t.items[itemID]
	if !ok {
		return false
	}
	if runes := []rune(text); len(runes) > maxTurnText {
		text = string(runes[:maxTurnText])
	}
	before := e.bytes()
	e.turn.Text = text
	t.grow(e.bytes() - before)
	return true
}

// interrupted notes that no more than heardMS of an item was heard, of lengthMS (0: unknown).
func (t *transcript) interrupted(itemID string, heardMS, lengthMS int) {
	if e, ok := t.items[itemID]; ok {
		e.turn.Interrupted, e.turn.HeardMS, e.lengthMS = true, heardMS, lengthMS
	}
}

// cutOff notes that the model's connection was lost in the middle of an item: all that
// was made of it, sentMS, is heard, unless the callee speaks into it.
func (t *transcript) cutOff(itemID string, sentMS int) {
	if e, ok := t.items[itemID]; ok {
		e.brokeOff, e.turn.Interrupted, e.turn.HeardMS = true, true, sentMS
	}
}

// withdraw: the model is not told that it said an item.
func (t *transcript) withdraw(itemID string) {
	if e, ok := t.items[itemID]; ok {
		e.untold = true
	}
}

// called and answered note a function call and its output, note what the model was told.
func (t *transcript) called(call ToolCall) { t.add(&entry{id: call.ID, call: &call}) }

func (t *transcript) answered(callID, output string) {
	if e, ok := t.items[callID]; ok && e.call != nil {
		e.output, e.answered = output, true
		t.grow(len(output))
	}
}

func (t *transcript) noted(text string) { t.add(&entry{note: text}) }

// turns returns those whose words are known.
func (t *transcript) turns() (out []Turn) {
	for _, e := range t.list {
		if e.turn.Text != "" {
			out = append(out, e.turn)
		}
	}
	return out
}

// agentSaid takes the text of the agent's speech. Of an item of which nothing was
// sent, nothing was said.
func (c *conversation) agentSaid(ev AgentTranscript) {
	if !c.book.text(ev.ItemID, ev.Text) {
		return
	}
	if r := c.responses[ev.ResponseID]; r != nil && !ev.Partial {
		r.hear(ev.Text)
	}
	c.said(SpeakerAgent, ev.ItemID, ev.Text)
}

// calleeSaid takes the text of the callee's speech.
func (c *conversation) calleeSaid(ev CalleeTranscript) {
	c.awaiting = slices.DeleteFunc(c.awaiting, func(id string) bool { return id == ev.ItemID })
	c.out.Usage.transcribed(ev)
	if ev.Failed {
		return
	}
	if len(c.awaiting) == 0 && c.cfg.TranscriptionModel != "" {
		c.recall.release()
	}
	if ev.Text == "" {
		return
	}
	c.book.begin(SpeakerCallee, ev.ItemID, c.sinceStart())
	if c.book.text(ev.ItemID, ev.Text) {
		c.said(SpeakerCallee, ev.ItemID, ev.Text)
	}
}

// awaitingMost is how many transcripts are waited for; of older ones none will come.
const awaitingMost = 32

func (c *conversation) awaitTranscript(itemID string) {
	c.awaiting = append(c.awaiting, itemID)
	if len(c.awaiting) > awaitingMost {
		c.awaiting = c.awaiting[1:]
	}
}

// said tells of words whose place in the conversation is known: they come late, and
// not in the order in which they were said.
func (c *conversation) said(who Speaker, itemID, text string) {
	m := Moment{Kind: MomentTranscript, Speaker: who, Name: itemID, Text: text}
	if e, ok := c.book.items[itemID]; ok { // a long book may have let it go
		m.MS = e.turn.AtMS
	}
	c.observe(m)
}
