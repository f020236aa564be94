package realtimetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/media/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	firstSlot  = "2026-03-02T13:00:00-08:00"
	secondSlot = "2026-03-02T13:30:00-08:00"
	greeting   = `Say exactly: "Hello, this is an AI assistant calling on behalf of Alex Morgan." Then say why you call.`
)

const toolsJSON = `[
 {"type":"function","name":"calendar_find_slots","parameters":{"type":"object","properties":{"from":{"type":"string"},"to":{"type":"string"}}}},
 {"type":"function","name":"calendar_check_slot","parameters":{"type":"object","properties":{"start":{"type":"string"}},"required":["start"]}},
 {"type":"function","name":"calendar_create_event","parameters":{"type":"object","properties":{"start":{"type":"string"},"title":{"type":"string"}},"required":["start"]}},
 {"type":"function","name":"end_call","parameters":{"type":"object","properties":{"reason":{"type":"string","enum":["booked","refused","voicemail","wrong_number","callback","unclear"]},"summary":{"type":"string"}},"required":["reason"]}}]`

func config(format, detection string) string {
	return `{"type":"session.update","event_id":"cfg","session":{"type":"realtime","output_modalities":["audio"],
 "instructions":"You call for Alex Morgan. It is Monday, 10:00 in America/Los_Angeles.",
 "audio":{"input":{"format":` + format + `,"transcription":{"model":"gpt-transcribe"},"turn_detection":` + detection + `},
 "output":{"format":` + format + `,"voice":"marin"}},"tools":` + toolsJSON + `,"tool_choice":"auto"}}`
}

const (
	pcmuFormat = `{"type":"audio/pcmu"}`
	pcmFormat  = `{"type":"audio/pcm","rate":24000}`
	autoVAD    = `{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500}`
)

// journal keeps every event for the schema test.
type journal struct {
	mu     sync.Mutex
	events []entry
}

type entry struct {
	side  string
	event string
}

func (j *journal) record(side string, e json.RawMessage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, entry{side, string(e)})
}

// started is a server over HTTP; it fails the test for a violation that was not wanted.
func started(t *testing.T, script Script) (*Server, string, *journal) {
	t.Helper()
	if script.Latency == 0 {
		script.Latency = 5 * time.Millisecond
	}
	if script.Pace == 0 {
		script.Pace = 300
	}
	j := &journal{}
	s := New(Config{Script: func(int, *http.Request) Script { return script }, Record: j.record})
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return s, "ws" + strings.TrimPrefix(web.URL, "http") + "/v1/realtime?model=gpt-realtime-2.1", j
}

// client is a plain client with a calendar of its own.
type client struct {
	t      *testing.T
	ws     *websocket.Conn
	format audioFormat
	log    []string // types received
	audio  map[string][]byte
	words  map[string]string
	calls  []string // "name arguments" in order
	answer func(name, args string) string
	loud   bool // leave errors to the test
}

func dial(t *testing.T, url string) *client {
	t.Helper()
	ws, response, err := websocket.DefaultDialer.Dial(url, http.Header{"Authorization": {"Bearer test"}})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	return &client{t: t, ws: ws, format: audioFormat{Type: "audio/pcmu"}, audio: map[string][]byte{}, words: map[string]string{}, answer: freeCalendar}
}

func freeCalendar(name, _ string) string {
	switch name {
	case toolFind:
		return `{"slots":[{"start":"` + firstSlot + `","end":"2026-03-02T13:30:00-08:00"},{"start":"` + secondSlot + `","end":"2026-03-02T14:00:00-08:00"}]}`
	case toolCheck:
		return `{"free":true}`
	case toolBook:
		return `{"booked":true,"eventId":"e1"}`
	}
	return `{"ok":true}`
}

func (c *client) send(frame string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		c.t.Fatalf("send %.60s: %v", frame, err)
	}
}

type received struct {
	Type    string
	ItemID  string `json:"item_id"`
	Delta   string
	StartMS int64  `json:"audio_start_ms"`
	EndMS   int64  `json:"audio_end_ms"`
	Words   string `json:"transcript"`
	Session json.RawMessage
	Item    struct {
		ID, Type, Status, Name, Arguments string
		CallID                            string `json:"call_id"`
	}
	Response struct {
		ID, Status string
		Details    struct {
			Reason string
			Error  struct{ Code *string }
		} `json:"status_details"`
		Output []struct{ ID, Type, Status string }
		Usage  struct {
			Total  int `json:"total_tokens"`
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
		}
	}
	Error struct {
		Code, Message, Param string
		EventID              string `json:"event_id"`
	}
}

func (c *client) read() (received, error) {
	_ = c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, frame, err := c.ws.ReadMessage()
	if err != nil {
		return received{}, err
	}
	var e received
	if err := json.Unmarshal(frame, &e); err != nil {
		c.t.Fatalf("%s: %v", frame, err)
	}
	c.log = append(c.log, e.Type)
	switch e.Type {
	case "response.output_audio.delta":
		b, err := base64.StdEncoding.DecodeString(e.Delta)
		if err != nil {
			c.t.Fatal(err)
		}
		c.audio[e.ItemID] = append(c.audio[e.ItemID], b...)
	case "response.output_audio_transcript.done":
		c.words[e.ItemID] = e.Words
	case "error":
		if !c.loud {
			c.t.Fatalf("error event: %+v", e.Error)
		}
	}
	return e, nil
}

func (c *client) until(kind string) received {
	c.t.Helper()
	for {
		e, err := c.read()
		if err != nil {
			c.t.Fatalf("waiting for %s after %v: %v", kind, c.log, err)
		}
		if e.Type == kind {
			return e
		}
	}
}

func (c *client) configure(format, detection string) {
	c.t.Helper()
	c.until("session.created")
	c.send(config(format, detection))
	c.until("session.updated")
	if format == pcmFormat {
		c.format = audioFormat{"audio/pcm", 24000}
	}
}

func (c *client) greet() received {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"response.create","event_id":"greet","response":{"instructions":%q,"tool_choice":"none","metadata":{"kind":"greeting"}}}`, greeting))
	return c.until("response.done")
}

// play appends the words in the session's format, with silence before and after, faster than real time.
func (c *client) play(words string) {
	c.t.Helper()
	clip, err := speech.Say(speech.Callee, words)
	if err != nil {
		c.t.Fatal(err)
	}
	quiet := []byte(strings.Repeat("\xff", 8*2000))
	c.append(c.format.encode(append(append(append([]byte{}, quiet...), clip...), quiet[:8*700]...)))
}

func (c *client) append(audio []byte) {
	for len(audio) > 0 {
		n := min(len(audio), 20*c.format.bytesPerMS())
		c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(audio[:n]) + `"}`)
		audio = audio[n:]
	}
}

// settle reads to the end of a response, answers its calls and goes on until none is open. It returns the
// last response, and whether end_call was called.
func (c *client) settle() (received, bool) {
	c.t.Helper()
	ended := false
	for {
		var calls []received
		spoke := false
		for {
			e, err := c.read()
			if err != nil {
				c.t.Fatalf("after %v: %v", c.log, err)
			}
			if e.Type == "response.output_item.done" && e.Item.Type == "function_call" {
				calls = append(calls, e)
			}
			spoke = spoke || e.Type == "response.output_audio.delta"
			if e.Type == "response.done" {
				if len(calls) == 0 {
					return e, ended
				}
				break
			}
		}
		for _, call := range calls {
			c.calls = append(c.calls, call.Item.Name+" "+call.Item.Arguments)
			out, _ := json.Marshal(c.answer(call.Item.Name, call.Item.Arguments))
			c.send(`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"` + call.Item.CallID + `","output":` + string(out) + `}}`)
			ended = ended || call.Item.Name == toolEnd
		}
		if ended && spoke {
			c.until("conversation.item.done")
			return received{}, true
		}
		c.send(`{"type":"response.create"}`)
	}
}

// hold plays a scenario to its end.
func (c *client) hold(scenario speech.Scenario) {
	c.t.Helper()
	c.greet()
	for _, turn := range scenario.Turns {
		c.play(turn.Say)
		if _, ended := c.settle(); ended {
			return
		}
	}
}

func (c *client) said() string {
	var all []string
	for _, words := range c.words {
		all = append(all, words)
	}
	return strings.Join(all, " | ")
}

func scripted(t *testing.T, name string) Script {
	t.Helper()
	script, ok := ScriptOf(name)
	if !ok {
		t.Fatalf("no scenario %s", name)
	}
	return script
}

func wantNoViolation(t *testing.T, s *Server) {
	t.Helper()
	for _, v := range s.Violations() {
		t.Errorf("violation: %v", v)
	}
}
