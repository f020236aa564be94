package toolapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/access"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite golden files")

// tokens are the callers of a test: a bearer is its own name, and what it may do.
type tokens map[string][]string

func (t tokens) Match(bearer string) (string, func(string) bool, bool) {
	scopes, ok := t[bearer]
	return bearer, func(s string) bool { return slices.Contains(scopes, s) }, ok
}

// desk is the tools over a store, with a phone that accepts every dial.
type desk struct {
	testing.TB
	*calltest.World
	service *call.Service
	log     bytes.Buffer
	handler http.Handler
	tokens  tokens
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{TB: t, World: calltest.NewWorld()}
	d.dial(call.Started{ProviderCallID: "CA1", Hint: "http://h/mock#x", StreamURL: "ws://h/s"}, nil)
	now := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	log := slog.New(slog.NewTextHandler(&d.log, nil))
	d.service = d.Service
	d.service.Numbers, d.service.Defaults.OwnNumber = Numbers{}, "+14155550100"
	d.service.PublicURL, d.service.Now, d.service.Log = "https://h", func() time.Time { return now }, log
	d.tokens = tokens{"full": {"call", "status", "cancel"}, "caller": {"call"}, "watcher": {"status"}, "reader": {"read"}, "stopper": {"cancel"}}
	d.handler = published().Hold(t, New(Options{Service: d.service, Tokens: d.tokens, Log: log}))
	return d
}

// dial sets what every dial comes to.
func (d *desk) dial(s call.Started, err error) {
	d.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) { return s, err }
}

// panicking makes every dial panic.
func (d *desk) panicking() {
	d.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) { panic("secret of the request") }
}

// post sends body with the headers given as name, value, name, value.
func (d *desk) post(path, bearer, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

const (
	minimal  = `{"to":"+14155550123","goal":"Book a check-up","durationMinutes":30}`
	callPath = "/tools/call_agent"
	statPath = "/tools/call_agent_status"
)

// failure decodes an error and holds it against its shape.
func (d *desk) failure(w *httptest.ResponseRecorder) access.ErrorDocument {
	d.Helper()
	var e access.ErrorDocument
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil || e.OK || e.Error.Code == "" || e.Error.Message == "" || w.Header().Get("Content-Type") != "application/json" {
		d.Fatalf("%d %v is no error of ours: %v", w.Code, w.Header(), err)
	}
	return e
}

func TestACallIsPlacedAndItsStatusTold(t *testing.T) {
	d := newDesk(t)
	w := d.post(callPath, "full", minimal)
	var a call.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || !a.OK || a.Status != call.Dialing || a.Hint == "" || a.StreamURL == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w = d.post(statPath, "full", `{"callId":"`+string(a.CallID)+`"}`)
	var s struct {
		OK   bool
		Call call.Document
	}
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || !s.OK || s.Call.CallID != a.CallID || s.Call.Outcome != call.Pending || s.Call.Request.To != "+14155550123" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	if strings.Contains(d.log.String(), "4155550123") || strings.Contains(d.log.String(), "check-up") {
		t.Errorf("logged %s", d.log.String())
	}
}

func TestARefusedDialIsAnAnswerAndNoError(t *testing.T) {
	d := newDesk(t)
	d.dial(call.Started{}, &call.DialError{Kind: call.DialRefusedForGood, Code: "twilio 21211", Words: "check `to`."})
	w := d.post(callPath, "full", minimal)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"failed"`) || !strings.Contains(w.Body.String(), "twilio 21211: check `to`.") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheSameKeyAndBodyGetTheFirstAnswer(t *testing.T) {
	d := newDesk(t)
	first := d.post(callPath, "full", minimal, "Idempotency-Key", "k")
	reordered := "{ \"durationMinutes\":30,\n\"goal\":\"Book a check-up\", \"to\":\"+14155550123\"}"
	if again := d.post(callPath, "full", reordered, "Idempotency-Key", "k"); again.Body.String() != first.Body.String() || again.Code != 200 {
		t.Errorf("%s\nthen %s", first.Body, again.Body)
	}
	other := strings.Replace(minimal, "30", "45", 1)
	if w := d.post(callPath, "full", other, "Idempotency-Key", "k"); w.Code != 409 || d.failure(w).Error.Code != call.Conflict {
		t.Errorf("another body: %d", w.Code)
	}
	elsewhere := strings.Replace(minimal, "0123", "0124", 1)
	if w := d.post(callPath, "caller", elsewhere, "Idempotency-Key", "k"); w.Code != 200 {
		t.Errorf("the key of another token: %d %s", w.Code, w.Body)
	}
	if n := len(d.Telephony.Dials()); n != 2 {
		t.Errorf("%d calls were placed", n)
	}
}

// What was answered once is answered again, though the request would not be taken now.
func TestARepeatAfterTheWindowGetsTheFirstAnswer(t *testing.T) {
	d := newDesk(t)
	body := strings.Replace(minimal, "}", `,"windowEnd":"2026-03-02T18:00:00Z"}`, 1)
	first := d.post(callPath, "full", body, "Idempotency-Key", "k")
	later := d.service.Now().Add(2 * time.Hour)
	d.service.Now = func() time.Time { return later }
	if again := d.post(callPath, "full", body, "Idempotency-Key", "k"); again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("%d %s\nfirst %s", again.Code, again.Body, first.Body)
	}
	if fresh := d.post(callPath, "full", body, "Idempotency-Key", "other"); fresh.Code != 400 {
		t.Errorf("%d %s", fresh.Code, fresh.Body)
	}
}

func TestAnIdempotencyKeyHas1To256Characters(t *testing.T) {
	for key, status := range map[string]int{"": 400, strings.Repeat("k", 256): 200, strings.Repeat("k", 257): 400} {
		d := newDesk(t)
		w := d.post(callPath, "full", minimal, "Idempotency-Key", key)
		if w.Code != status || (status == 400 && d.failure(w).Error.Fields["Idempotency-Key"] == "") {
			t.Errorf("%d characters: %d", len(key), w.Code)
		}
	}
}

func TestTheHashIsOfWhatIsSaid(t *testing.T) {
	same := []string{`{"a":1,"b":[1,2]}`, "{ \"b\" : [1, 2],\n\"a\": 1 }"}
	if bodyHash([]byte(same[0])) != bodyHash([]byte(same[1])) {
		t.Error("order and white space count")
	}
	for _, other := range []string{`{"a":1,"b":[2,1]}`, `{"a":"1","b":[1,2]}`, `{"a":1.0,"b":[1,2]}`, `not json`} {
		if bodyHash([]byte(same[0])) == bodyHash([]byte(other)) {
			t.Errorf("%s has the same hash", other)
		}
	}
}

func TestScopesDecideWhoMayDoWhat(t *testing.T) {
	d := newDesk(t)
	var a call.Answer
	if err := json.Unmarshal(d.post(callPath, "full", minimal).Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	status := `{"callId":"` + string(a.CallID) + `"}`
	tests := []struct {
		path, bearer, body string
		want               int
	}{
		{callPath, "watcher", minimal, 403},
		{callPath, "reader", minimal, 403},
		{statPath, "full", status, 200},
		{statPath, "caller", status, 403},
		{statPath, "watcher", status, 404}, // another token's call
		{statPath, "reader", status, 200},
		{statPath, "nobody", status, 401},
		{callPath, "", minimal, 401},
	}
	for _, tt := range tests {
		if w := d.post(tt.path, tt.bearer, tt.body); w.Code != tt.want {
			t.Errorf("%s as %q: %d, want %d", tt.path, tt.bearer, w.Code, tt.want)
		}
	}
}

func TestATokenComesOnlyAsOneBearer(t *testing.T) {
	for _, header := range []string{"full", "Basic full", "Bearer", "Bearer ", "Bearer full full"} {
		d := newDesk(t)
		if w := d.post(callPath, "", minimal, "Authorization", header); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	d := newDesk(t)
	if w := d.post(callPath, "", minimal, "Authorization", "bearer full"); w.Code != 200 {
		t.Errorf("the scheme's case counts: %d", w.Code)
	}
}

func TestTheBodyIsJSONOfAtMost64KiB(t *testing.T) {
	padded := minimal + strings.Repeat(" ", maxBody-len(minimal))
	tests := []struct {
		contentType, body string
		want              int
	}{
		{"application/json; charset=utf-8", minimal, 200},
		{"application/json", padded, 200},
		{"application/json", padded + " ", 413},
		{"", minimal, 400},
		{"text/plain", minimal, 400},
		{"application/json; charset=latin1", minimal, 400},
		{"application/x-www-form-urlencoded", minimal, 400},
	}
	for _, tt := range tests {
		d := newDesk(t)
		if w := d.post(callPath, "full", tt.body, "Content-Type", tt.contentType); w.Code != tt.want {
			t.Errorf("%q, %d bytes: %d, want %d", tt.contentType, len(tt.body), w.Code, tt.want)
		}
	}
}

// every error code, with the bytes that the caller gets
func TestEveryErrorKeepsItsShape(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header string
		do     func(d *desk) *httptest.ResponseRecorder
	}{
		{"invalid_request", 400, "", func(d *desk) *httptest.ResponseRecorder {
			return d.post(callPath, "full", `{"to":"4155550123","goal":"","durationMinutes":"30","windowstart":"x","windowEnd":"2020-01-01T00:00:00Z"}`)
		}},
		{"invalid_status_request", 400, "", func(d *desk) *httptest.ResponseRecorder { return d.post(statPath, "full", `{"call":"x","callId":7}`) }},
		{"unauthorized", 401, "WWW-Authenticate", func(d *desk) *httptest.ResponseRecorder { return d.post(callPath, "wrong", minimal) }},
		{"forbidden_number", 403, "", func(d *desk) *httptest.ResponseRecorder {
			return d.post(callPath, "full", strings.Replace(minimal, "4155550123", "9005550123", 1))
		}},
		{"forbidden_scope", 403, "", func(d *desk) *httptest.ResponseRecorder { return d.post(callPath, "watcher", minimal) }},
		{"not_found", 404, "", func(d *desk) *httptest.ResponseRecorder { return d.post(statPath, "full", `{"callId":"nope"}`) }},
		{"no_such_path", 404, "", func(d *desk) *httptest.ResponseRecorder { return d.post("/tools/nothing", "", ``) }},
		{"method", 405, "Allow", func(d *desk) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			d.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, callPath, nil))
			return w
		}},
		{"conflict", 409, "", func(d *desk) *httptest.ResponseRecorder {
			if _, err := d.Store.Create(d.Context(), call.Call{ID: "k3_Q-9", Request: call.Request{To: "+14155550123"}}, nil, call.Quota{}); err != nil {
				d.Fatal(err)
			}
			return d.post(callPath, "full", minimal)
		}},
		{"forbidden_country", 403, "", func(d *desk) *httptest.ResponseRecorder {
			d.service.Rules.Policy.Countries = []string{"US"}
			return d.post(callPath, "full", strings.Replace(minimal, "+14155550123", "+442079460000", 1))
		}},
		{"dialling_off", 403, "", func(d *desk) *httptest.ResponseRecorder {
			d.service.Rules.Policy.Dialling = false
			return d.post(callPath, "full", minimal)
		}},
		{"rate_limited", 429, "Retry-After", func(d *desk) *httptest.ResponseRecorder {
			d.service.Rules.Policy.CallsPerDay = 1
			d.post(callPath, "full", strings.Replace(minimal, "0123", "0124", 1))
			return d.post(callPath, "full", minimal)
		}},
		{"too_large", 413, "", func(d *desk) *httptest.ResponseRecorder {
			return d.post(callPath, "full", strings.Repeat(" ", maxBody+1))
		}},
		{"unavailable", 503, "Retry-After", func(d *desk) *httptest.ResponseRecorder {
			d.Store.FailWith(func(string, call.Call) error { return errors.New("open /secret: no such file") })
			return d.post(callPath, "full", minimal)
		}},
		{"internal", 500, "", func(d *desk) *httptest.ResponseRecorder {
			d.panicking()
			return d.post(callPath, "full", minimal)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.do(newDesk(t))
			if w.Code != tt.status || (tt.header != "" && w.Header().Get(tt.header) == "") {
				t.Errorf("%d %v, want %d with %s", w.Code, w.Header(), tt.status, tt.header)
			}
			golden(t, filepath.Join("errors", tt.name+".json"), w.Body.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}

func TestEveryCodeOfTheContractHasItsStatus(t *testing.T) {
	want := map[call.Code]int{"invalid_request": 400, "unauthorized": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "too_large": 413, "rate_limited": 429, "unavailable": 503, "internal": 500}
	for code, status := range want {
		d := newDesk(t)
		w := httptest.NewRecorder()
		access.Door{Log: d.service.Log}.Fail(w, httptest.NewRequest(http.MethodPost, callPath, nil), &call.Error{Code: code, Message: "m", RetryAfter: 1500 * time.Millisecond})
		if w.Code != status || d.failure(w).Error.Code != code {
			t.Errorf("%s became %d", code, w.Code)
		}
		if got := w.Header().Get("Retry-After"); (status == 429 || status == 503) != (got == "2") {
			t.Errorf("%s: Retry-After %q", code, got)
		}
	}
	if len(access.Statuses()) != len(want) {
		t.Errorf("%d codes, want %d", len(access.Statuses()), len(want))
	}
}

// What is not meant for the caller is logged and not told.
func TestAnErrorOfOursIsNotShown(t *testing.T) {
	for _, err := range []error{errors.New("secret path"), &call.Error{Code: "odd", Message: "secret path"}} {
		d := newDesk(t)
		w := httptest.NewRecorder()
		access.Door{Log: d.service.Log}.Fail(w, httptest.NewRequest(http.MethodPost, callPath, nil), err)
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || d.log.Len() == 0 {
			t.Errorf("%d %s, logged %s", w.Code, w.Body, d.log.String())
		}
	}
}

func TestAPanicIsLogged(t *testing.T) {
	d := newDesk(t)
	d.panicking()
	if w := d.post(callPath, "full", minimal); strings.Contains(w.Body.String(), "secret of") || !strings.Contains(d.log.String(), "toolapi_test.go") {
		t.Errorf("%s, logged %s", w.Body, d.log.String())
	}
}

func TestTheListOfToolsNeedsNoToken(t *testing.T) {
	d := newDesk(t)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/tools", nil))
	if w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "tools.json", pretty.Bytes())
}

func schemaOf(t testing.TB, tool Tool) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(tool.InputSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(tool.Name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(tool.Name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
