package realtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shared opens a file of the contracts; nil where they are not at hand.
func shared(t testing.TB, name string) *os.File {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(root); err != nil {
		t.Logf("left out: what %s says", name)
		return nil
	}
	f, err := os.Open(filepath.Join(root, "contracts", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func schema(t *testing.T, entry string) *jsonschema.Schema {
	t.Helper()
	f := shared(t, "openai-realtime.schema.json")
	if f == nil {
		return nil
	}
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	const id = "https://contracts.local/openai-realtime.schema.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(id + "#/$defs/" + entry)
}

func testSetup(output media.Format) media.AgentSetup {
	return media.AgentSetup{
		Instructions: "Be <brief> & polite.", Voice: "marin", Output: output,
		Tools:              []media.ToolDef{media.EndCallTool(), {Name: "bare"}},
		TranscriptionModel: "gpt-transcribe", Language: "en",
	}
}

// everything is every client event that an agent can send.
func everything() []ClientEvent {
	plain := testSetup(media.PCMU)
	plain.Voice, plain.TranscriptionModel, plain.Tools = "", "", nil
	vad := VAD{Threshold: 0.7, PrefixPadding: 200 * time.Millisecond, Silence: 600 * time.Millisecond}
	out := []ClientEvent{sessionUpdate(testSetup(media.PCMU), VAD{}), sessionUpdate(testSetup(media.PCM24k), vad), sessionUpdate(plain, vad)}
	for _, cmd := range []media.AgentCommand{
		media.Listen{Respond: true, Interrupt: true, EventID: "listen_1"},
		media.Listen{},
		media.Respond{EventID: "r1", Kind: "greeting", Instructions: "Say \"hi\".", NoTools: true},
		media.Respond{Kind: "answer"},
		media.Cancel{ResponseID: "resp_1"},
		media.Truncate{ItemID: "item_1", AudioEndMS: 0},
		media.Truncate{ItemID: "item_1", ContentIndex: 1, AudioEndMS: 1500},
		media.Answer{CallID: "call_1", Output: `{"ok":true}`},
		media.Answer{CallID: "call_1"},
		media.Note{Text: "note\u2028\n"},
		media.Said{Speaker: media.SpeakerAgent, Text: "Hello."},
		media.Said{Speaker: media.SpeakerCallee, Text: "Who is there?"},
		media.Called{CallID: "call_1", Name: "find", Arguments: `{"a":1}`},
		media.Called{CallID: "call_2", Name: "find"},
	} {
		out = append(out, clientEvent(cmd, vad))
	}
	return out
}

func TestEveryEventWeSendIsStrictlyValid(t *testing.T) {
	strict := schema(t, "RealtimeClientEventStrict")
	frames := [][]byte{AppendAudio(nil, "audio_1", "/////w==")}
	for _, ev := range everything() {
		frame, err := Encode(ev, "ev_1")
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame)
	}
	for _, frame := range frames {
		var head struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(frame, &head); err != nil || head.EventID == "" {
			t.Errorf("no event_id: %s (%v)", frame, err)
		}
		if strict == nil {
			continue
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(frame))
		if err == nil {
			err = strict.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", frame, err)
		}
	}
}

func TestTheWireFormatIsPinned(t *testing.T) {
	got, err := Encode(clientEvent(media.Truncate{ItemID: "item_1"}, VAD{}), "ev_7")
	if want := `{"type":"conversation.item.truncate","event_id":"ev_7","item_id":"item_1","content_index":0,"audio_end_ms":0}`; err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	got, err = Encode(clientEvent(media.Listen{Respond: true, Interrupt: true, EventID: "listen_1"}, VAD{}), "x")
	if want := `{"type":"session.update","event_id":"listen_1","session":{"type":"realtime","audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500,"create_response":true,"interrupt_response":true}}}}}`; err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

func TestEventsSeenOnTheWireAreRead(t *testing.T) {
	for _, name := range []string{"openai-realtime.wire.jsonl", "openai-realtime.cases.jsonl"} {
		f := shared(t, name)
		if f == nil {
			continue
		}
		n := 0
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line struct {
				Side  string          `json:"side"`
				Event json.RawMessage `json:"event"`
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line.Side != "Server" {
				continue
			}
			n++
			ev, err := Decode(line.Event)
			if err != nil || ev.EventID == "" {
				t.Errorf("%s: %v", line.Event, err)
			}
			translate(ev)
		}
		if n < 10 {
			t.Errorf("%s has %d server events", name, n)
		}
	}
}

func TestServerEventsMeanWhatTheySay(t *testing.T) {
	for msg, want := range map[string]media.AgentEvent{
		`{"type":"response.output_audio.delta","response_id":"r","item_id":"i","content_index":1,"delta":"/w==","obfuscation":"x"}`:                             &media.AgentAudio{ResponseID: "r", ItemID: "i", ContentIndex: 1, Audio: "/w=="},
		`{"type":"response.created","response":{"id":"r","metadata":{"kind":"greeting"}}}`:                                                                      media.ResponseStarted{ResponseID: "r", Kind: "greeting"},
		`{"type":"response.created","response":{"id":"r","metadata":null,"max_output_tokens":"inf"}}`:                                                           media.ResponseStarted{ResponseID: "r"},
		`{"type":"response.created","response":{"id":"r","metadata":[7],"status_details":3}}`:                                                                   media.ResponseStarted{ResponseID: "r"},
		`{"type":"input_audio_buffer.speech_started","item_id":"u","audio_start_ms":1.5}`:                                                                       media.CalleeStarted{ItemID: "u", AtMS: 1},
		`{"type":"response.output_item.done","response_id":"r","item":{"type":"function_call","status":"completed","call_id":"c","name":"n","arguments":"{}"}}`: media.AgentCall{ResponseID: "r", CallID: "c", Name: "n", Arguments: "{}"},
		`{"type":"response.output_item.done","response_id":"r","item":{"type":"function_call","status":"incomplete","call_id":"c","name":"n","arguments":"{"}}`: nil,
		`{"type":"response.function_call_arguments.done","response_id":"r","call_id":"c","name":"n","arguments":"{"}`:                                           nil,
		`{"type":"conversation.item.done","item":{"type":"message","content":[{"type":"audio"},{"type":"hologram"}]}}`:                                          nil,
		`{"type":"tomorrow.event","response":"r","item":[1,2]}`:                                                                                                 nil,
		`{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"type":"server_error","code":null}},"usage":null}}`: media.ResponseEnded{
			ResponseID: "r", Status: media.ResponseFailed, Fault: media.Fault{Code: "server_error"}, Usage: media.Usage{Responses: 1},
		},
		`{"type":"response.done","response":{"id":"r","status":"cancelled","usage":{"input_tokens":9,"input_token_details":{"cached_tokens":4}}}}`: media.ResponseEnded{
			ResponseID: "r", Status: media.ResponseCancelled, Usage: media.Usage{Responses: 1, InputTokens: 9, CachedIn: 4, UnspecifiedTokens: 9},
		},
		`{"type":"response.done","response":{"id":"r","status":"completed","usage":{"input_tokens":90,"output_tokens":-5,"input_token_details":{"text_tokens":30,"audio_tokens":60,"image_tokens":"many","cached_tokens_details":{"audio_tokens":40}},"output_token_details":{"audio_tokens":99999999999}}}}`: media.ResponseEnded{
			ResponseID: "r", Usage: media.Usage{Responses: 1, InputTokens: 90, TextIn: 30, AudioIn: 60, CachedAudio: 40, AudioOut: mostTokens},
		},
		`{"type":"conversation.item.input_audio_transcription.completed","item_id":"u","transcript":"hi","usage":{"type":"duration","seconds":2.5}}`: media.CalleeTranscript{ItemID: "u", Text: "hi", Seconds: 2.5},
		`{"type":"conversation.item.input_audio_transcription.completed","item_id":"u","transcript":"hi","usage":{"type":"tokens","total_tokens":17,"input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":3}}`: media.CalleeTranscript{
			ItemID: "u", Text: "hi", Tokens: 17,
		},
		`{"type":"conversation.item.input_audio_transcription.completed","item_id":"u","transcript":"hi","usage":{"type":"duration","seconds":-1}}`: media.CalleeTranscript{ItemID: "u", Text: "hi"},
		`{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","reset_seconds":2.5},{"name":"requests","reset_seconds":1}]}`:                media.AgentLimits{Reset: 2500 * time.Millisecond},
		`{"type":"session.updated","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","create_response":true}}}}}`:                  media.AgentListening{Listen: media.Listen{Respond: true}},
	} {
		ev, err := Decode([]byte(msg))
		if err != nil {
			t.Errorf("%s: %v", msg, err)
			continue
		}
		if got := translate(ev); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v", msg, got, want)
		}
	}
}

func TestErrorsAreClassified(t *testing.T) {
	for body, want := range map[ErrorBody]media.FaultClass{
		{Code: "conversation_already_has_active_response"}:                                         media.FaultConflict,
		{Code: "response_cancel_not_active"}:                                                       media.FaultBenign,
		{Code: "invalid_value", Message: "Audio content of 3700ms is already shorter than 3760ms"}: media.FaultBenign,
		{Code: "invalid_value", Message: "Invalid voice"}:                                          media.FaultRequest,
		{Code: "session_expired"}:                                                                  media.FaultFatal,
		{Code: "insufficient_quota"}:                                                               media.FaultFatal,
		{Code: "rate_limit_exceeded"}:                                                              media.FaultRateLimited,
		{Type: "server_error"}:                                                                     media.FaultUnknown,
		{Code: "never_heard_of"}:                                                                   media.FaultUnknown,
	} {
		if got := fault(body).Class; got != want {
			t.Errorf("%+v: %v, want %v", body, got, want)
		}
	}
}

// serve is a model that does what script says with each connection.
func serve(t *testing.T, script func(ws *websocket.Conn, r *http.Request)) Config {
	t.Helper()
	done := make(chan struct{}, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		script(ws, r)
		ws.Close()
		done <- struct{}{}
	}))
	t.Cleanup(func() { <-done; srv.Close() })
	return Config{BaseURL: srv.URL + "/v1/", Model: "gpt-realtime-2.1", APIKey: "sk-secret", SafetyIdentifier: "abc", Dialer: &websocket.Dialer{}}
}

func say(t *testing.T, ws *websocket.Conn, msgs ...string) {
	t.Helper()
	for _, m := range msgs {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Error(err)
		}
	}
}

// configured answers the handshake with the given formats, and returns the update.
func configured(t *testing.T, ws *websocket.Conn, in, out string) (update map[string]any) {
	t.Helper()
	say(t, ws, `{"type":"session.created","session":{}}`, `{"type":"conversation.created"}`)
	if err := ws.ReadJSON(&update); err != nil {
		t.Error(err)
	}
	say(t, ws, `{"type":"session.updated","session":{"audio":{"input":{"format":`+in+`},"output":{"format":`+out+`}}}}`)
	return update
}

const pcmu = `{"type":"audio/pcmu"}`

func TestDialConfiguresTheSession(t *testing.T) {
	cfg := serve(t, func(ws *websocket.Conn, r *http.Request) {
		if r.URL.Path != "/v1/realtime" || r.URL.Query().Get("model") != "gpt-realtime-2.1" {
			t.Errorf("dialled %s", r.URL)
		}
		if r.Header.Get("Authorization") != "Bearer sk-secret" || r.Header.Get("OpenAI-Safety-Identifier") != "abc" || r.Header.Get("OpenAI-Beta") != "" {
			t.Errorf("headers %v", r.Header)
		}
		update := configured(t, ws, pcmu, pcmu)
		if update["type"] != "session.update" {
			t.Errorf("%v", update)
		}
		say(t, ws, `not json`, `{"type":"unknown"}`, `{"type":"input_audio_buffer.speech_started","item_id":"u"}`)
		var got map[string]any
		if err := ws.ReadJSON(&got); err != nil || got["type"] != "input_audio_buffer.append" || got["audio"] != "////" {
			t.Errorf("%v, %v", got, err)
		}
		_, _, _ = ws.ReadMessage()
	})
	agent, err := Dialer{Config: cfg}.Dial(t.Context(), testSetup(media.PCMU))
	if err != nil {
		t.Fatal(err)
	}
	if ev, err := agent.Receive(); err != nil || ev != (media.AgentGarbled{}) {
		t.Errorf("what is no event is told: %v, %v", ev, err)
	}
	if ev, err := agent.Receive(); err != nil || ev != (media.CalleeStarted{ItemID: "u"}) {
		t.Errorf("%v, %v", ev, err)
	}
	if err := agent.Send(&media.Hear{Audio: "////"}); err != nil {
		t.Error(err)
	}
	agent.Close()
	agent.Close()
	if _, err := agent.Receive(); err == nil {
		t.Error("Receive after Close gives an event")
	}
}

func TestDialRefusesASessionThatIsNotAsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		script func(t *testing.T, ws *websocket.Conn)
		kind   DialKind
	}{
		"another output format": {func(t *testing.T, ws *websocket.Conn) { configured(t, ws, pcmu, `{"type":"audio/pcm","rate":24000}`) }, DialRefused},
		"another input format":  {func(t *testing.T, ws *websocket.Conn) { configured(t, ws, `{"type":"audio/pcm","rate":24000}`, pcmu) }, DialRefused},
		"refused update": {func(t *testing.T, ws *websocket.Conn) {
			say(t, ws, `{"type":"session.created"}`, `{"type":"error","error":{"type":"invalid_request_error","code":"unknown_parameter","message":"m","param":"session.x"}}`)
			_, _, _ = ws.ReadMessage()
		}, DialRefused},
		"bad key after 101": {func(t *testing.T, ws *websocket.Conn) {
			say(t, ws, `{"type":"error","error":{"code":"invalid_api_key","message":"m"}}`)
		}, DialUnauthorized},
		"no credit": {func(t *testing.T, ws *websocket.Conn) {
			say(t, ws, `{"type":"error","error":{"code":"insufficient_quota","message":"m"}}`)
		}, DialQuota},
		"closed at once": {func(*testing.T, *websocket.Conn) {}, DialUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) { c.script(t, ws) })
			_, err := Dialer{Config: cfg}.Dial(t.Context(), testSetup(media.PCMU))
			var dial *DialError
			if !errors.As(err, &dial) || dial.Kind != c.kind || strings.Contains(err.Error(), "sk-secret") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) { cancel(); _, _, _ = ws.ReadMessage() })
	if _, err := (Dialer{Config: cfg}).Dial(ctx, testSetup(media.PCMU)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestDialClassifiesTheUpgrade(t *testing.T) {
	for status, want := range map[int]DialKind{401: DialUnauthorized, 403: DialUnauthorized, 404: DialNoModel, 302: DialUnreachable, 429: DialQuota, 503: DialBusy} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status == 429 {
				_, _ = w.Write([]byte(`{"error":{"code":"insufficient_quota"}}`))
			}
			if r.URL.Path == "/elsewhere" {
				t.Error("a redirect was followed")
			}
		}))
		_, err := Dial(t.Context(), Config{BaseURL: srv.URL, Model: "m", Dialer: &websocket.Dialer{}})
		var dial *DialError
		if !errors.As(err, &dial) || dial.Kind != want || dial.Status != status {
			t.Errorf("%d: %v", status, err)
		}
		srv.Close()
	}
}

func TestEndpointTakesEveryScheme(t *testing.T) {
	for base, want := range map[string]string{
		"":                        "wss://api.openai.com/v1/realtime?model=m",
		"https://h/v1/":           "wss://h/v1/realtime?model=m",
		"http://127.0.0.1:1":      "ws://127.0.0.1:1/realtime?model=m",
		"ws://h/x?scenario=books": "ws://h/x/realtime?model=m&scenario=books",
		"ftp://h":                 "", "wss:///v1": "", "://": "",
	} {
		got, err := Config{BaseURL: base, Model: "m"}.endpoint()
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", base, got, err)
		}
	}
	if _, err := (Config{}).endpoint(); err == nil {
		t.Error("no model is no fault")
	}
}

func TestASilentConnectionIsDead(t *testing.T) {
	release := make(chan struct{})
	cfg := serve(t, func(*websocket.Conn, *http.Request) { <-release }) // reads nothing, so answers no ping
	endpoint, err := cfg.endpoint()
	if err != nil {
		t.Fatal(err)
	}
	ws, resp, err := websocket.DefaultDialer.Dial(endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	conn := newConn(ws, 5*time.Millisecond, 50*time.Millisecond)
	if _, err := conn.Read(); err == nil {
		t.Error("a connection without a pong is alive")
	}
	close(release)
	conn.Close()
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"response.output_audio.delta","delta":"/w=="}`, `{"type":"error","error":null}`, `{"type":"response.done","response":{"usage":null}}`,
		`{"type":"response.output_item.done","item":{"type":"function_call","status":"completed","call_id":"c"}}`, `{"type":1}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := Decode(data)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		translate(ev)
		used := ServerEvent{Type: "error", ResponseID: "r", RateLimits: []RateLimit{{ResetSeconds: 1}}, Response: Response{Metadata: map[string]string{"kind": "greeting"}, Output: []Item{{ID: "i"}}}}
		if err := used.decode(data); err != nil || !reflect.DeepEqual(used, ev) {
			t.Errorf("read in place of another: %+v, %v; read anew: %+v", used, err, ev)
		}
	})
}

func BenchmarkDecodeDelta(b *testing.B) {
	msg := []byte(`{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"` + strings.Repeat("////", 800) + `"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		if _, err := Decode(msg); err != nil {
			b.Fatal(err)
		}
	}
}

// TestBadMessagesOfTheModelAreCountedAndOutlived: only one that no memory should hold ends the connection.
func TestBadMessagesOfTheModelAreCountedAndOutlived(t *testing.T) {
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) {
		configured(t, ws, pcmu, pcmu)
		if err := ws.WriteMessage(websocket.BinaryMessage, []byte{0, 1, 2}); err != nil {
			t.Error(err)
		}
		say(t, ws, `{`, `[]`, `{"type":7}`, `{"type":""}`, "\xff\xfe", `{"type":"response.output_audio.delta"`)
		say(t, ws, `{"type":"a.b","x":{}}`, `{"type":"response.done","response":[]}`)
		say(t, ws, `{"type":"input_audio_buffer.speech_started","item_id":"u","pad":"`+strings.Repeat("x", 1<<20)+`"}`)
		_ = ws.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), readLimit+1)) // cut by the reader
	})
	agent, err := Dialer{Config: cfg}.Dial(t.Context(), testSetup(media.PCMU))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	for i := range 8 { // the last is of no response
		if ev, err := agent.Receive(); err != nil || ev != (media.AgentGarbled{}) {
			t.Fatalf("message %d: %v, %v", i, ev, err)
		}
	}
	if ev, err := agent.Receive(); err != nil || ev != (media.CalleeStarted{ItemID: "u"}) {
		t.Errorf("a large event is read: %v", err)
	}
	if _, err := agent.Receive(); !errors.Is(err, websocket.ErrReadLimit) {
		t.Errorf("an oversized one ends the connection: %v", err)
	}
}
