package twiliostream

import (
	"encoding/json"
	"errors"
	"strconv"
)

// wireIn is the union of all inbound messages: one typed decode, no JSON tree.
// Fields that are not named here are skipped, since Twilio may add some.
type wireIn struct {
	Event     string     `json:"event"`
	StreamSID string     `json:"streamSid"`
	Start     *wireStart `json:"start"`
	Media     struct {
		Track     string `json:"track"`
		Timestamp string `json:"timestamp"`
		Payload   string `json:"payload"`
	} `json:"media"`
	Mark struct {
		Name string `json:"name"`
	} `json:"mark"`
	DTMF struct {
		Digit string `json:"digit"`
	} `json:"dtmf"`
}

type wireStart struct {
	StreamSID   string            `json:"streamSid"`
	AccountSID  string            `json:"accountSid"`
	CallSID     string            `json:"callSid"`
	Parameters  map[string]string `json:"customParameters"`
	MediaFormat struct {
		Encoding   string `json:"encoding"`
		SampleRate int    `json:"sampleRate"`
		Channels   int    `json:"channels"`
	} `json:"mediaFormat"`
}

// Decode reads one message of the phone. streamSID is the stream's identity once
// it is known, "" before: a message of another stream is refused. Errors are
// *[FrameError], and *[StartError] for a start that names a format we can't speak.
func Decode(data []byte, streamSID string) (Event, error) {
	var w wireIn
	if err := json.Unmarshal(data, &w); err != nil && !tolerable(err, w.Event) {
		return Event{}, &FrameError{Problem: "not the JSON of a Media Streams message", Err: scrub(err)}
	}
	if w.Event != "connected" && streamSID != "" && w.StreamSID != streamSID {
		return Event{}, &FrameError{Problem: "its streamSid is not this stream's"}
	}
	switch w.Event {
	case "":
		return Event{}, &FrameError{Problem: `it has no "event"`}
	case "connected":
		return Event{Kind: Connected}, nil
	case "start":
		return decodeStart(w)
	case "media":
		return decodeMedia(w)
	case "mark":
		if w.Mark.Name == "" {
			return Event{}, &FrameError{Problem: "a mark without a name"}
		}
		return Event{Kind: Mark, Mark: w.Mark.Name}, nil
	case "dtmf":
		return Event{Kind: DTMF, Digit: w.DTMF.Digit}, nil
	case "stop":
		return Event{Kind: Stop}, nil
	}
	return Event{Kind: Other}, nil
}

// tolerable says whether an error of the decoder may be overlooked: a field of
// another type than expected, in an event whose own fields are checked below.
func tolerable(err error, event string) bool {
	var wrongType *json.UnmarshalTypeError
	return errors.As(err, &wrongType) && event != "" && wrongType.Field != "event"
}

// scrub keeps the offset of a syntax error and drops the rest: an error ends up in
// the log, and a message holds what the callee said.
func scrub(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New("syntax error at byte " + strconv.FormatInt(syntax.Offset, 10))
	}
	return errors.New("a field has the wrong type")
}

func decodeStart(w wireIn) (Event, error) {
	if w.Start == nil {
		return Event{}, &StartError{Problem: `the "start" message has no "start" object`}
	}
	s := w.Start
	sid := s.StreamSID
	if sid == "" {
		sid = w.StreamSID
	}
	f := s.MediaFormat
	switch {
	case sid == "":
		return Event{}, &StartError{Problem: `the "start" message has no streamSid`}
	case w.StreamSID != "" && w.StreamSID != sid:
		return Event{}, &StartError{Problem: `the "start" message names two different streamSids`}
	case f.Encoding != "audio/x-mulaw" || f.SampleRate != 8000 || f.Channels != 1:
		return Event{}, &StartError{Problem: "the stream's format must be audio/x-mulaw, 8000 Hz, 1 channel, but is " +
			strconv.Quote(clip(f.Encoding)) + ", " + strconv.Itoa(f.SampleRate) + " Hz, " + strconv.Itoa(f.Channels) + " channel(s)"}
	}
	params := s.Parameters
	if params == nil {
		params = map[string]string{}
	}
	return Event{Kind: Started, Start: Start{StreamSID: sid, AccountSID: s.AccountSID, CallSID: s.CallSID, Parameters: params}}, nil
}

// clip bounds a peer's string before it goes into an error.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most]
	}
	return s
}

// maxTimestamp is a day in milliseconds, longer than any call: beyond it is nonsense.
const maxTimestamp = 24 * 60 * 60 * 1000

func decodeMedia(w wireIn) (Event, error) {
	if w.Media.Track == "outbound" {
		// Our own audio back at us: a bidirectional stream never has it, and the model must not hear itself.
		return Event{Kind: Other}, nil
	}
	audio, ok := AppendAudio(nil, w.Media.Payload)
	if !ok {
		return Event{}, &FrameError{Problem: "media whose payload is not base64"}
	}
	return Event{Kind: Media, TimestampMS: timestamp(w.Media.Timestamp), Payload: w.Media.Payload, Decoded: audio}, nil
}

// timestamp is -1 for what is none.
func timestamp(text string) int {
	ts, err := strconv.Atoi(text)
	if err != nil || ts < 0 || ts > maxTimestamp {
		return -1
	}
	return ts
}
