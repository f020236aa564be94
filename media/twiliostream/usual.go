package twiliostream

import (
	"bytes"

	"github.com/clawdbot/call-agent/media/jsonscan"
)

// frame is a message and the audio in it.
type frame struct {
	text  bytes.Buffer
	audio []byte
}

// decoder reads the messages of one stream into event. Media and marks as phones send them
// (these members, strings all of them, and no other) it reads by itself, media by the shape of
// those before. Whatever differs is left to [Decode], which means the same by it and takes
// ten times as long.
type decoder struct {
	event Event
	shape jsonscan.Known // of media
}

// latest is the shape of media that was learned last.
var latest jsonscan.Latest

// The texts of a media message that vary.
const (
	sid = iota
	payload
	at
	chunk
	sequence
	texts
)

// decode reads a message. What it finds is good as long as the frame.
func (d *decoder) decode(f *frame, streamSID string) (err error) {
	data := f.text.Bytes()
	if streamSID != "" && (d.known(data, streamSID, f) || d.usual(data, streamSID, f)) {
		return nil
	}
	d.event, err = Decode(data, streamSID)
	return err
}

// known reads media of the shape that is known.
func (d *decoder) known(data []byte, streamSID string, f *frame) bool {
	var t [texts][]byte
	return d.shape.Match(&latest, data, t[:]) && string(t[sid]) == streamSID && d.media(&t, f)
}

// media makes the event of its texts; false if there is no audio in it.
func (d *decoder) media(t *[texts][]byte, f *frame) bool {
	audio, ok := AppendAudio(f.audio[:0], jsonscan.View(t[payload]))
	if !ok {
		return false
	}
	f.audio = audio
	d.event = Event{Kind: Media, TimestampMS: timestamp(jsonscan.View(t[at])), Payload: jsonscan.View(t[payload]), Decoded: audio}
	return true
}

func (d *decoder) usual(data []byte, streamSID string, f *frame) bool {
	var (
		t                  [texts][]byte
		event, media, mark []byte
	)
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
			t[sid], value = value, t[sid]
		case "media":
			media, value = value, media
		case "mark":
			mark, value = value, mark
		case "sequenceNumber":
			if text, _ := jsonscan.String(value); len(text) > 64 {
				return false // nobody would check it
			}
			t[sequence], value = value, t[sequence]
		}
		if value != nil {
			return false // unknown, or there twice
		}
	}
	if !s.Whole() || !within(&t[sid]) || string(t[sid]) != streamSID {
		return false
	}
	switch string(event) {
	case `"media"`:
		if mark != nil || !members(media, &t) || !d.media(&t, f) {
			return false
		}
		if within(&t[sequence]) && within(&t[chunk]) {
			d.shape.Learn(&latest, data, t[:], payload)
		}
		return true
	case `"mark"`:
		return media == nil && d.mark(mark)
	}
	return false
}

// members finds the texts within media.
func members(body []byte, t *[texts][]byte) bool {
	var track []byte
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
			t[at], value = value, t[at]
		case "payload":
			t[payload], value = value, t[payload]
		case "chunk":
			t[chunk], value = value, t[chunk]
		}
		if value != nil {
			return false
		}
	}
	text, isText := jsonscan.String(t[payload]) // its taker checks it
	t[payload] = text
	return s.Whole() && string(track) == `"inbound"` && isText && t[at] != nil && within(&t[at])
}

// within makes a value the text in it; false if it is no short string. What is not there stays so.
func within(value *[]byte) (ok bool) {
	if *value == nil {
		return true
	}
	*value, ok = jsonscan.Short(*value)
	return ok
}

func (d *decoder) mark(body []byte) bool {
	s := jsonscan.Object(body)
	key, value, _ := s.Next()
	name, isText := jsonscan.String(value)
	if _, _, more := s.Next(); more || !s.Whole() || string(key) != "name" || !isText || len(name) == 0 {
		return false
	}
	d.event = Event{Kind: Mark, Mark: string(name)}
	return true
}
