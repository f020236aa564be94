package realtimetest

import (
	"encoding/json"
	"fmt"
	"time"
)

// session is the configuration as session.created and session.updated echo it, whole.
type session struct {
	Type             string            `json:"type"`
	Object           string            `json:"object"`
	ID               string            `json:"id"`
	Model            string            `json:"model"`
	OutputModalities []string          `json:"output_modalities"`
	Instructions     string            `json:"instructions"`
	Tools            []json.RawMessage `json:"tools"`
	ToolChoice       json.RawMessage   `json:"tool_choice"`
	MaxOutputTokens  json.RawMessage   `json:"max_output_tokens"`
	Tracing          json.RawMessage   `json:"tracing"`
	Truncation       json.RawMessage   `json:"truncation"`
	Prompt           json.RawMessage   `json:"prompt"`
	ExpiresAt        int64             `json:"expires_at"`
	Audio            sessionAudio      `json:"audio"`
	Include          json.RawMessage   `json:"include"`
	Parallel         *bool             `json:"parallel_tool_calls,omitempty"`
	Reasoning        json.RawMessage   `json:"reasoning,omitempty"`
}

type sessionAudio struct {
	Input struct {
		Format         audioFormat     `json:"format"`
		Transcription  json.RawMessage `json:"transcription"`
		NoiseReduction json.RawMessage `json:"noise_reduction"`
		TurnDetection  *detection      `json:"turn_detection"`
	} `json:"input"`
	Output struct {
		Format audioFormat     `json:"format"`
		Voice  json.RawMessage `json:"voice"`
		Speed  float64         `json:"speed"`
	} `json:"output"`
}

type detection struct {
	Type              string   `json:"type"`
	Threshold         *float64 `json:"threshold,omitempty"`
	PrefixPaddingMS   *int64   `json:"prefix_padding_ms,omitempty"`
	SilenceMS         *int64   `json:"silence_duration_ms,omitempty"`
	IdleTimeoutMS     *int64   `json:"idle_timeout_ms,omitempty"`
	Eagerness         string   `json:"eagerness,omitempty"`
	CreateResponse    bool     `json:"create_response"`
	InterruptResponse bool     `json:"interrupt_response"`
}

// UnmarshalJSON fills what is absent with the defaults of the detection's type: those of the wire log,
// 200 ms of silence among them (research section 5).
func (d *detection) UnmarshalJSON(b []byte) error {
	type plain detection
	p := plain{CreateResponse: true, InterruptResponse: true}
	if err := json.Unmarshal(b, &p); err != nil {
		return fmt.Errorf("turn detection: %w", err)
	}
	if p.Type == "server_vad" {
		fill(&p.Threshold, 0.5)
		fill(&p.PrefixPaddingMS, 300)
		fill(&p.SilenceMS, 200)
	} else if p.Eagerness == "" {
		p.Eagerness = "auto"
	}
	*d = detection(p)
	return nil
}

func fill[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func (d *detection) silence() time.Duration {
	if d.SilenceMS != nil {
		return time.Duration(*d.SilenceMS) * time.Millisecond
	}
	// The service judges semantically; words never heard are judged by their length of silence alone.
	return map[string]time.Duration{"high": 300 * time.Millisecond, "low": 1200 * time.Millisecond}[d.Eagerness] + 300*time.Millisecond
}

type audioFormat struct {
	Type string `json:"type"`
	Rate int    `json:"rate,omitempty"`
}

// UnmarshalJSON replaces the format whole: the rate of the default pcm must not outlive it.
func (f *audioFormat) UnmarshalJSON(b []byte) error {
	type plain audioFormat
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return fmt.Errorf("format: %w", err)
	}
	*f = audioFormat(p)
	return nil
}

// defaultSession is what the service starts with: 24 kHz pcm, VAD on, a voice of its own.
func defaultSession(id, model string, expires time.Time) *session {
	null := json.RawMessage("null")
	s := &session{
		Type: "realtime", Object: "realtime.session", ID: id, Model: model, OutputModalities: []string{"audio"},
		Instructions: "Your knowledge cutoff is 2023-10. You are a helpful, witty, and friendly AI.",
		Tools:        []json.RawMessage{}, ToolChoice: json.RawMessage(`"auto"`), MaxOutputTokens: json.RawMessage(`"inf"`),
		Tracing: null, Truncation: json.RawMessage(`"auto"`), Prompt: null, ExpiresAt: expires.Unix(), Include: null,
	}
	pcm := audioFormat{Type: "audio/pcm", Rate: 24000}
	s.Audio.Input.Format, s.Audio.Output.Format = pcm, pcm
	s.Audio.Input.Transcription, s.Audio.Input.NoiseReduction = null, null
	s.Audio.Input.TurnDetection = &detection{Type: "server_vad", CreateResponse: true, InterruptResponse: true}
	fill(&s.Audio.Input.TurnDetection.Threshold, 0.5)
	fill(&s.Audio.Input.TurnDetection.PrefixPaddingMS, 300)
	fill(&s.Audio.Input.TurnDetection.SilenceMS, 200)
	s.Audio.Output.Voice, s.Audio.Output.Speed = json.RawMessage(`"alloy"`), 1
	return s
}

// merge returns s with the fields present in update changed. The update has passed its shape. Locks:
// the model always, the voice once audio was spoken (research section 3).
func (s *session) merge(update json.RawMessage, spoken bool) (*session, *fault) {
	var locks struct {
		Model *string `json:"model"`
		Audio struct {
			Output struct {
				Voice json.RawMessage `json:"voice"`
			} `json:"output"`
		} `json:"audio"`
	}
	if err := json.Unmarshal(update, &locks); err != nil {
		return nil, refuse("invalid_value", "session", "Invalid session: %v.", err)
	}
	if locks.Model != nil && *locks.Model != s.Model {
		return nil, refuse("invalid_value", "session.model", "Cannot update a conversation's model: it is '%s'.", s.Model)
	}
	if spoken && locks.Audio.Output.Voice != nil {
		return nil, refuse("cannot_update_voice", "session.audio.output.voice", "Cannot update a conversation's voice if assistant audio is present.")
	}
	now, err := json.Marshal(s)
	if err != nil {
		return nil, &fault{Type: "server_error", Message: err.Error()}
	}
	next := new(session)
	for _, layer := range [][]byte{now, update} {
		if err := json.Unmarshal(layer, next); err != nil {
			return nil, refuse("invalid_value", "session", "Invalid session: %v.", err)
		}
	}
	return next, nil
}

func (s *session) transcribes() bool { return string(s.Audio.Input.Transcription) != "null" }
