package twiliostream

import "github.com/clawdbot/call-agent/media/jsonscan"

// decodeUsual reads a media or mark message as phones send them: these members, strings
// all of them, and no other. Whatever differs is left to the decoder, which means the
// same by it and takes ten times as long.
func decodeUsual(data []byte, streamSID string) (ev Event, ok bool) {
	var event, sid, body []byte
	s := jsonscan.Object(data)
	for {
		key, value, more := s.Next()
		if !more {
			break
		}
		switch string(key) {
		case "event":
			event, value = value, event
		case "streamSid":
			sid, value = value, sid
		case "media", "mark":
			body, value = value, body
		case "sequenceNumber":
			continue
		}
		if value != nil {
			return Event{}, false // unknown, or there twice
		}
	}
	if !s.Whole() || streamSID == "" || len(sid) < 2 || string(sid[1:len(sid)-1]) != streamSID {
		return Event{}, false
	}
	switch string(event) {
	case `"media"`:
		return usualMedia(body)
	case `"mark"`:
		return usualMark(body)
	}
	return Event{}, false
}

func usualMedia(body []byte) (ev Event, ok bool) {
	var track, at, payload []byte
	s := jsonscan.Object(body)
	for {
		key, value, more := s.Next()
		if !more {
			break
		}
		switch string(key) {
		case "track":
			track, value = value, track
		case "timestamp":
			at, value = value, at
		case "payload":
			payload, value = value, payload
		case "chunk":
			continue
		}
		if value != nil {
			return Event{}, false
		}
	}
	text, isText := jsonscan.String(payload)
	ts, isTime := jsonscan.String(at)
	if !s.Whole() || string(track) != `"inbound"` || !isText || !isTime || !validBase64(text) {
		return Event{}, false
	}
	return Event{Kind: Media, TimestampMS: timestamp(jsonscan.View(ts)), Payload: jsonscan.View(text)}, true
}

func usualMark(body []byte) (ev Event, ok bool) {
	s := jsonscan.Object(body)
	key, value, _ := s.Next()
	name, isText := jsonscan.String(value)
	if _, _, more := s.Next(); more || !s.Whole() || string(key) != "name" || !isText || len(name) == 0 {
		return Event{}, false
	}
	return Event{Kind: Mark, Mark: string(name)}, true
}
