package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/freeport"
)

// carrier is a provider whose REST API is h, under a path prefix.
func carrier(t *testing.T, h http.HandlerFunc) *Provider {
	t.Helper()
	srv := httptest.NewServer(http.StripPrefix("/prefix", h))
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); srv.Close() })
	return newProvider(t, Options{BaseURL: srv.URL + "/prefix/", Transport: transport})
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var testDial = call.Dial{
	CallID: "k3", Attempt: 1, To: testTo,
	VoiceURL: "https://h/voice?callId=k3&attempt=1", StatusURL: "https://h/status?callId=k3&attempt=1",
	MachineURL:  "https://h/amd?callId=k3&attempt=1",
	RingTimeout: 25 * time.Second, MaxLength: 599500 * time.Millisecond,
}

func TestACreateSaysEverythingTwilioNeeds(t *testing.T) {
	t.Setenv("TWILIO_EDGE", "sydney")
	t.Setenv("TWILIO_REGION", "au1")
	var form url.Values
	p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if user != testAccount || pass != testToken || r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/"+testAccount+"/Calls.json" {
			t.Errorf("%s %s as %q", r.Method, r.URL, user)
		}
		_ = r.ParseForm()
		form = r.PostForm
		answer(201, `{"sid":"`+testSID+`","status":"queued"}`)(w, r)
	})
	started, err := p.StartCall(t.Context(), testDial)
	if err != nil || started.ProviderCallID != testSID || started.Hint != "" || started.StreamURL != "" {
		t.Fatalf("%+v, %v", started, err)
	}
	const retry = "#rc=2&rp=5xx,ct,rt"
	want := url.Values{
		"To": {testTo}, "From": {testFrom}, "Url": {testDial.VoiceURL + retry}, "Method": {"POST"},
		"StatusCallback": {testDial.StatusURL + retry}, "StatusCallbackMethod": {"POST"},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
		"Timeout":             {"25"}, "TimeLimit": {"600"},
		"MachineDetection": {"Enable"}, "AsyncAmd": {"true"},
		"AsyncAmdStatusCallback": {testDial.MachineURL + retry}, "AsyncAmdStatusCallbackMethod": {"POST"},
	}
	if !reflect.DeepEqual(form, want) {
		t.Errorf("sent %v\nwant %v", form, want)
	}
}

func TestACreatesErrorSaysWhatItMeansForTheAttempt(t *testing.T) {
	twilioError := func(status, code int) http.HandlerFunc {
		return answer(status, fmt.Sprintf(`{"code":%d,"message":"about %s","status":%d}`, code, testTo, status))
	}
	tests := []struct {
		name  string
		h     http.HandlerFunc
		kind  call.DialKind
		code  string
		words string
	}{
		{"rate limit", twilioError(429, 20429), call.DialRefusedForNow, "twilio 20429", "tried again"},
		{"concurrency", twilioError(429, 10004), call.DialRefusedForNow, "twilio 10004", "business profile"},
		{"bare 429", answer(429, ""), call.DialRefusedForNow, "twilio http 429", "tried again"},
		{"invalid number", twilioError(400, 21211), call.DialRefusedForGood, "twilio 21211", "check `to`"},
		{"credentials", twilioError(401, 20003), call.DialRefusedForGood, "twilio 20003", "twilio.authToken"},
		{"unknown code", twilioError(400, 21999), call.DialRefusedForGood, "twilio 21999", "twilio.com/docs"},
		{"HTML 404", answer(404, "<html>"), call.DialRefusedForGood, "twilio http 404", "twilio.com/docs"},
		{"JSON 500", twilioError(500, 20500), call.DialUnknown, "twilio 20500", "may have been placed"},
		{"HTML 503", answer(503, "<html>"), call.DialUnknown, "twilio http 503", "may have been placed"},
		{"empty 502", answer(502, ""), call.DialUnknown, "twilio http 502", "may have been placed"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, call.DialUnknown, "twilio http 302", "may have been placed"},
		{"undecodable success", answer(201, "<html>"), call.DialUnknown, "twilio http 201", "may have been placed"},
		{"success without a SID", answer(201, `{"status":"queued"}`), call.DialUnknown, "twilio http 201", "may have been placed"},
		{"success with a foreign SID", answer(201, `{"sid":"../x"}`), call.DialUnknown, "twilio http 201", "may have been placed"},
		{"endless success", answer(201, `{"sid":"`+strings.Repeat("A", maxAnswer)+`"}`), call.DialUnknown, "twilio http 201", "may have been placed"},
		{"broken connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, call.DialUnknown, "", "may have been placed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkDialError(t, carrier(t, tt.h), tt.kind, tt.code, tt.words) })
	}
}

func checkDialError(t *testing.T, p *Provider, kind call.DialKind, code, words string) {
	t.Helper()
	_, err := p.StartCall(t.Context(), testDial)
	var d *call.DialError
	if !errors.As(err, &d) {
		t.Fatalf("%v is no DialError", err)
	}
	if d.Kind != kind || d.Code != code || !strings.Contains(d.Words, words) {
		t.Errorf("kind %d code %q words %q", d.Kind, d.Code, d.Words)
	}
	for _, secret := range []string{testTo, testTo[1:], testFrom[1:], testToken, testAccount} {
		if strings.Contains(d.Error()+d.Err.Error(), secret) {
			t.Errorf("the error holds %q: %v / %v", secret, d, d.Err)
		}
	}
}

func TestARefusalForNowKeepsItsRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "30": 30 * time.Second, "Mon, 24 Nov 2025 10:00:00 GMT": 0, "soon": 0} {
		p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			answer(429, `{"code":20429,"status":429}`)(w, r)
		})
		_, err := p.StartCall(t.Context(), testDial)
		var d *call.DialError
		if !errors.As(err, &d) || d.RetryAfter != want {
			t.Errorf("Retry-After %q: %+v, want %v", header, d, want)
		}
	}
}

func TestACodeKeepsItsWordsAndItsMend(t *testing.T) {
	for code, words := range codeWords {
		if !strings.HasSuffix(words, ".") || !strings.ContainsAny(words, ";.,") || len(words) < 40 {
			t.Errorf("%d: %q says no mend", code, words)
		}
	}
}

func TestARefusedConnectionHasSentNothing(t *testing.T) {
	port, err := freeport.Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t, Options{BaseURL: "http://127.0.0.1:" + port})
	checkDialError(t, p, call.DialNotSent, "", "nothing was dialled")
}

func TestADNSFailureHasSentNothing(t *testing.T) {
	p := newProvider(t, Options{Transport: failing{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}}}})
	checkDialError(t, p, call.DialNotSent, "", "nothing was dialled")
}

func TestABrokenWriteMayHaveSentTheRequest(t *testing.T) {
	p := newProvider(t, Options{Transport: failing{&net.OpError{Op: "write", Err: io.ErrClosedPipe}}})
	checkDialError(t, p, call.DialUnknown, "", "may have been placed")
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestTheContextBoundsARequest(t *testing.T) {
	release := make(chan struct{})
	p := carrier(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the request is on its way by then
	defer cancel()
	_, err := p.StartCall(ctx, testDial)
	var d *call.DialError
	if !errors.As(err, &d) || d.Kind != call.DialUnknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestEndingACallThatIsDownIsSuccess(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		ok     bool
	}{
		{"ended", 200, `{"sid":"` + testSID + `","status":"completed"}`, true},
		{"already down", 400, `{"code":21220,"status":400}`, true},
		{"unknown", 404, `{"code":20404,"status":404}`, true},
		{"a proxy's 404", 404, `<html>`, false},
		{"down", 500, `{}`, false},
		{"refused", 401, `{"code":20003,"status":401}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("Status") != "completed" || !strings.HasSuffix(r.URL.Path, "/Calls/"+testSID+".json") {
					t.Errorf("%s %v", r.URL.Path, r.Form)
				}
				answer(tt.status, tt.body)(w, r)
			})
			if err := p.EndCall(t.Context(), testSID); (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAForeignIDIsNeverPutIntoAPath(t *testing.T) {
	p := newProvider(t, Options{Transport: failing{errors.New("must not be asked")}})
	for _, id := range []string{"", "mock-1", "../../x", testSID + "/Recordings"} {
		if err := p.EndCall(t.Context(), id); err == nil || strings.Contains(err.Error(), "asked") {
			t.Errorf("EndCall(%q): %v", id, err)
		}
		if id == "" {
			continue
		}
		if _, _, err := p.LookUp(t.Context(), call.LookUp{ProviderCallID: id}); err == nil || strings.Contains(err.Error(), "asked") {
			t.Errorf("LookUp(%q): %v", id, err)
		}
	}
}

func TestLookUpBySID(t *testing.T) {
	for wire, want := range statuses {
		p := carrier(t, answer(200, `{"sid":"`+testSID+`","account_sid":"`+testAccount+`","status":"`+wire+`","date_created":"Tue, 24 Nov 2026 10:00:00 +0000"}`))
		r, found, err := p.LookUp(t.Context(), call.LookUp{ProviderCallID: testSID})
		if err != nil || !found || r.Status != want || r.ProviderCallID != testSID || r.Foreign || r.Sequence != -1 {
			t.Errorf("%s: %+v %t %v", wire, r, found, err)
		}
	}
}

func TestLookUpSaysNotFoundOnlyWhereTwilioDoes(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		body    string
		wantErr bool
	}{
		{"not found", 404, `{"code":20404,"status":404}`, false},
		{"a proxy's 404", 404, `nope`, true},
		{"down", 503, ``, true},
		{"a status that we do not know", 200, `{"sid":"` + testSID + `","status":"asleep"}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, found, err := carrier(t, answer(tt.status, tt.body)).LookUp(t.Context(), call.LookUp{ProviderCallID: testSID})
			if found || (err != nil) != tt.wantErr {
				t.Errorf("found %t, %v", found, err)
			}
		})
	}
}

func TestLookUpByNumberTakesTheNewestCallSinceTheDial(t *testing.T) {
	dialled := time.Date(2026, 11, 24, 10, 0, 0, 500, time.UTC)
	sid := func(n int) string { return fmt.Sprintf("CA%032d", n) }
	row := func(n int, from, to string, after time.Duration) map[string]any {
		return map[string]any{
			"sid": sid(n), "account_sid": testAccount, "from": from, "to": to, "status": "busy",
			"date_created": dialled.Add(after).Format(time.RFC1123Z),
		}
	}
	pages := map[string]any{
		"": map[string]any{
			"calls":         []any{row(1, testFrom, testTo, -time.Minute), row(2, testFrom, testTo, 0)},
			"next_page_uri": "/2010-04-01/Accounts/" + testAccount + "/Calls.json?Page=1",
		},
		"1": map[string]any{"calls": []any{row(3, testFrom, testTo, 3*time.Second), row(4, "+14155550111", testTo, time.Hour), row(5, testFrom, "+14155550199", time.Hour)}},
	}
	var query url.Values
	p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Page") == "" {
			query = r.URL.Query()
		}
		_ = json.NewEncoder(w).Encode(pages[r.FormValue("Page")])
	})
	r, found, err := p.LookUp(t.Context(), call.LookUp{To: testTo, DialledAfter: dialled})
	if err != nil || !found || r.ProviderCallID != sid(3) || r.Status != call.Busy {
		t.Errorf("%+v %t %v", r, found, err)
	}
	if query.Get("To") != testTo || query.Get("From") != testFrom || query.Get("StartTime>") != "2026-11-24T09:59:00Z" {
		t.Errorf("asked %v", query)
	}
	if _, found, err = p.LookUp(t.Context(), call.LookUp{To: testTo, DialledAfter: dialled.Add(time.Hour)}); found || err != nil {
		t.Errorf("found %t %v, want nothing: every call is older than the dial", found, err)
	}
}

func FuzzRESTErrorDecode(f *testing.F) {
	f.Add(400, `{"code":21211,"message":"x","status":400}`)
	f.Add(429, ``)
	f.Add(503, `<html>`)
	f.Add(201, `{"sid":null}`)
	f.Add(400, `{"code":"21211"}`)
	f.Add(200, `[1,2`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		p := newProvider(t, Options{Transport: canned{status, body}})
		started, err := p.StartCall(context.Background(), testDial)
		if err == nil {
			if !isSID(started.ProviderCallID) || status >= 300 {
				t.Errorf("%d %q was taken for success", status, body)
			}
			return
		}
		var d *call.DialError
		if !errors.As(err, &d) || d.Words == "" {
			t.Fatalf("%v", err)
		}
		refused := status >= 400 && status < 500
		if (d.Kind != call.DialUnknown) != refused {
			t.Errorf("%d: kind %d", status, d.Kind)
		}
	})
}

// FuzzProbes: whatever Twilio answers about account and number, only an answer that names
// ours is believed.
func FuzzProbes(f *testing.F) {
	f.Add(200, `{"sid":"`+testAccount+`","status":"active","type":"Full"}`)
	f.Add(200, `{"sid":"`+testAccount+`","status":"suspended","type":"Trial"}`)
	f.Add(200, `{"incoming_phone_numbers":[{"phone_number":"`+testFrom+`","capabilities":{"voice":true},"voice_url":"https://x"}]}`)
	f.Add(200, `{"incoming_phone_numbers":[{"phone_number":"`+testFrom+`","capabilities":null,"trunk_sid":"TK1"},{}]}`)
	f.Add(200, `{"incoming_phone_numbers":null}`)
	f.Add(200, `[]`)
	f.Add(403, `{"code":20008,"message":"Resource not accessible with Test Account Credentials"}`)
	f.Add(404, `{"code":20404}`)
	f.Add(401, ``)
	f.Add(502, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		p := newProvider(t, Options{Transport: canned{status, body}})
		a, err := p.ProbeAccount(context.Background())
		if err == nil && (a.Status == "" || status >= 300 || !strings.Contains(strings.ToLower(body), "sid")) || err != nil && a != (Account{}) {
			t.Errorf("%d %q: account %+v, %v", status, body, a, err)
		}
		n, err := p.ProbeNumber(context.Background())
		if err == nil && status >= 300 || (err != nil || !n.Owned) && n != (Number{}) {
			t.Errorf("%d %q: number %+v, %v", status, body, n, err)
		}
	})
}

type canned struct {
	status int
	body   string
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
}
