package twiliotest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Messages that Twilio sends, with the fields in the documented order.
type (
	connectedMessage struct {
		Event    string `json:"event"`
		Protocol string `json:"protocol"`
		Version  string `json:"version"`
	}
	startMessage struct {
		Event          string    `json:"event"`
		SequenceNumber string    `json:"sequenceNumber"`
		Start          startBody `json:"start"`
		StreamSID      string    `json:"streamSid"`
	}
	startBody struct {
		StreamSID        string            `json:"streamSid"`
		AccountSID       string            `json:"accountSid"`
		CallSID          string            `json:"callSid"`
		Tracks           []string          `json:"tracks"`
		CustomParameters map[string]string `json:"customParameters"`
		MediaFormat      mediaFormat       `json:"mediaFormat"`
	}
	mediaFormat struct {
		Encoding   string `json:"encoding"`
		SampleRate int    `json:"sampleRate"`
		Channels   int    `json:"channels"`
	}
	mediaMessage struct {
		Event          string    `json:"event"`
		SequenceNumber string    `json:"sequenceNumber"`
		Media          mediaBody `json:"media"`
		StreamSID      string    `json:"streamSid"`
	}
	mediaBody struct {
		Track     string `json:"track"`
		Chunk     string `json:"chunk"`
		Timestamp string `json:"timestamp"`
		Payload   []byte `json:"payload"` // encoding/json writes padded base64
	}
	dtmfMessage struct {
		Event          string   `json:"event"`
		StreamSID      string   `json:"streamSid"`
		SequenceNumber string   `json:"sequenceNumber"`
		DTMF           dtmfBody `json:"dtmf"`
	}
	dtmfBody struct {
		Track string `json:"track"`
		Digit string `json:"digit"`
	}
	markMessage struct {
		Event          string   `json:"event"`
		SequenceNumber string   `json:"sequenceNumber"`
		StreamSID      string   `json:"streamSid"`
		Mark           markBody `json:"mark"`
	}
	markBody struct {
		Name string `json:"name"`
	}
	stopMessage struct {
		Event          string   `json:"event"`
		SequenceNumber string   `json:"sequenceNumber"`
		StreamSID      string   `json:"streamSid"`
		Stop           stopBody `json:"stop"`
	}
	stopBody struct {
		AccountSID string `json:"accountSid"`
		CallSID    string `json:"callSid"`
	}
)

// serverMessage is a valid message of our side.
type serverMessage struct {
	event     string
	streamSID string
	payload   []byte
	mark      string
}

// decodeServer reads a message of our side: exactly the documented keys, no others, spelt
// exactly so (encoding/json would take any case). What it refuses Twilio answers with 31951.
func decodeServer(text []byte) (m serverMessage, err error) {
	fields, err := object(text)
	if err != nil {
		return m, err
	}
	if m.event, err = stringOf(fields, "event"); err != nil {
		return m, err
	}
	keys := map[string][]string{
		"media": {"event", "streamSid", "media"}, "mark": {"event", "streamSid", "mark"}, "clear": {"event", "streamSid"},
	}[m.event]
	if keys == nil {
		return m, fmt.Errorf("unknown event %q", m.event)
	}
	if err := exactly(fields, keys...); err != nil {
		return m, fmt.Errorf("%s: %w", m.event, err)
	}
	if m.streamSID, err = stringOf(fields, "streamSid"); err != nil {
		return m, err
	}
	if !sidPattern("MZ").MatchString(m.streamSID) {
		return m, fmt.Errorf("streamSid %q is not one", m.streamSID)
	}
	switch m.event {
	case "media":
		m.payload, err = payloadOf(fields["media"])
	case "mark":
		m.mark, err = inner(fields["mark"], "mark", "name")
	}
	return m, err
}

func object(text []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value in a frame")
	}
	if fields == nil {
		return nil, errors.New("null is not a message")
	}
	return fields, nil
}

func exactly(fields map[string]json.RawMessage, keys ...string) error {
	for _, key := range keys {
		if _, ok := fields[key]; !ok {
			return fmt.Errorf("%q is missing", key)
		}
	}
	if len(fields) > len(keys) {
		return fmt.Errorf("has %d keys, only %s are allowed", len(fields), strings.Join(keys, ", "))
	}
	return nil
}

func stringOf(fields map[string]json.RawMessage, key string) (string, error) {
	var value *string
	if err := json.Unmarshal(fields[key], &value); err != nil || value == nil {
		return "", fmt.Errorf("%q is not a string", key)
	}
	return *value, nil
}

// inner reads an object whose only key holds a string that is not empty.
func inner(raw json.RawMessage, name, key string) (string, error) {
	fields, err := object(raw)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if err := exactly(fields, key); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	value, err := stringOf(fields, key)
	if err == nil && value == "" {
		err = fmt.Errorf("%s.%s is empty", name, key)
	}
	return value, err
}

func payloadOf(raw json.RawMessage) ([]byte, error) {
	text, err := inner(raw, "media", "payload")
	if err != nil {
		return nil, err
	}
	// The decoder of the standard library skips line breaks, Twilio's is not known to.
	audio, err := base64.StdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("media.payload is not padded base64")
	}
	return audio, nil
}
