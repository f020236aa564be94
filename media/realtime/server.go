package realtime

import (
	"encoding/json"
	"errors"
	"strconv"
)

// ServerEvent is the union of what the API sends: one typed decode, no JSON tree.
// Which fields are set depends on Type; what is not named here is skipped.
type ServerEvent struct {
	Type    string `json:"type"`
	EventID string `json:"event_id"`

	ResponseID   string  `json:"response_id"`
	ItemID       string  `json:"item_id"`
	CallID       string  `json:"call_id"`
	Name         string  `json:"name"`
	Arguments    string  `json:"arguments"`
	OutputIndex  int     `json:"output_index"`
	ContentIndex int     `json:"content_index"`
	Delta        string  `json:"delta"`
	Transcript   string  `json:"transcript"`
	Text         string  `json:"text"`
	AudioStartMS float64 `json:"audio_start_ms"`
	AudioEndMS   float64 `json:"audio_end_ms"`

	Session    Session     `json:"session"`
	Response   Response    `json:"response"`
	Item       Item        `json:"item"`
	Error      ErrorBody   `json:"error"`
	RateLimits []RateLimit `json:"rate_limits"`
	// Usage of a transcription.
	Usage TranscriptionUsage `json:"usage"`
}

// Session is the effective configuration as session.created and session.updated echo it.
type Session struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Model string `json:"model"`
	Audio struct {
		Input struct {
			Format        AudioFormat    `json:"format"`
			TurnDetection *TurnDetection `json:"turn_detection"`
		} `json:"input"`
		Output struct {
			Format AudioFormat `json:"format"`
		} `json:"output"`
	} `json:"audio"`
	ExpiresAt int64 `json:"expires_at"`
}

// AudioFormat is audio/pcmu, audio/pcma, or audio/pcm with a rate.
type AudioFormat struct {
	Type string `json:"type"`
	Rate int    `json:"rate,omitempty"`
}

// Response is a response as response.created and response.done have it.
type Response struct {
	ID            string            `json:"id"`
	Status        string            `json:"status"`
	StatusDetails StatusDetails     `json:"status_details"`
	Output        []Item            `json:"output"`
	Usage         Usage             `json:"usage"`
	Metadata      map[string]string `json:"metadata"`
}

// StatusDetails says why a response was not completed.
type StatusDetails struct {
	Type   string    `json:"type"`
	Reason string    `json:"reason"`
	Error  ErrorBody `json:"error"`
}

// Usage is what a response was billed for. Everything is optional; cached is part of input.
type Usage struct {
	TotalTokens       int `json:"total_tokens"`
	InputTokens       int `json:"input_tokens"`
	OutputTokens      int `json:"output_tokens"`
	InputTokenDetails struct {
		TextTokens          int `json:"text_tokens"`
		AudioTokens         int `json:"audio_tokens"`
		CachedTokens        int `json:"cached_tokens"`
		CachedTokensDetails struct {
			TextTokens  int `json:"text_tokens"`
			AudioTokens int `json:"audio_tokens"`
		} `json:"cached_tokens_details"`
	} `json:"input_token_details"`
	OutputTokenDetails struct {
		TextTokens  int `json:"text_tokens"`
		AudioTokens int `json:"audio_tokens"`
	} `json:"output_token_details"`
}

// TranscriptionUsage is in tokens or in seconds, as Type says ("tokens", "duration").
type TranscriptionUsage struct {
	Type        string  `json:"type"`
	Seconds     float64 `json:"seconds"`
	TotalTokens int     `json:"total_tokens"`
}

// Item is an item of the conversation.
type Item struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	Role      string    `json:"role"`
	CallID    string    `json:"call_id"`
	Name      string    `json:"name"`
	Arguments string    `json:"arguments"`
	Content   []Content `json:"content"`
}

// Content is a part of a message. Kind folds the names of the beta into those of GA,
// since the service was seen to send both (research section 13).
type Content struct {
	Type       string `json:"type"`
	Text       string `json:"text"`
	Transcript string `json:"transcript"`
}

// Kind is the part's type in GA's words.
func (c Content) Kind() string {
	switch c.Type {
	case "audio":
		return "output_audio"
	case "text":
		return "output_text"
	}
	return c.Type
}

// ErrorBody is the API's account of an error; EventID is that of our event.
type ErrorBody struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Param   string `json:"param"`
	EventID string `json:"event_id"`
}

// RateLimit is one limit of rate_limits.updated.
type RateLimit struct {
	Name         string  `json:"name"`
	Remaining    float64 `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

// SyntaxError is a message that is no event at all. It holds nothing of the message.
type SyntaxError struct{ Problem string }

// Error names the fault.
func (e *SyntaxError) Error() string { return "message of the model: " + e.Problem }

// Decode reads a server event. A field of an unexpected type counts as absent: the
// service adds and changes fields without notice. Errors are *[SyntaxError].
func Decode(data []byte) (ServerEvent, error) {
	var ev ServerEvent
	if err := ev.decode(data); err != nil {
		return ServerEvent{}, err
	}
	return ev, nil
}

// decode reads data in place of what ev was.
func (e *ServerEvent) decode(data []byte) error {
	*e = ServerEvent{}
	if err := json.Unmarshal(data, e); err != nil {
		var wrongType *json.UnmarshalTypeError
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &wrongType):
		case errors.As(err, &syntax):
			return &SyntaxError{Problem: "not JSON at byte " + strconv.FormatInt(syntax.Offset, 10)}
		default:
			return &SyntaxError{Problem: "not JSON"}
		}
	}
	if e.Type == "" {
		return &SyntaxError{Problem: `it has no "type"`}
	}
	return nil
}
