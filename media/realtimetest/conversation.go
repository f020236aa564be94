package realtimetest

import (
	"slices"
	"time"
)

// talkItem is one item of the conversation, with what the service knows about it and does not send.
type talkItem struct {
	id         string
	kind       string // message, function_call, function_call_output
	role       string
	status     string
	words      string // transcript, text or output
	heard      bool   // a user item made of audio
	untold     bool   // its words are never sent
	name, args string // of a function call
	callID     string
	generated  time.Duration // assistant audio emitted
	closed     bool          // its done events were sent
	told       bool          // of a conversation that the client held before
}

// conversation is the ordered list of items.
type conversation struct {
	id    string
	items []*talkItem
}

func newConversation(id string) conversation { return conversation{id: id} }

func (t *conversation) find(id string) *talkItem {
	for _, it := range t.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

func (t *conversation) callOf(callID string) *talkItem {
	for _, it := range t.items {
		if it.kind == "function_call" && it.callID == callID {
			return it
		}
	}
	return nil
}

func (t *conversation) answered(callID string) bool {
	return slices.ContainsFunc(t.items, func(it *talkItem) bool {
		return it.kind == "function_call_output" && it.callID == callID
	})
}

// add puts it after the item of that id ("" is the end, "root" the beginning) and reports whether there is one.
func (t *conversation) add(it *talkItem, after string) bool {
	switch after {
	case "":
		t.items = append(t.items, it)
	case "root":
		t.items = slices.Insert(t.items, 0, it)
	default:
		i := slices.IndexFunc(t.items, func(o *talkItem) bool { return o.id == after })
		if i < 0 {
			return false
		}
		t.items = slices.Insert(t.items, i+1, it)
	}
	return true
}

// previous returns the id before it, or nil for the first.
func (t *conversation) previous(it *talkItem) any {
	if i := slices.Index(t.items, it); i > 0 {
		return t.items[i-1].id
	}
	return nil
}

func (t *conversation) remove(it *talkItem) {
	t.items = slices.DeleteFunc(t.items, func(o *talkItem) bool { return o == it })
}

// event is the item as events show it: audio is never in them, a user's transcript not yet.
func (it *talkItem) event() event {
	e := event{"id": it.id, "type": it.kind, "status": it.status}
	switch it.kind {
	case "function_call":
		e["name"], e["call_id"], e["arguments"] = it.name, it.callID, it.args
	case "function_call_output":
		e["call_id"], e["output"] = it.callID, it.words
	default:
		e["role"], e["content"] = it.role, it.content()
	}
	return e
}

func (it *talkItem) content() []event {
	switch {
	case it.role == "user" && it.heard:
		return []event{{"type": "input_audio", "transcript": nil}}
	case it.role == "assistant" && it.heard:
		if it.status == "in_progress" {
			return []event{}
		}
		if it.untold {
			return []event{{"type": "output_audio"}}
		}
		return []event{{"type": "output_audio", "transcript": it.words}}
	case it.role == "assistant":
		return []event{{"type": "output_text", "text": it.words}}
	}
	return []event{{"type": "input_text", "text": it.words}}
}
