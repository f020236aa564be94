package realtime

import (
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/jsonscan"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// delta reads an audio delta as the service sends it. Whatever differs is left to
// [Decode], which means the same by it and takes ten times as long. The ids of a piece of
// speech are those of the one before, nearly always, and are not made anew.
func (a *Agent) delta(data []byte) (ev *media.AgentAudio, ok bool) {
	var typ, response, item, audio, output, content []byte
	s := jsonscan.Object(data)
	for {
		key, value, more := s.Next()
		if !more {
			break
		}
		switch string(key) {
		case "type":
			if typ, value = value, typ; string(typ) != `"response.output_audio.delta"` {
				return ev, false
			}
		case "response_id":
			response, value = value, response
		case "item_id":
			item, value = value, item
		case "delta":
			audio, value = value, audio
		case "output_index":
			output, value = value, output
		case "content_index":
			content, value = value, content
		case "event_id":
			continue
		}
		if value != nil {
			return ev, false // unknown, or there twice
		}
	}
	text, isText := jsonscan.String(audio)
	if !s.Whole() || string(output) != "0" || string(content) != "0" || !isText {
		return ev, false
	}
	a.audio = media.AgentAudio{ResponseID: same(&a.response, response), ItemID: same(&a.item, item), Audio: jsonscan.View(text)}
	a.audio.Checked = a.audio.ResponseID != "" && a.audio.ItemID != "" && twiliostream.ValidBase64(a.audio.Audio)
	return &a.audio, a.audio.Checked
}

// same is a value's text, and last where it has not changed; "" if it is no string.
func same(last *string, value []byte) string {
	text, _ := jsonscan.String(value)
	if string(text) != *last {
		*last = string(text)
	}
	return *last
}
