package realtimetest

import (
	"encoding/base64"
	"strings"
	"time"
)

// openItem announces an item of the response, in the order seen on the wire (research section 7).
func (c *conn) openItem(r *response, it *talkItem) {
	r.open = it
	r.items = append(r.items, it)
	c.talk.add(it, "")
	c.emit("response.output_item.added", event{"response_id": r.id, "output_index": r.index(it), "item": it.event()})
	c.emit("conversation.item.added", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
}

func (c *conn) openMessage(r *response, pieces [][]byte) {
	it := &talkItem{id: c.id("item"), kind: "message", role: "assistant", status: "in_progress", heard: true, untold: c.script.Faults.NoTranscript}
	r.rest = pieces
	c.openItem(r, it)
	part := r.at(it)
	part["part"] = event{"type": "audio", "transcript": ""}
	c.emit("response.content_part.added", part)
}

// at is what every event about an item's content carries.
func (r *response) at(it *talkItem) event {
	return event{"response_id": r.id, "item_id": it.id, "output_index": r.index(it), "content_index": 0}
}

func (c *conn) audio(r *response, it *talkItem, piece []byte) {
	c.spoken = true
	if !it.closed {
		length := r.format.duration(len(piece))
		r.spoke += length
		it.generated += length
	}
	e := r.at(it)
	e["delta"], e["obfuscation"] = base64.StdEncoding.EncodeToString(piece), c.veil()
	c.emit("response.output_audio.delta", e)
}

func (c *conn) transcript(r *response, words []string) {
	for _, word := range words {
		r.open.words += word
		if r.open.untold {
			continue
		}
		e := r.at(r.open)
		e["delta"], e["obfuscation"] = word, c.veil()
		c.emit("response.output_audio_transcript.delta", e)
	}
}

// closeItem sends the done events of the open item; they come on interruption as well.
func (c *conn) closeItem(r *response, status string) {
	if r.open.kind == "message" {
		c.closeMessage(r, status)
		return
	}
	it := r.open
	c.emit("response.function_call_arguments.done", event{
		"response_id": r.id, "item_id": it.id, "output_index": r.index(it),
		"call_id": it.callID, "name": it.name, "arguments": it.args,
	})
	c.itemDone(r, status)
}

func (c *conn) closeMessage(r *response, status string) {
	it := r.open
	c.emit("response.output_audio.done", r.at(it))
	part := event{"type": "audio"}
	if !it.untold {
		e := r.at(it)
		e["transcript"] = it.words
		c.emit("response.output_audio_transcript.done", e)
		part["transcript"] = it.words
	}
	e := r.at(it)
	e["part"] = part
	c.emit("response.content_part.done", e)
	c.itemDone(r, status)
}

func (c *conn) itemDone(r *response, status string) {
	it := r.open
	it.status, it.closed = status, true
	r.open, r.rest = nil, nil
	c.emit("conversation.item.done", event{"previous_item_id": c.talk.previous(it), "item": it.event()})
	c.emit("response.output_item.done", event{"response_id": r.id, "output_index": r.index(it), "item": it.event()})
}

// teleprompter hands out a transcript ahead of its audio: all words within the first half of the pieces.
type teleprompter struct {
	words       []string
	piece, half int
	given       int
}

func newTeleprompter(words string, pieces int) *teleprompter {
	return &teleprompter{words: strings.SplitAfter(words, " "), half: (pieces + 1) / 2}
}

func (t *teleprompter) next() []string {
	t.piece++
	upTo := min(len(t.words), (len(t.words)*t.piece+t.half-1)/t.half)
	words := t.words[t.given:upTo]
	t.given = upTo
	return words
}

func (c *conn) rateLimits() {
	c.emit("rate_limits.updated", event{"rate_limits": []event{
		{"name": "tokens", "limit": 40000, "remaining": 40000 - min(30000, 500*c.responses), "reset_seconds": 2.265},
	}})
}

// usage bills the whole conversation again, most of it from the cache (research section 9): the callee's
// audio at a token per 100 ms, ours at a token per 50 ms.
func (c *conn) usage(r *response) event {
	text := len(c.session.Instructions)/4 + 20
	for _, it := range c.talk.items {
		text += len(it.words)/4 + len(it.args)/4
	}
	heard := 0
	if c.hearing != nil {
		heard = int(c.hearing.offset / (100 * time.Millisecond))
	}
	cachedText, cachedAudio := 0, 0
	if c.responses > 1 {
		cachedText, cachedAudio = text/64*64, heard/64*64
	}
	spoken, written := int(r.spoke/(50*time.Millisecond)), 10*len(r.items)
	return event{
		"total_tokens": text + heard + spoken + written, "input_tokens": text + heard, "output_tokens": spoken + written,
		"input_token_details": event{
			"text_tokens": text, "audio_tokens": heard, "image_tokens": 0,
			"cached_tokens":         cachedText + cachedAudio,
			"cached_tokens_details": event{"text_tokens": cachedText, "audio_tokens": cachedAudio, "image_tokens": 0},
		},
		"output_token_details": event{"text_tokens": written, "audio_tokens": spoken},
	}
}
