package realtimetest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestEveryUnknownKeyValueOrFormatIsRefused(t *testing.T) {
	session := func(s string) string { return `{"type":"session.update","session":{"type":"realtime",` + s + `}}` }
	item := func(s string) string { return `{"type":"conversation.item.create","item":` + s + `}` }
	for frame, want := range map[string]string{
		`{`:                             "invalid_json",
		`{"type":"response.cancel"} {}`: "invalid_json",
		`[]`:                            "invalid_type event",
		`{"type":"session.updat"}`:      "invalid_value type",
		`{"type":"session.update"}`:     "missing_required_parameter session",
		`{"type":"session.update","session":{"instructions":"x"}}`:                                 "missing_required_parameter session.type",
		session(`"temperature":0.8`):                                                               "unknown_parameter session.temperature",
		session(`"voice":"marin"`):                                                                 "unknown_parameter session.voice",
		session(`"modalities":["audio"]`):                                                          "unknown_parameter session.modalities",
		session(`"output_modalities":["audio","text"]`):                                            "invalid_value session.output_modalities",
		session(`"audio":{"input":{"format":"g711_ulaw"}}`):                                        "invalid_type session.audio.input.format",
		session(`"audio":{"input":{"format":{"type":"audio/pcmu","rate":8000}}}`):                  "unknown_parameter session.audio.input.format.rate",
		session(`"audio":{"output":{"format":{"type":"audio/pcm"}}}`):                              "missing_required_parameter session.audio.output.format.rate",
		session(`"audio":{"output":{"format":{"type":"audio/pcm","rate":16000}}}`):                 "integer_below_min_value session.audio.output.format.rate",
		session(`"audio":{"output":{"voice":"nova"}}`):                                             "invalid_value session.audio.output.voice",
		session(`"audio":{"output":{"speed":2}}`):                                                  "decimal_above_max_value session.audio.output.speed",
		session(`"audio":{"input":{"turn_detection":{"type":"semantic_vad","threshold":0.5}}}`):    "unknown_parameter session.audio.input.turn_detection.threshold",
		session(`"tools":[{"type":"function","function":{"name":"x"}}]`):                           "unknown_parameter session.tools[0].function",
		session(`"tools":[{"type":"function","name":"x","strict":true}]`):                          "unknown_parameter session.tools[0].strict",
		session(`"max_output_tokens":5000`):                                                        "integer_above_max_value session.max_output_tokens",
		`{"type":"response.create","response":{"modalities":["audio"]}}`:                           "unknown_parameter response.modalities",
		`{"type":"response.create","response":{"metadata":{"a":1}}}`:                               "invalid_type response.metadata.a",
		item(`{"type":"function_call_output","call_id":"c","output":{"ok":true}}`):                 "invalid_type item.output",
		item(`{"type":"message","role":"user","content":[{"type":"text","text":"x"}]}`):            "invalid_value item.content[0].type",
		item(`{"type":"message","role":"user","content":[],"colour":1}`):                           "unknown_parameter item.colour",
		`{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":1.5}`: "invalid_type audio_end_ms",
		`{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":-1}`:  "integer_below_min_value audio_end_ms",
	} {
		_, f := checkShape([]byte(frame))
		if f == nil || strings.TrimSpace(f.Code+" "+f.Param) != want {
			t.Errorf("%s: %+v, want %s", frame, f, want)
		}
	}
}

// refused sends frame and returns the code of the error that must come.
func (c *client) refused(frame string) received {
	c.t.Helper()
	c.loud = true
	defer func() { c.loud = false }()
	c.send(frame)
	return c.until("error")
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.until("session.created")
	e := c.refused(`{"type":"session.update","event_id":"mine","session":{"type":"realtime","instructions":"new","audio":{"output":{"voice":"nova"}}}}`)
	if e.Error.Code != "invalid_value" || e.Error.EventID != "mine" {
		t.Fatalf("error %+v", e.Error)
	}
	c.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}}}}}`)
	got := string(c.until("session.updated").Session)
	for _, want := range []string{`"voice":"alloy"`, `"format":{"type":"audio/pcmu"}`, `"format":{"type":"audio/pcm","rate":24000}`, `"silence_duration_ms":200`, "knowledge cutoff"} {
		if !strings.Contains(got, want) {
			t.Errorf("session %s lacks %s", got, want)
		}
	}
	if len(s.Violations()) != 1 {
		t.Fatalf("violations %v, want the one update", s.Violations())
	}
}

func TestStateIsGuarded(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	c.play("Yes, how can I help you?")
	c.settle()
	var message string
	c.send(`{"type":"response.create"}`)
	message = c.until("response.done").Response.Output[0].ID
	c.play("Yes, that suits me.")
	c.until("response.done")
	c.send(`{"type":"session.update","session":{"type":"realtime","instructions":"changed"}}`)
	c.until("session.updated")
	time.Sleep(raceWindow) // beyond it, nothing can be blamed on events that crossed
	truncate := func(id string, index, ms int) string {
		return fmt.Sprintf(`{"type":"conversation.item.truncate","item_id":%q,"content_index":%d,"audio_end_ms":%d}`, id, index, ms)
	}
	c.send(`{"type":"conversation.item.create","item":{"type":"message","role":"system","id":"sys","content":[{"type":"input_text","text":"x"}]}}`)
	c.until("conversation.item.done")
	for _, test := range []struct{ frame, code, message string }{
		{`{"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"marin"}}}}`, "cannot_update_voice", "voice"},
		{`{"type":"session.update","session":{"type":"realtime","model":"other"}}`, "invalid_value", "model"},
		{`{"type":"response.cancel","response_id":"resp_none"}`, "response_cancel_not_active", "no active response"},
		{`{"type":"input_audio_buffer.append","audio":"%%%"}`, "invalid_value", "base64"},
		{truncate(message, 0, 3600000), "invalid_value", "is already shorter than 3600000ms"},
		{truncate(message, 1, 0), "invalid_value", "content_index"},
		{truncate("item_none", 0, 0), "item_truncate_invalid_item_id", "does not exist"},
		{truncate("sys", 0, 0), "invalid_value", "Only model output audio messages can be truncated"},
		{`{"type":"conversation.item.delete","item_id":"none"}`, "item_delete_invalid_item_id", "none"},
		{`{"type":"conversation.item.retrieve","item_id":"none"}`, "item_retrieve_invalid_item_id", "none"},
		{`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"none","output":"{}"}}`, "invalid_tool_call_id", "'none'"},
		{`{"type":"conversation.item.create","previous_item_id":"none","item":{"type":"message","role":"user","content":[]}}`, "item_not_found", "none"},
		{`{"type":"conversation.item.create","item":{"type":"message","id":"sys","role":"user","content":[]}}`, "invalid_value", "already exists"},
		{`{"type":"output_audio_buffer.clear"}`, "invalid_value", "WebRTC"},
		{`{"type":"input_audio_buffer.clear"}`, "", ""},
		{`{"type":"input_audio_buffer.commit"}`, "input_audio_buffer_commit_empty", "100ms"},
		{`{"type":"response.create","response":{"conversation":"none"}}`, "order", "not simulated"},
		{`{"type":"response.create","response":{"output_modalities":["text"]}}`, "order", "not simulated"},
	} {
		if test.code == "" {
			c.send(test.frame)
			continue
		}
		before := len(s.Violations())
		e := c.refused(test.frame)
		if e.Error.Code != test.code || !strings.Contains(e.Error.Message, test.message) {
			t.Errorf("%s: %+v, want %s %q", test.frame, e.Error, test.code, test.message)
		}
		if len(s.Violations()) != before+1 {
			t.Errorf("%s is no violation", test.frame)
		}
	}
	c.send(truncate(message, 0, 100))
	c.until("conversation.item.truncated")
	c.send(`{"type":"conversation.item.retrieve","item_id":"` + message + `"}`)
	c.until("conversation.item.retrieved")
	c.send(`{"type":"conversation.item.delete","item_id":"` + message + `"}`)
	c.until("conversation.item.deleted")
}

func TestACallIsAnsweredOnce(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	c.play("Yes, how can I help you?")
	var call received
	for call.Item.Type != "function_call" {
		call = c.until("response.output_item.done")
	}
	c.until("response.done")
	output := `{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"` + call.Item.CallID + `","output":"{}"}}`
	c.send(output)
	c.until("conversation.item.done")
	if e := c.refused(output); !strings.Contains(e.Error.Message, "answered before") {
		t.Fatalf("error %+v", e.Error)
	}
	if len(s.Violations()) != 1 {
		t.Fatalf("violations %v", s.Violations())
	}
}

func TestOneResponseAtATime(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.SilentResponse = 1
	s, url, _ := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.send(`{"type":"response.create"}`)
	id := c.until("response.created").Response.ID
	if e := c.refused(`{"type":"response.create"}`); e.Error.Code != "conversation_already_has_active_response" || !strings.Contains(e.Error.Message, id) {
		t.Fatalf("error %+v", e.Error)
	}
	if len(s.Violations()) != 1 || len(s.Races()) != 0 {
		t.Fatalf("violations %v, races %v: the client made both", s.Violations(), s.Races())
	}
	c.send(`{"type":"response.cancel","response_id":"` + id + `"}`)
	if e := c.until("response.done"); e.Response.Status != "cancelled" || e.Response.Details.Reason != "client_cancelled" {
		t.Fatalf("response %+v", e.Response)
	}
	c.refused(`{"type":"response.cancel","response_id":"` + id + `"}`)
	if len(s.Races()) != 1 {
		t.Fatalf("a cancel of what has just ended is a race: %v", s.Races())
	}
}

func TestACreateThatMetTheVADsOwnIsARace(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	c.play("Yes, how can I help you?")
	c.until("response.created")
	if e := c.refused(`{"type":"response.create"}`); e.Error.Code != "conversation_already_has_active_response" {
		t.Fatalf("error %+v", e.Error)
	}
	if len(s.Races()) != 1 {
		t.Fatalf("races %v", s.Races())
	}
	wantNoViolation(t, s)
}

func TestAudioBeforeSessionUpdatedIsAViolation(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.until("session.created")
	c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(make([]byte, 960)) + `"}`)
	c.send(`{"type":"session.update","session":{"type":"realtime"}}`)
	c.until("session.updated")
	if v := s.Violations(); len(v) != 1 || v[0].Code != "order" {
		t.Fatalf("violations %v", v)
	}
}

func TestAWordWithoutAClipIsAViolationThatNamesIt(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.send(`{"type":"response.create","response":{"instructions":"Say exactly: \"Hello Wolfgang.\""}}`)
	c.until("response.done")
	if v := s.Violations(); len(v) != 1 || !strings.Contains(v[0].Message, "wolfgang") {
		t.Fatalf("violations %v", v)
	}
}

func FuzzCheckShape(f *testing.F) {
	f.Add([]byte(config(pcmuFormat, autoVAD)))
	f.Add([]byte(`{"type":"response.create","response":{"metadata":{"a":"b"}}}`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"/////w=="}`))
	f.Add([]byte(`{"type":[]}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		kind, fault := checkShape(frame)
		if fault == nil && clientEvents[kind] == nil {
			t.Fatalf("%q was accepted as %q", frame, kind)
		}
	})
}
