package media

// Bounds of a transcript: a call of ten minutes has some 200 turns.
const (
	maxTurns    = 500
	maxTurnText = 2000
)

// transcript is who said what, in the order in which it began. Texts come at any
// time after, and are joined by item.
type transcript struct {
	list  []Turn
	items map[string]int
}

// begin notes that an item began to be said.
func (t *transcript) begin(who Speaker, itemID string, atMS int) {
	if _, known := t.items[itemID]; known || len(t.list) >= maxTurns {
		return
	}
	if t.items == nil {
		t.items = map[string]int{}
	}
	t.items[itemID] = len(t.list)
	t.list = append(t.list, Turn{Speaker: who, AtMS: atMS})
}

// text sets what was said; false if the item is not known.
func (t *transcript) text(itemID, text string) bool {
	i, ok := t.items[itemID]
	if !ok {
		return false
	}
	if runes := []rune(text); len(runes) > maxTurnText {
		text = string(runes[:maxTurnText])
	}
	t.list[i].Text = text
	return true
}

// interrupted notes that no more than heardMS of an item was heard.
func (t *transcript) interrupted(itemID string, heardMS int) {
	if i, ok := t.items[itemID]; ok {
		t.list[i].Interrupted, t.list[i].HeardMS = true, heardMS
	}
}

// turns returns those whose words are known.
func (t *transcript) turns() (out []Turn) {
	for _, turn := range t.list {
		if turn.Text != "" {
			out = append(out, turn)
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
	if r := c.responses[ev.ResponseID]; r != nil {
		r.hear(ev.Text)
	}
	c.observe(Moment{Kind: MomentTranscript, Speaker: SpeakerAgent, Text: ev.Text})
}

// calleeSaid takes the text of the callee's speech.
func (c *conversation) calleeSaid(ev CalleeTranscript) {
	delete(c.awaiting, ev.ItemID)
	c.out.Usage.transcribed(ev)
	if ev.Failed || ev.Text == "" {
		return
	}
	c.book.begin(SpeakerCallee, ev.ItemID, c.sinceStart())
	if c.book.text(ev.ItemID, ev.Text) {
		c.observe(Moment{Kind: MomentTranscript, Speaker: SpeakerCallee, Text: ev.Text})
	}
}
