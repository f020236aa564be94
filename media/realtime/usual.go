package realtime

import (
	"bytes"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/jsonscan"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// frame is a message and the audio in it.
type frame struct {
	text  bytes.Buffer
	audio []byte
}

// The texts of an audio delta that vary.
const (
	eventID = iota
	response
	item
	sound
	texts
)

// latest is the shape of a delta that was learned last.
var latest jsonscan.Latest

// delta reads an audio delta as the service sends it, by the shape of those before. Whatever
// differs is left to [Decode], which means the same by it and takes ten times as long.
func (a *Agent) delta(f *frame) (ev *media.AgentAudio, ok bool) {
	data := f.text.Bytes()
	var t [texts][]byte
	if a.shape.Match(&latest, data, t[:]) {
		return a.spoken(&t, f)
	}
	t = [texts][]byte{}
	if !members(data, &t) {
		return nil, false
	}
	if ev, ok = a.spoken(&t, f); ok {
		a.shape.Learn(&latest, data, t[:], sound)
	}
	return ev, ok
}

// members finds the texts of a delta of the first output's first part; false if it is none, or
// has others.
func members(data []byte, t *[texts][]byte) bool {
	var typ, output, content []byte
	s := jsonscan.Object(data)
	for {
		key, value, more := s.Next()
		if !more {
			break
		}
		switch string(key) {
		case "type":
			if typ, value = value, typ; string(typ) != `"response.output_audio.delta"` {
				return false
			}
		case "response_id":
			t[response], value = value, t[response]
		case "item_id":
			t[item], value = value, t[item]
		case "delta":
			t[sound], value = value, t[sound]
		case "event_id":
			t[eventID], value = value, t[eventID]
		case "output_index":
			output, value = value, output
		case "content_index":
			content, value = value, content
		}
		if value != nil {
			return false // unknown, or there twice
		}
	}
	if !s.Whole() || string(typ) == "" || string(output) != "0" || string(content) != "0" {
		return false
	}
	for i, value := range t {
		text, isText := jsonscan.Short(value)
		if i == sound { // its taker checks it
			text, isText = jsonscan.String(value)
		}
		if !isText && (value != nil || i != eventID) {
			return false
		}
		t[i] = text
	}
	return true
}

// spoken is the event that its texts make. The ids of a piece of speech are those of the one
// before, nearly always, and are not made anew.
func (a *Agent) spoken(t *[texts][]byte, f *frame) (ev *media.AgentAudio, ok bool) {
	audio := jsonscan.View(t[sound])
	if f.audio, ok = twiliostream.AppendAudio(f.audio[:0], audio); !ok || len(t[response]) == 0 || len(t[item]) == 0 {
		return nil, false
	}
	a.audio = media.AgentAudio{ResponseID: same(&a.response, t[response]), ItemID: same(&a.item, t[item]), Audio: audio, Decoded: f.audio}
	return &a.audio, true
}

// same is a text, and last where it has not changed.
func same(last *string, text []byte) string {
	if string(text) != *last {
		*last = string(text)
	}
	return *last
}
