package realtime

import (
	"encoding/json"
	"fmt"
)

// ClientEvent is something we may send. The types below are all there are.
type ClientEvent interface {
	// header returns the event's type and its id, "" for one to be made up.
	header() (typ, id string)
}

type (
	// SessionUpdate changes the session: only what is present.
	SessionUpdate struct {
		EventID string        `json:"-"`
		Session SessionConfig `json:"session"`
	}
	// ItemCreate adds an item to the conversation.
	ItemCreate struct {
		EventID string  `json:"-"`
		Item    NewItem `json:"item"`
	}
	// ItemTruncate makes the model forget an item's audio from AudioEndMS on.
	ItemTruncate struct {
		EventID      string `json:"-"`
		ItemID       string `json:"item_id"`
		ContentIndex int    `json:"content_index"`
		AudioEndMS   int    `json:"audio_end_ms"`
	}
	// ResponseCreate asks for a response.
	ResponseCreate struct {
		EventID  string         `json:"-"`
		Response ResponseParams `json:"response"`
	}
	// ResponseCancel stops a response; always by its id (research section 10).
	ResponseCancel struct {
		EventID    string `json:"-"`
		ResponseID string `json:"response_id"`
	}
)

func (e SessionUpdate) header() (typ, id string)  { return "session.update", e.EventID }
func (e ItemCreate) header() (typ, id string)     { return "conversation.item.create", e.EventID }
func (e ItemTruncate) header() (typ, id string)   { return "conversation.item.truncate", e.EventID }
func (e ResponseCreate) header() (typ, id string) { return "response.create", e.EventID }
func (e ResponseCancel) header() (typ, id string) { return "response.cancel", e.EventID }

// SessionConfig is the part of a realtime session that we set. Type is always "realtime".
type SessionConfig struct {
	Type             string       `json:"type"`
	OutputModalities []string     `json:"output_modalities,omitempty"`
	Instructions     string       `json:"instructions,omitempty"`
	Audio            *AudioConfig `json:"audio,omitempty"`
	Tools            []Tool       `json:"tools,omitempty"`
	ToolChoice       string       `json:"tool_choice,omitempty"`
}

// AudioConfig is both directions.
type AudioConfig struct {
	Input  *InputAudio  `json:"input,omitempty"`
	Output *OutputAudio `json:"output,omitempty"`
}

// InputAudio is what the model hears.
type InputAudio struct {
	Format        *AudioFormat   `json:"format,omitempty"`
	Transcription *Transcription `json:"transcription,omitempty"`
	TurnDetection *TurnDetection `json:"turn_detection,omitempty"`
}

// OutputAudio is what the model speaks. Voice is fixed once it has spoken, so it is
// only ever sent in the first update (research section 3).
type OutputAudio struct {
	Format *AudioFormat `json:"format,omitempty"`
	Voice  string       `json:"voice,omitempty"`
}

// Transcription of the callee's speech.
type Transcription struct {
	Model    string `json:"model"`
	Language string `json:"language,omitempty"`
}

// TurnDetection is server_vad. All of it is sent always, since the service's defaults
// differ from its documentation (research section 5).
type TurnDetection struct {
	Type              string  `json:"type"`
	Threshold         float64 `json:"threshold"`
	PrefixPaddingMS   int     `json:"prefix_padding_ms"`
	SilenceDurationMS int     `json:"silence_duration_ms"`
	CreateResponse    bool    `json:"create_response"`
	InterruptResponse bool    `json:"interrupt_response"`
}

// Tool declares a function, flat: nested as in the chat API it is refused.
type Tool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// NewItem is a message, a function call or its output.
type NewItem struct {
	Type      string     `json:"type"`
	Role      string     `json:"role,omitempty"`
	Content   []TextPart `json:"content,omitempty"`
	CallID    string     `json:"call_id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Arguments *string    `json:"arguments,omitempty"`
	Output    *string    `json:"output,omitempty"`
}

// TextPart is the words of a message: input_text of the system and the user,
// output_text of the assistant, whose audio can't be given back to it (research section 3).
type TextPart struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// ResponseParams are what a response differs in from the session.
type ResponseParams struct {
	Instructions string            `json:"instructions,omitempty"`
	ToolChoice   string            `json:"tool_choice,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// SystemMessage is an item that tells the model something.
func SystemMessage(text string) NewItem { return message("system", "input_text", text) }

// UserMessage and AssistantMessage are what was said before the session began.
func UserMessage(text string) NewItem { return message("user", "input_text", text) }

// AssistantMessage is what the agent said: see [UserMessage].
func AssistantMessage(text string) NewItem { return message("assistant", "output_text", text) }

func message(role, part, text string) NewItem {
	return NewItem{Type: "message", Role: role, Content: []TextPart{{Type: part, Text: text}}}
}

// FunctionCall is a call that was made before the session began.
func FunctionCall(callID, name, arguments string) NewItem {
	return NewItem{Type: "function_call", CallID: callID, Name: name, Arguments: &arguments}
}

// FunctionOutput is the one output of a function call.
func FunctionOutput(callID, output string) NewItem {
	return NewItem{Type: "function_call_output", CallID: callID, Output: &output}
}

// Encode writes an event, under fallbackID where it has no id of its own: every event
// has one, since errors name it.
func Encode(ev ClientEvent, fallbackID string) ([]byte, error) {
	typ, id := ev.header()
	if id == "" {
		id = fallbackID
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", typ, err)
	}
	head, err := json.Marshal(struct {
		Type    string `json:"type"`
		EventID string `json:"event_id"`
	}{typ, id})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", typ, err)
	}
	// Both are objects with members: joined, they are one.
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}

// AppendAudio appends an input_audio_buffer.append event to dst. Both strings are
// copied as they are: audio is base64, id one of our own.
func AppendAudio[ID string | []byte](dst []byte, id ID, audio string) []byte {
	dst = append(dst, `{"type":"input_audio_buffer.append","event_id":"`...)
	dst = append(dst, id...)
	dst = append(dst, `","audio":"`...)
	dst = append(dst, audio...)
	return append(dst, `"}`...)
}
