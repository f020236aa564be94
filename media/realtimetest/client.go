package realtimetest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// clientEvent is every key of the client's events that a handler reads; the shape was checked before.
type clientEvent struct {
	Type           string          `json:"type"`
	EventID        string          `json:"event_id"`
	Session        json.RawMessage `json:"session"`
	Audio          string          `json:"audio"`
	Item           json.RawMessage `json:"item"`
	PreviousItemID string          `json:"previous_item_id"`
	ItemID         string          `json:"item_id"`
	ContentIndex   int             `json:"content_index"`
	AudioEndMS     int64           `json:"audio_end_ms"`
	ResponseID     string          `json:"response_id"`
	Response       createParams    `json:"response"`
}

var handlers = map[string]func(*conn, clientEvent) *fault{
	"session.update":             (*conn).updateSession,
	"input_audio_buffer.append":  (*conn).appendAudio,
	"input_audio_buffer.commit":  (*conn).commitAudio,
	"input_audio_buffer.clear":   (*conn).clearAudio,
	"output_audio_buffer.clear":  (*conn).clearOutput,
	"conversation.item.create":   (*conn).createItem,
	"conversation.item.retrieve": (*conn).retrieveItem,
	"conversation.item.delete":   (*conn).deleteItem,
	"conversation.item.truncate": (*conn).truncateItem,
	"response.create":            (*conn).createResponse,
	"response.cancel":            (*conn).cancelResponse,
}

// receive judges one frame, then acts on it. A refused event has no effect at all.
func (c *conn) receive(frame []byte) {
	if c.server.config.Record != nil {
		c.server.config.Record(SideClient, frame)
	}
	kind, f := checkShape(frame)
	var e clientEvent
	if f == nil {
		if err := json.Unmarshal(frame, &e); err != nil {
			f = refuse("invalid_value", "", "The event can't be read: %v.", err)
		}
	} else {
		_ = json.Unmarshal(frame, &struct {
			EventID *string `json:"event_id"`
		}{&e.EventID}) // a refused event's id is echoed where it can be read
	}
	if f == nil {
		f = handlers[kind](c, e)
	}
	if f == nil {
		return
	}
	if f.Type == raced {
		f.Type = "invalid_request_error"
		c.server.race(Violation{c.call, kind, f.Code, f.Message})
	} else {
		c.violate(kind, f.Code, f.Message)
	}
	c.fail(f, e.EventID)
}

// raced marks a fault that crossed with an event of ours.
const raced = "raced"

func (c *conn) updateSession(e clientEvent) *fault {
	next, f := c.session.merge(e.Session, c.spoken)
	if f != nil {
		return f
	}
	c.updates++
	if c.updates == 1 && c.script.Faults.RejectUpdate {
		c.fail(refuse("invalid_value", "session", "The scripted answer to the first session.update is no."), e.EventID)
		return nil
	}
	apply := func() {
		c.session, c.configured = next, true
		c.emit("session.updated", event{"session": c.session})
	}
	if d := c.script.Faults.UpdateDelay; d > 0 {
		c.after(d, "", apply)
		return nil
	}
	apply()
	return nil
}

func (c *conn) appendAudio(e clientEvent) *fault {
	audio, err := base64.StdEncoding.DecodeString(e.Audio)
	if err != nil {
		return refuse("invalid_value", "audio", "Invalid 'audio'. Expected base64-encoded audio bytes, but got an invalid value.")
	}
	if len(audio) > 15<<20 {
		return refuse("invalid_value", "audio", "Invalid 'audio': more than 15 MiB in one event.")
	}
	if !c.configured {
		// The service takes it and would answer with its default voice and format (research section 3).
		c.violate(e.Type, "order", "audio was appended before session.updated: wait for it")
	}
	c.hear(audio)
	return nil
}

func (c *conn) commitAudio(clientEvent) *fault {
	if c.uncommitted < 100*time.Millisecond {
		return refuse("input_audio_buffer_commit_empty", "", "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has %d.00ms of audio.", c.uncommitted.Milliseconds())
	}
	c.commit(c.id("item"))
	return nil
}

func (c *conn) clearAudio(clientEvent) *fault {
	c.uncommitted = 0
	c.emit("input_audio_buffer.cleared", event{})
	return nil
}

func (c *conn) clearOutput(clientEvent) *fault {
	return refuse("invalid_value", "type", "output_audio_buffer.clear is for WebRTC and SIP alone.")
}

func (c *conn) createItem(e clientEvent) *fault {
	it, f := c.itemOf(e.Item)
	if f != nil {
		return f
	}
	if !c.talk.add(it, e.PreviousItemID) {
		return refuse("item_not_found", "previous_item_id", "Previous item with id '%s' not found.", e.PreviousItemID)
	}
	c.emit("conversation.item.added", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
	c.emit("conversation.item.done", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
	if !c.told(it) && it.kind == "function_call_output" {
		c.model.output(c.talk.callOf(it.callID).name, it.words)
	}
	return nil
}

// itemOf reads an item of the client and checks what its shape can't.
func (c *conn) itemOf(raw json.RawMessage) (*talkItem, *fault) {
	var in struct {
		ID, Type, Role, Output, Name, Arguments string
		CallID                                  string `json:"call_id"`
		Content                                 []struct {
			Type string
			Text *string
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, refuse("invalid_value", "item", "Invalid 'item': %v.", err)
	}
	if in.ID == "" {
		in.ID = c.id("item")
	} else if c.talk.find(in.ID) != nil {
		return nil, refuse("invalid_value", "item.id", "An item with id '%s' already exists.", in.ID)
	}
	it := &talkItem{
		id: in.ID, kind: in.Type, role: in.Role, status: "completed", words: in.Output,
		name: in.Name, args: in.Arguments, callID: in.CallID, closed: true,
	}
	if in.Type == "function_call_output" {
		switch call := c.talk.callOf(in.CallID); {
		case call == nil:
			return nil, refuse("invalid_tool_call_id", "item.call_id", "Tool call ID '%s' not found in conversation.", in.CallID)
		case call.status != "completed":
			return nil, refuse("order", "item.call_id", "The call '%s' is %s: it must not be answered.", in.CallID, call.status)
		case c.talk.answered(in.CallID):
			return nil, refuse("order", "item.call_id", "The call '%s' was answered before: one output for each call.", in.CallID)
		}
	}
	var words []string
	for _, part := range in.Content {
		if part.Type == "output_audio" {
			return nil, refuse("invalid_value", "item.content", "Assistant audio can't be added to a conversation: use output_text.")
		}
		if part.Text == nil && strings.HasSuffix(part.Type, "_text") {
			return nil, refuse("missing_required_parameter", "item.content.text", "Missing required parameter: 'item.content.text'.")
		}
		if part.Text != nil {
			words = append(words, *part.Text)
		}
	}
	if in.Type == "message" {
		it.words = strings.Join(words, " ")
	}
	return it, nil
}

func (c *conn) retrieveItem(e clientEvent) *fault {
	it := c.talk.find(e.ItemID)
	if it == nil {
		return refuse("item_retrieve_invalid_item_id", "item_id", "Error retrieving item: the item with id '%s' does not exist.", e.ItemID)
	}
	c.emit("conversation.item.retrieved", event{"item": it.event()})
	return nil
}

func (c *conn) deleteItem(e clientEvent) *fault {
	it := c.talk.find(e.ItemID)
	if it == nil {
		return refuse("item_delete_invalid_item_id", "item_id", "Error deleting item: the item with id '%s' does not exist.", e.ItemID)
	}
	c.talk.remove(it)
	c.emit("conversation.item.deleted", event{"item_id": it.id})
	return nil
}

// truncateItem drops the item's transcript, as the service does (research section 10).
func (c *conn) truncateItem(e clientEvent) *fault {
	it := c.talk.find(e.ItemID)
	switch {
	case it == nil:
		return refuse("item_truncate_invalid_item_id", "item_id", "Error truncating item: the item with id '%s' does not exist.", e.ItemID)
	case it.kind != "message" || it.role != "assistant" || !it.heard:
		return refuse("invalid_value", "item_id", "Only model output audio messages can be truncated.")
	case e.ContentIndex != 0:
		return refuse("invalid_value", "content_index", "Invalid 'content_index': %d. The audio is at 0.", e.ContentIndex)
	case e.AudioEndMS > it.generated.Milliseconds():
		return refuse("invalid_value", "audio_end_ms", "Audio content of %dms is already shorter than %dms", it.generated.Milliseconds(), e.AudioEndMS)
	}
	it.generated, it.words = time.Duration(e.AudioEndMS)*time.Millisecond, ""
	c.emit("conversation.item.truncated", event{"item_id": it.id, "content_index": 0, "audio_end_ms": e.AudioEndMS})
	return nil
}
