package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is the webhooks over a store with one call in it, whose first attempt was dialled.
type house struct {
	*testing.T
	store    *calltest.Store
	phone    *phone
	counters *Counters
	log      bytes.Buffer
	handler  http.Handler
	id       call.ID
}

const sid = "CA1"

func newHouse(t *testing.T) *house {
	t.Helper()
	w := calltest.NewWorld()
	h := &house{T: t, store: w.Store, phone: &phone{Telephony: w.Telephony}, counters: &Counters{}}
	w.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) { return call.Started{ProviderCallID: sid}, nil }
	now := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	service := w.Service
	service.Telephony, service.PublicURL = h.phone, "https://h"
	service.Now, service.Log = func() time.Time { return now }, slog.New(slog.NewTextHandler(&h.log, nil))
	h.handler = New(Options{Service: service, PublicURL: "https://h", Counters: h.counters, Log: service.Log})
	request := call.Request{To: "+14155550123", Goal: "x", DurationMinutes: 30, WindowStart: now, WindowEnd: now.AddDate(0, 0, 14)}
	a, err := service.Place(t.Context(), "token-1", request, nil)
	if err != nil || a.Status != call.Dialing {
		t.Fatalf("%+v, %v", a, err)
	}
	h.id = a.CallID
	return h
}

func (h *house) post(target, body string) *httptest.ResponseRecorder {
	h.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) query(path string) string { return fmt.Sprintf("%s?callId=%s&attempt=1", path, h.id) }

func (h *house) want(w *httptest.ResponseRecorder, status int, body string) {
	h.Helper()
	if w.Code != status || !strings.HasPrefix(w.Body.String(), body) || (body == "" && w.Body.Len() > 0) {
		h.Errorf("%d %q, want %d %q", w.Code, w.Body, status, body)
	}
}

func (h *house) attempt() call.Attempt {
	h.Helper()
	c, err := h.store.Get(context.Background(), h.id)
	if err != nil {
		h.Fatal(err)
	}
	return *c.Last()
}

func TestAnAnsweredCallIsConnectedAndARepeatGetsTheSame(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.InProgress, Sequence: -1}
	first := h.post(h.query("/voice"), "CallSid="+sid)
	h.want(first, 200, "kind 0 wss://media.example/voice/stream/"+string(h.id)+".1.")
	if first.Header().Get("Content-Type") != "text/xml" {
		t.Error(first.Header())
	}
	if second := h.post(h.query("/voice"), "CallSid="+sid); second.Body.String() != first.Body.String() {
		t.Errorf("the repeat got %q", second.Body)
	}
	if !strings.HasSuffix(first.Body.String(), "https://h/voice?callId="+string(h.id)+"&attempt=1&after=stream") {
		t.Error(first.Body)
	}
}

func TestVoiceHangsUpOnWhatIsNotItsCall(t *testing.T) {
	own := call.ProviderReport{ProviderCallID: sid, Status: call.InProgress, Sequence: -1}
	foreign, other := own, own
	foreign.Foreign, other.ProviderCallID = true, "CA2"
	tests := []struct {
		name   string
		query  string
		report call.ProviderReport
		mapErr error
	}{
		{"unknown call", "?callId=nobody&attempt=1", own, nil},
		{"attempt not made", "?callId=%s&attempt=2", own, nil},
		{"other account", "?callId=%s&attempt=1", foreign, nil},
		{"other call of ours", "?callId=%s&attempt=1", other, nil},
		{"no attempt", "?callId=%s", own, nil},
		{"attempt that is no number", "?callId=%s&attempt=one", own, nil},
		{"attempt 0", "?callId=%s&attempt=0", own, nil},
		{"empty call id", "?callId=&attempt=1", own, nil},
		{"impossible call id", "?callId=a/b&attempt=1", own, nil},
		{"fields not understood", "?callId=%s&attempt=1", call.ProviderReport{}, errors.New("no CallSid")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.phone.report, h.phone.mapErr = tt.report, tt.mapErr
			h.want(h.post("/voice"+strings.ReplaceAll(tt.query, "%s", string(h.id)), "CallSid=x"), 200, "kind 1")
		})
	}
}

func TestSomebodyWhoRingsBackIsToldWhatWeAre(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: "CA9", Status: call.Ringing, Sequence: -1}
	h.want(h.post("/voice", "CallSid=CA9"), 200, "kind 3")
}

func TestAfterTheStreamTheRecordDecides(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.InProgress, Sequence: -1}
	h.want(h.post(h.query("/voice")+"&after=stream", "CallSid="+sid), 200, "kind 2")
}

func TestStatusCallbacksReachTheRecord(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.Ringing, Sequence: 1}
	h.want(h.post(h.query("/status"), "CallSid="+sid), 204, "")
	if s := h.attempt().Status; s != call.Ringing {
		t.Errorf("the attempt is %s", s)
	}
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.Dialing, Sequence: 0}
	h.want(h.post(h.query("/status"), "CallSid="+sid), 204, "")
	if s := h.attempt().Status; s != call.Ringing {
		t.Errorf("a late callback moved the attempt back to %s", s)
	}
}

func TestAMachineIsHungUpOn(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Machine: true, Sequence: -1}
	h.want(h.post(h.query("/amd"), "CallSid="+sid), 204, "")
	if a := h.attempt(); a.Status != call.NoAnswer || len(h.phone.Ended()) != 1 {
		t.Errorf("%s, hung up %d times", a.Status, len(h.phone.Ended()))
	}
}

func TestCallbacksThatNameNothingOfOursAreAnswered(t *testing.T) {
	for _, target := range []string{"/status", "/status?callId=nobody&attempt=1", "/status?callId=a%20b&attempt=1", "/amd?callId=nobody&attempt=1"} {
		h := newHouse(t)
		h.phone.report = call.ProviderReport{ProviderCallID: "CA7", Status: call.Busy, Machine: true, Sequence: 2}
		h.want(h.post(target, "CallSid=CA7"), 204, "")
		if h.attempt().Status != call.Dialing {
			t.Errorf("%s changed a call", target)
		}
	}
}

func TestAnUnsignedWebhookLearnsNothingAndLeavesNothing(t *testing.T) {
	for _, path := range []string{"/voice", "/status", "/amd"} {
		h := newHouse(t)
		h.phone.signed = errors.New("no signature")
		h.log.Reset()
		h.want(h.post(h.query(path)+"&x=secret", "CallSid=CA1&To=%2B14155550123"), 403, "")
		if n := h.counters.Unsigned.Load(); n != 1 {
			t.Errorf("counted %d", n)
		}
		if log := h.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "4155550123") || !strings.Contains(log, path) {
			t.Errorf("logged %s", log)
		}
	}
}

func TestABodyIsBounded(t *testing.T) {
	h := newHouse(t)
	h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.Ringing, Sequence: 1}
	h.want(h.post(h.query("/status"), "a="+strings.Repeat("x", maxBody-2)), 204, "")
	h.want(h.post(h.query("/status"), "a="+strings.Repeat("x", maxBody-1)), 413, "")
	if h.counters.TooLarge.Load() != 1 {
		t.Error("not counted")
	}
}

func TestAStoreThatDoesNotAnswerMakesTheProviderRepeat(t *testing.T) {
	for _, path := range []string{"/voice", "/status", "/amd"} {
		h := newHouse(t)
		h.phone.report = call.ProviderReport{ProviderCallID: sid, Status: call.Ringing, Machine: true, Sequence: 1}
		h.store.FailWith(func(string, call.Call) error { return errors.New("disk") })
		w := h.post(h.query(path), "CallSid="+sid)
		h.want(w, 503, "")
		if w.Header().Get("Retry-After") == "" || h.counters.Failed.Load() != 1 {
			t.Errorf("%s: %v, counted %d", path, w.Header(), h.counters.Failed.Load())
		}
	}
}

func TestABodyThatIsNoFormIsCounted(t *testing.T) {
	h := newHouse(t)
	for _, contentType := range []string{"application/json", "", "application/x-www-form-urlencoded"} {
		r := httptest.NewRequest(http.MethodPost, h.query("/status"), strings.NewReader("%zz"))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		h.want(w, 204, "")
	}
	if n := h.counters.Malformed.Load(); n != 3 {
		t.Errorf("counted %d, want 3", n)
	}
	if strings.Contains(h.log.String(), "%zz") {
		t.Errorf("logged %s", h.log.String())
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := newHouse(t)
	tests := []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/voice", 405},
		{http.MethodGet, "/status", 405},
		{http.MethodPut, "/amd", 405},
		{http.MethodPost, "/healthz", 405},
		{http.MethodGet, "/extra", 200},
		{http.MethodGet, "/nothing", 404},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || (tt.status == 405 && w.Header().Get("Allow") == "") {
			t.Errorf("%s %s: %d %v", tt.method, tt.path, w.Code, w.Header())
		}
	}
}

func TestHealth(t *testing.T) {
	h := newHouse(t)
	get := func(handler http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	h.want(get(h.handler, "/readyz"), 200, `{"ok":true}`)
	service := &call.Service{Store: h.store, Telephony: h.phone}
	unready := New(Options{Service: service, Log: slog.New(slog.DiscardHandler), Ready: []Check{{"configuration", func(context.Context) error { return errors.New("openai.apiKey is missing") }}}})
	h.want(get(unready, "/readyz"), 503, `{"ok":false,"reasons":{"configuration":"openai.apiKey is missing"}}`)
	h.store.FailWith(func(string, call.Call) error { return errors.New("open /secret/path: no such file") })
	h.want(get(h.handler, "/readyz"), 503, `{"ok":false,"reasons":{"store":"the call store does not answer"}}`)
	h.want(get(h.handler, "/healthz"), 200, `{"ok":true}`)
}

func FuzzWebhookQuery(f *testing.F) {
	for _, q := range []string{"callId=a&attempt=1", "callId=a&attempt=1&after=stream", "callId=%zz", "attempt=99999999999999999999", "callId=a;attempt=1"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodPost, "/voice", nil)
		r.URL.RawQuery = query
		h := hook{query: r.URL.Query()}
		if h.name() && h.callID != "" && (!h.callID.Valid() || h.attempt < 1) {
			t.Errorf("%q named call %q attempt %d", query, h.callID, h.attempt)
		}
	})
}
