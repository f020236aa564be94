package demo

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
)

// hookReceiver is Clawdbot's /hooks/agent: it keeps every notification as received.
type hookReceiver struct {
	token string
	story *story

	mu       sync.Mutex
	received []hookPost
}

// hookPost is one notification.
type hookPost struct {
	Key  string          `json:"idempotencyKey"`
	Body json.RawMessage `json:"body"`
}

func newHookReceiver(s *story) *hookReceiver { return &hookReceiver{token: secret(), story: s} }

// ServeHTTP takes what Clawdbot would take.
func (h *hookReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	want := "Bearer " + h.token
	if r.Method != http.MethodPost || r.URL.Path != "/hooks/agent" ||
		subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
		http.Error(w, "not for this hook", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
	if err != nil || !json.Valid(body) {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.received = append(h.received, hookPost{Key: r.Header.Get("Idempotency-Key"), Body: body})
	h.mu.Unlock()
	var m struct{ Message string }
	_ = json.Unmarshal(body, &m) // valid JSON; a message of another type is judged later
	h.story.say(who("clawdbot"), "is told: %s", m.Message)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true,"runId":"demo"}`)
}

func (h *hookReceiver) posts() []hookPost {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.received)
}

// modelAudio is what the model sent, item by item, taken from its own socket: the
// truth that the recording of the line is held against.
type modelAudio struct {
	story *story
	// dialled is how many calls were dialled so far; the model speaks in the last one.
	dialled func() int

	mu    sync.Mutex
	items []*modelItem
}

// modelItem is one thing the model said.
type modelItem struct {
	id         string
	attempt    int // from 1
	audio      []byte
	transcript string
	// cut: the model was told to forget what follows cutMS.
	cut   bool
	cutMS int
	// made: all of it was sent; otherwise the model's connection broke in its middle.
	made bool
}

func newModelAudio(s *story, dialled func() int) *modelAudio {
	return &modelAudio{story: s, dialled: dialled}
}

func (m *modelAudio) record(_ string, event json.RawMessage) {
	var e struct {
		Type, Delta, Transcript, Name, Arguments string
		ItemID                                   string `json:"item_id"`
		EndMS                                    int    `json:"audio_end_ms"`
		Item                                     struct{ Type, Output string }
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	switch e.Type {
	case "response.output_audio.delta":
		b, err := base64.StdEncoding.DecodeString(e.Delta)
		if err == nil {
			m.item(e.ItemID, func(i *modelItem) { i.audio = append(i.audio, b...) })
		}
	case "response.output_audio.done":
		m.item(e.ItemID, func(i *modelItem) { i.made = true })
	case "response.output_audio_transcript.done":
		m.item(e.ItemID, func(i *modelItem) { i.transcript = e.Transcript })
		m.story.say(who("agent"), "“%s”", e.Transcript)
	case "conversation.item.truncate":
		m.item(e.ItemID, func(i *modelItem) { i.cut, i.cutMS = true, e.EndMS })
		m.story.say(who("agent"), "stops; the model is told that %.2f s of this were heard", float64(e.EndMS)/1000)
	case "response.function_call_arguments.done":
		m.story.say(who("model"), "%s %s", e.Name, e.Arguments)
	case "conversation.item.create":
		if e.Item.Type == "function_call_output" {
			m.story.say(who("desk"), "%s", e.Item.Output)
		}
	}
}

func (m *modelAudio) item(id string, change func(*modelItem)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	attempt := m.dialled()
	i := slices.IndexFunc(m.items, func(i *modelItem) bool { return i.attempt == attempt && i.id == id })
	if i < 0 {
		m.items = append(m.items, &modelItem{id: id, attempt: attempt})
		i = len(m.items) - 1
	}
	change(m.items[i])
}

// said is what the model said aloud in that attempt.
func (m *modelAudio) said(attempt int) []modelItem {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []modelItem
	for _, i := range m.items {
		if i.attempt == attempt && len(i.audio) > 0 {
			out = append(out, *i)
		}
	}
	return out
}
