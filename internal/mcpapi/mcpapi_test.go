package mcpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/toolapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokens are the callers of a test: a bearer is its own name, and what it may do.
type tokens map[string][]string

func (t tokens) Match(bearer string) (string, func(string) bool, bool) {
	scopes, ok := t[bearer]
	return bearer, func(s string) bool { return slices.Contains(scopes, s) }, ok
}

// house is the tools behind a real socket.
type house struct {
	*testing.T
	*calltest.World
	url string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, World: calltest.NewWorld()}
	h.Service.Numbers = toolapi.Numbers{}
	log := slog.New(slog.NewTextHandler(h.Log, nil))
	api := toolapi.New(toolapi.Options{Service: h.Service, Log: log, Tokens: tokens{"full": {"call", "status", "cancel"}, "watcher": {"status"}}})
	mux := http.NewServeMux()
	mux.Handle(Path, New(api, log))
	srv := httptest.NewServer(mux)
	h.url = srv.URL + Path
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
	})
	return h
}

// bearing adds a token to every request.
type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// connect is the official client, as an assistant uses it.
func (h *house) connect(bearer string) *mcp.ClientSession {
	h.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := client.Connect(h.Context(), &mcp.StreamableClientTransport{Endpoint: h.url, HTTPClient: &http.Client{Transport: bearing(bearer)}, DisableStandaloneSSE: true}, nil)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = s.Close() })
	return s
}

// use uses a tool and reads its answer into v, from the text as from the structure.
func (h *house) use(s *mcp.ClientSession, tool string, arguments, v any) (refused bool) {
	h.Helper()
	r, err := s.CallTool(h.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		h.Fatalf("%s: %v", tool, err)
	}
	text := r.Content[0].(*mcp.TextContent).Text
	var same any
	if err := json.Unmarshal([]byte(text), &same); err != nil || !reflect.DeepEqual(same, r.StructuredContent) {
		h.Errorf("the text is not the structure: %s and %v", text, r.StructuredContent)
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		h.Fatalf("%s: %v", text, err)
	}
	return r.IsError
}

// failure is the one shape of every error.
type failure struct {
	OK    bool
	Error struct {
		Code, Message string
		Fields        map[string]string
	}
}

func errand(now time.Time, more map[string]any) map[string]any {
	all := map[string]any{"to": "+14155550123", "goal": "Book a dental check-up.", "durationMinutes": 30, "windowEnd": now.AddDate(0, 0, 14).Format(time.RFC3339)}
	for k, v := range more {
		all[k] = v
	}
	return all
}

func TestTheOfficialClientUsesEveryTool(t *testing.T) {
	h := newHouse(t)
	s := h.connect("full")
	list, err := s.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	for i, ours := range toolapi.Keyed() {
		got := list.Tools[slices.IndexFunc(list.Tools, func(t *mcp.Tool) bool { return t.Name == ours.Name })]
		var want any
		if err := json.Unmarshal(ours.InputSchema, &want); err != nil || !reflect.DeepEqual(got.InputSchema, want) || got.Description != ours.Description || got.Annotations.Title == "" {
			t.Errorf("tool %d is not ours: %+v, %v", i, got, err)
		}
	}
	var dry call.Preview
	if h.use(s, "call_agent", errand(time.Now(), map[string]any{"dryRun": true}), &dry) || !dry.DryRun || dry.To != "+1******0123" || len(dry.Slots) == 0 {
		t.Errorf("%+v", dry)
	}
	var placed call.Answer
	if h.use(s, "call_agent", errand(time.Now(), nil), &placed) || placed.Status != call.Dialing || len(h.Telephony.Dials()) != 1 {
		t.Errorf("%+v, %d dials", placed, len(h.Telephony.Dials()))
	}
	var f failure
	if !h.use(s, "call_agent", errand(time.Now(), nil), &f) || f.OK || f.Error.Code != "conflict" || !strings.Contains(f.Error.Message, string(placed.CallID)) {
		t.Errorf("a second call to the number: %+v", f)
	}
	var status, canceled struct{ Call call.Document }
	if h.use(s, "call_agent_status", map[string]any{"callId": placed.CallID}, &status) || status.Call.Status != call.Dialing {
		t.Errorf("%+v", status)
	}
	if h.use(s, "call_agent_cancel", map[string]any{"callId": placed.CallID}, &canceled) || canceled.Call.Status != call.Canceled {
		t.Errorf("%+v", canceled)
	}
}

// TestAnErrandWithAKeyIsDoneOnce: also when the first call is over and its number is free again.
func TestAnErrandWithAKeyIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	s := h.connect("full")
	keyed := errand(time.Now(), map[string]any{"idempotencyKey": "dentist-1", "goal": "Book a <check-up>."})
	var first, again, other call.Answer
	if h.use(s, "call_agent", keyed, &first) || first.CallID == "" {
		t.Fatalf("%+v", first)
	}
	var canceled struct{ Call call.Document }
	if h.use(s, "call_agent_cancel", map[string]any{"callId": first.CallID}, &canceled) || canceled.Call.Status != call.Canceled {
		t.Fatalf("%+v", canceled)
	}
	if h.use(s, "call_agent", keyed, &again) || again.CallID != first.CallID || len(h.Telephony.Dials()) != 1 {
		t.Errorf("%+v, after %+v", again, first)
	}
	var f failure
	keyed["durationMinutes"] = 45
	if !h.use(s, "call_agent", keyed, &f) || f.Error.Code != "conflict" {
		t.Errorf("another errand with the same key: %+v", f)
	}
	for _, key := range []any{"", 7, nil, strings.Repeat("k", 257)} {
		keyed["idempotencyKey"] = key
		if f = (failure{}); !h.use(s, "call_agent", keyed, &f) || f.Error.Code != "invalid_request" || f.Error.Fields["idempotencyKey"] == "" || !strings.Contains(f.Error.Message, "idempotencyKey must") {
			t.Errorf("key %v: %+v", key, f)
		}
	}
	delete(keyed, "idempotencyKey")
	keyed["Idempotency-Key"], keyed["idempotency_key"] = "dentist-2", "dentist-3"
	if f = (failure{}); !h.use(s, "call_agent", keyed, &f) || f.Error.Code != "invalid_request" {
		t.Errorf("two keys: %+v", f)
	}
	delete(keyed, "idempotency_key")
	if h.use(s, "call_agent", keyed, &other) || other.CallID == first.CallID || len(h.Telephony.Dials()) != 2 {
		t.Errorf("%+v, after %+v", other, first)
	}
}

func TestWhatAToolRefusesIsAnAnswerThatSaysHowToMendIt(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		bearer, tool string
		arguments    any
		code         string
	}{
		{"full", "call_agent", map[string]any{"to": 7}, "invalid_request"},
		{"full", "call_agent", nil, "invalid_request"},
		{"full", "call_agent", errand(time.Now(), map[string]any{"to": "+19005550123"}), "forbidden"},
		{"watcher", "call_agent", errand(time.Now(), nil), "forbidden"},
		{"full", "call_agent_status", map[string]any{"callId": "nope"}, "not_found"},
		{"full", "call_agent_status", map[string]any{"callID": "nope"}, "invalid_request"},
		{"watcher", "call_agent_cancel", map[string]any{"callId": "nope"}, "forbidden"},
	} {
		var f failure
		if !h.use(h.connect(tt.bearer), tt.tool, tt.arguments, &f) || f.Error.Code != tt.code || f.Error.Message == "" {
			t.Errorf("%s %v: %+v, want %s", tt.tool, tt.arguments, f, tt.code)
		}
	}
	h.Store.FailWith(func(string, call.Call) error { return errors.New("open /secret: no such file") })
	var f failure
	if !h.use(h.connect("full"), "call_agent_status", map[string]any{"callId": "k3"}, &f) || f.Error.Code != "unavailable" || !strings.Contains(f.Error.Message, "Wait 5 seconds") || strings.Contains(f.Error.Message, "secret") {
		t.Errorf("%+v", f)
	}
	if _, err := h.connect("full").CallTool(t.Context(), &mcp.CallToolParams{Name: "no_such_tool"}); err == nil {
		t.Error("a tool that is not there was used")
	}
}

func TestAToolThatPanicsEndsNothing(t *testing.T) {
	h := newHouse(t)
	h.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) { panic("secret of the request") }
	s := h.connect("full")
	var f failure
	if !h.use(s, "call_agent", errand(time.Now(), nil), &f) || f.Error.Code != "internal" || strings.Contains(f.Error.Message, "secret") {
		t.Errorf("%+v", f)
	}
	if _, err := s.ListTools(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

const (
	listTools  = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"%s","capabilities":{},"clientInfo":{"name":"openclaw-bundle-mcp","version":"1"}}}`
)

// raw sends a body with headers as name, value; a header "" is left out.
func (h *house) raw(method, body string, headers ...string) (*http.Response, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.url, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer full")
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	return res, string(b)
}

func TestNobodyComesInWithoutAToken(t *testing.T) {
	h := newHouse(t)
	for _, token := range []string{"", "Bearer wrong", "Basic full", "full"} {
		res, body := h.raw("POST", listTools, "Authorization", token)
		if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" || !strings.Contains(body, `"code":"unauthorized"`) {
			t.Errorf("%q: %d %s", token, res.StatusCode, body)
		}
	}
}

func TestWhatIsNoRequestIsRefusedAndDoesNothing(t *testing.T) {
	h := newHouse(t)
	use := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call_agent","arguments":{"to":"+14155550123","goal":"x","durationMinutes":30}}}`
	for what, tt := range map[string]struct {
		method, body string
		headers      []string
		status       int
	}{
		"cut off":            {"POST", `{"jsonrpc":"2.0","id":1,`, nil, 400},
		"empty":              {"POST", ``, nil, 400},
		"no JSON-RPC":        {"POST", `{"tool":"call_agent"}`, nil, 400},
		"an empty batch":     {"POST", `[]`, nil, 400},
		"a batch":            {"POST", `[` + use + `,` + use + `]`, []string{"MCP-Protocol-Version", "2025-06-18"}, 400},
		"an unknown version": {"POST", use, []string{"MCP-Protocol-Version", "2023-01-01"}, 400},
		"another type":       {"POST", use, []string{"Content-Type", "text/plain"}, 415},
		"nothing accepted":   {"POST", use, []string{"Accept", "text/html"}, 400},
		"too large":          {"POST", strings.Repeat(" ", maxBody+1) + use, nil, 413},
		"a stream":           {"GET", "", nil, 405},
		"a session's end":    {"DELETE", "", nil, 405},
	} {
		if res, body := h.raw(tt.method, tt.body, tt.headers...); res.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", what, res.StatusCode, body, tt.status)
		}
	}
	if n := len(h.Telephony.Dials()); n != 0 {
		t.Errorf("%d dials", n)
	}
}

// An older client that may send batches gets one answer to each; it cannot ring twice.
func TestABatchOfAnOldClientIsAnsweredOneByOne(t *testing.T) {
	h := newHouse(t)
	res, body := h.raw("POST", `[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"ping"}]`, "MCP-Protocol-Version", "2025-03-26")
	var all []struct{ ID int }
	if err := json.Unmarshal([]byte(body), &all); err != nil || res.StatusCode != 200 || len(all) != 2 {
		t.Errorf("%d %s, %v", res.StatusCode, body, err)
	}
}

// As OpenClaw's client goes about it (research/openclaw section 2), and older ones.
func TestAnAssistantsClientIsUnderstoodAtItsOwnVersion(t *testing.T) {
	h := newHouse(t)
	for asked, want := range map[string]string{"2025-11-25": "2025-11-25", "2025-06-18": "2025-06-18", "2024-11-05": "2024-11-05", "1999-01-01": "2025-11-25"} {
		res, body := h.raw("POST", strings.Replace(initialize, "%s", asked, 1))
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Mcp-Session-Id") != "" || !strings.Contains(body, `"protocolVersion":"`+want+`"`) {
			t.Errorf("%s: %d %v %s", asked, res.StatusCode, res.Header, body)
		}
	}
	version := []string{"MCP-Protocol-Version", "2025-11-25"}
	if res, body := h.raw("POST", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, version...); res.StatusCode != 202 {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _ := h.raw("GET", "", append(version, "Accept", "text/event-stream")...); res.StatusCode != 405 {
		t.Errorf("%d", res.StatusCode)
	}
	if res, body := h.raw("POST", listTools, version...); res.StatusCode != 200 || strings.Count(body, `"inputSchema"`) != 3 || !strings.HasPrefix(res.Header.Get("Cache-Control"), "no-") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
