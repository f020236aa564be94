package realtimetest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/media/speech"
)

// The tools that the simulated model knows how to use, where the session offers them.
const (
	toolFind  = "calendar_find_slots"
	toolCheck = "calendar_check_slot"
	toolBook  = "calendar_create_event"
	toolEnd   = "end_call"
)

// tool is a function as session.tools describes it.
type tool struct {
	Name       string `json:"name"`
	Parameters struct {
		Properties map[string]struct {
			Enum []string `json:"enum"`
		} `json:"properties"`
		Required []string `json:"required"`
	} `json:"parameters"`
}

func readTools(raw []json.RawMessage) []tool {
	var tools []tool
	for _, b := range raw {
		var t tool
		if json.Unmarshal(b, &t) == nil {
			tools = append(tools, t)
		}
	}
	return tools
}

// arguments keeps of values what the tool's schema has, and says what is wrong if that is not enough.
func (t tool) arguments(values map[string]any) (string, string) {
	kept := map[string]any{}
	for name, value := range values {
		property, ok := t.Parameters.Properties[name]
		if !ok {
			continue
		}
		if word, ok := value.(string); ok && len(property.Enum) > 0 && !slices.Contains(property.Enum, word) {
			return "", "parameter " + name + " of tool " + t.Name + " does not allow " + word
		}
		kept[name] = value
	}
	for _, name := range t.Parameters.Required {
		if kept[name] == nil {
			return "", "the model does not know what to give for the required parameter " + name + " of tool " + t.Name
		}
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return "", err.Error()
	}
	return string(b), ""
}

// slot is a time as the tools tell it.
type slot struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	Spoken string `json:"spoken"`
}

// answer is every field of a tool's output that the model reads.
type answer struct {
	Slots    []slot `json:"slots"`
	Free     *bool  `json:"free"`
	Booked   bool   `json:"booked"`
	Timezone string `json:"timezone"`
	Error    any    `json:"error"`
}

// words are how the slot is said: as the tool says it, if these are words that were recorded, else from
// its start. withZone names the zone.
func (s slot) words(zone string, withZone bool) string {
	if s.Spoken != "" {
		if _, err := speech.Say(speech.Agent, s.Spoken); err == nil {
			return s.Spoken
		}
	}
	start, err := time.Parse(time.RFC3339, s.Start)
	if err != nil {
		return s.Start
	}
	return speech.SlotWords(start, zone, withZone)
}
