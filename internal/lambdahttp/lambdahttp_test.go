package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/telephony/twilio"
)

var quiet = slog.New(slog.DiscardHandler)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seen is a request as a handler saw it.
type seen struct {
	*http.Request
	body string
}

// carry sends an event through, and returns what the handler saw and what was answered.
func carry(t testing.TB, event []byte, h http.HandlerFunc) (saw *seen, out answer) {
	t.Helper()
	b, err := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		saw = &seen{r, string(body)}
		if h != nil {
			h(w, r)
		}
	}), quiet).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return saw, out
}

func TestAWebhookArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	r, out := carry(t, golden(t, "form.json"), nil)
	if r.Method != "POST" || r.RequestURI != "/voice?callId=k3_Q-9&attempt=2" || r.URL.Path != "/voice" || r.Host != "api.example.com" {
		t.Errorf("%s %s %s", r.Method, r.RequestURI, r.Host)
	}
	if r.body != "CallSid=CA1&Digits=%23&Body=caf%C3%A9+%2B" || r.ContentLength != int64(len(r.body)) || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=UTF-8" {
		t.Errorf("%q, %d, %v", r.body, r.ContentLength, r.Header)
	}
	if r.RemoteAddr != "192.0.2.7:0" || r.Header.Get("X-Twilio-Signature") == "" || out.Status != 200 {
		t.Errorf("%s %v %d", r.RemoteAddr, r.Header, out.Status)
	}
}

// What Twilio signed is checked over the configured public address and the raw target.
func TestASignatureSurvives(t *testing.T) {
	t.Parallel()
	const token, base = "5e0c1d3a7b9f4c2e8d6a0b1c3e5f7a99", "https://call.example.com"
	p, err := twilio.New(twilio.Options{AccountSID: "AC" + strings.Repeat("0", 32), AuthTokens: []string{token}, FromNumber: "+14155550100"})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/voice", "/voice?callId=k3_Q-9&attempt=1", "/status?callId=a%27b&x=%2F%20+~&empty=", "/a%2Fb/c'd?z=1&a=2&z=3"} {
		form := url.Values{"CallSid": {"CA1"}, "From": {"+14155550123"}, "Odd": {"a b&c=d", ""}}
		path, query, _ := strings.Cut(target, "?")
		event := encode(t, map[string]any{
			"version": "2.0", "rawPath": path, "rawQueryString": query, "isBase64Encoded": true, "body": base64.StdEncoding.EncodeToString([]byte(form.Encode())),
			"headers":        map[string]string{"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": twilio.Sign(token, base+target, form), "host": "evil.example"},
			"requestContext": map[string]any{"http": map[string]string{"method": "POST"}},
		})
		saw, _ := carry(t, event, nil)
		if err := p.ValidateRequest(saw.Request, []byte(saw.body), base); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if err := p.ValidateRequest(saw.Request, []byte(saw.body+"&x=1"), base); err == nil {
			t.Errorf("%s: a changed body is taken", target)
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	t.Parallel()
	big := `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"POST"}},"body":"` + strings.Repeat("x", maxPayload) + `"}`
	for name, c := range map[string]struct {
		event  []byte
		status int
		says   string
	}{
		"payload 1.0":     {golden(t, "v1.json"), 400, "PayloadFormatVersion"},
		"a load balancer": {golden(t, "alb.json"), 400, "load balancer"},
		"cut off":         {golden(t, "form.json")[:200], 400, "cut off"},
		"nothing":         {nil, 400, "cut off"},
		"a schedule":      {[]byte(`{"v":1,"sweep":true}`), 400, "no request"},
		"bad base64":      {bytes.Replace(golden(t, "form.json"), []byte(`"body": "`), []byte(`"body": "!`), 1), 400, "base64"},
		"6 MB":            {[]byte(big), 413, "too large"},
		"a bad method":    {[]byte(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GE T"}}}`), 400, "method"},
		"no path":         {[]byte(`{"version":"2.0","requestContext":{"http":{"method":"GET"}}}`), 400, "no request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			saw, out := carry(t, c.event, nil)
			if saw != nil || out.Status != c.status || !strings.Contains(out.Body, c.says) || !strings.Contains(out.Body, `"ok":false`) {
				t.Errorf("%d %s", out.Status, out.Body)
			}
		})
	}
}

func TestAPanicIsAnAnswerAndALogLine(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b, err := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such thing") }), slog.New(slog.NewTextHandler(&log, nil))).Invoke(t.Context(), golden(t, "form.json"))
	var out answer
	if err != nil || json.Unmarshal(b, &out) != nil || out.Status != 500 || strings.Contains(out.Body, "no such thing") {
		t.Errorf("%s %v", b, err)
	}
	if !strings.Contains(log.String(), "no such thing") || strings.Contains(log.String(), "CA1") {
		t.Errorf("%s", log.String())
	}
}

func TestAnAnswerThatLambdaWouldNotSend(t *testing.T) {
	t.Parallel()
	_, out := carry(t, golden(t, "form.json"), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), maxPayload))
	})
	if out.Status != 500 || len(out.Body) > 200 {
		t.Errorf("%d, %d bytes", out.Status, len(out.Body))
	}
}

// A part of a recording may happen to be text; as JSON each of these bytes would be six.
func TestAudioIsNeverSentAsText(t *testing.T) {
	t.Parallel()
	silence := make([]byte, 4<<20)
	_, out := carry(t, golden(t, "form.json"), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/wav")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(silence)
	})
	body, err := base64.StdEncoding.DecodeString(out.Body)
	if err != nil || !out.Base64 || out.Status != 206 || !bytes.Equal(body, silence) {
		t.Errorf("%d, base64 %v, %d bytes, %v", out.Status, out.Base64, len(out.Body), err)
	}
}

func TestTheRequestEndsWithTheInvocation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("the function's time is over")
	cancel(late)
	_, _ = New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !errors.Is(context.Cause(r.Context()), late) {
			t.Error("the request lives on")
		}
	}), quiet).Invoke(ctx, golden(t, "form.json"))
}

// TestRequestsAndAnswersSurvive: through an event as API Gateway makes it, and back, both
// are what they are through net/http.
func TestRequestsAndAnswersSurvive(t *testing.T) {
	t.Parallel()
	text := rapid.StringOf(rapid.RuneFrom([]rune("abcXYZ 09%/+;=&'\"~é€\x00\n")))
	name := rapid.StringMatching(`X-[A-Z][a-z]{1,6}`)
	value := rapid.StringMatching(`[a-z0-9 =;/.-]{0,12}`)
	rapid.Check(t, func(rt *rapid.T) {
		target := "/" + url.PathEscape(text.Draw(rt, "path")) + "?" + url.Values{"q": {text.Draw(rt, "query")}}.Encode()
		body := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(rt, "body")
		status := rapid.SampledFrom([]int{0, 200, 201, 204, 301, 304, 404, 500}).Draw(rt, "status")
		headers := rapid.MapOfN(name, rapid.SliceOfN(value, 1, 2), 0, 4).Draw(rt, "headers")
		cookies := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,5}=[a-z]{1,5}`), 0, 3).Draw(rt, "cookies")
		h := func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), headers)
			for _, c := range cookies {
				w.Header().Add("Set-Cookie", c)
			}
			if status != 0 {
				w.WriteHeader(status)
			}
			_, _ = w.Write(body) // refused where there may be none
			_, _ = fmt.Fprint(w, r.RequestURI)
		}
		want := httptest.NewRecorder()
		h(want, httptest.NewRequest(http.MethodGet, target, nil))
		path, query, _ := strings.Cut(target, "?")
		saw, got := carry(t, encode(t, map[string]any{
			"version": "2.0", "rawPath": path, "rawQueryString": query, "requestContext": map[string]any{"http": map[string]string{"method": "GET"}},
		}), h)
		if saw.RequestURI != target {
			rt.Fatalf("%q arrived as %q", target, saw.RequestURI)
		}
		sent := []byte(got.Body)
		if got.Base64 {
			sent, _ = base64.StdEncoding.DecodeString(got.Body)
		}
		wanted := want.Body.Bytes()
		if !carriesBody(want.Code) {
			wanted = nil
		}
		if got.Status != want.Code || !bytes.Equal(sent, wanted) || !slices.Equal(got.Cookies, want.Header()["Set-Cookie"]) {
			rt.Fatalf("%+v, want %d %q %v", got, want.Code, wanted, want.Header())
		}
		for k, v := range headers {
			if got.Headers[strings.ToLower(k)] != strings.Join(v, ", ") {
				rt.Fatalf("%s: %q, want %q", k, got.Headers[strings.ToLower(k)], v)
			}
		}
		if len(wanted) > 0 && got.Headers["content-type"] != http.DetectContentType(wanted[:min(len(wanted), 512)]) {
			rt.Fatalf("content type %q", got.Headers["content-type"])
		}
	})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzInvoke: whatever comes, there is an answer that an HTTP API can send.
func FuzzInvoke(f *testing.F) {
	for _, name := range []string{"form.json", "get.json", "v1.json", "alb.json"} {
		f.Add(golden(f, name))
	}
	f.Add([]byte(`{"version":"2.0","rawPath":"//","requestContext":{"http":{"method":"GET"}},"cookies":["a=b","c"],"isBase64Encoded":true,"body":"AA=="}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		out, err := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(append(b, r.URL.String()...))
		}), quiet).Invoke(t.Context(), event)
		var a answer
		if err != nil || json.Unmarshal(out, &a) != nil || a.Status < 200 || a.Status > 599 || !utf8.Valid(out) {
			t.Fatalf("%s %v", out, err)
		}
	})
}
