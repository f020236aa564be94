package mock

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

func TestStartCallHandsOutBothLinks(t *testing.T) {
	p := New(Options{PublicURL: "http://localhost:4545/agent/"})
	token := call.StreamToken{CallID: "k3_Q-9", Attempt: 2}.Sign([]byte("secret"))
	started, err := p.StartCall(t.Context(), call.Dial{CallID: "k3_Q-9", Attempt: 2, StreamToken: token, StreamURL: "ws://localhost:4545/agent/voice/stream/" + token})
	if err != nil || started.ProviderCallID != "mock-k3_Q-9-2" || started.StreamURL != "ws://localhost:4545/agent/voice/stream/"+token {
		t.Errorf("%+v, %v", started, err)
	}
	if want := "http://localhost:4545/agent/mock#callId=k3_Q-9&token=" + token; started.Hint != want {
		t.Errorf("hint %s\nwant %s", started.Hint, want)
	}
}

func TestNoWebhookIsEverAccepted(t *testing.T) {
	p := New(Options{})
	r := httptest.NewRequest(http.MethodPost, "/status", nil)
	r.Header.Set("X-Twilio-Signature", "x")
	if err := p.ValidateRequest(r, nil, ""); !errors.Is(err, ErrNoWebhooks) {
		t.Error(err)
	}
	if _, err := p.MapStatus(url.Values{"CallStatus": {"completed"}}); !errors.Is(err, ErrNoWebhooks) {
		t.Error(err)
	}
}

func TestOurRecordDecides(t *testing.T) {
	p := New(Options{})
	r, found, err := p.LookUp(context.Background(), call.LookUp{ProviderCallID: "mock-a-1"})
	if err != nil || !found || r.Status != call.Ringing || r.ProviderCallID != "mock-a-1" || r.Sequence != -1 {
		t.Errorf("%+v %t %v", r, found, err)
	}
	if err := p.EndCall(context.Background(), "mock-a-1"); err != nil {
		t.Error(err)
	}
	if p.Name() != "mock" {
		t.Error(p.Name())
	}
}

func TestVoiceResponseKnowsEveryKind(t *testing.T) {
	p := New(Options{})
	for _, k := range []call.VoiceKind{call.VoiceConnect, call.VoiceHangUp, call.VoiceApology, call.VoiceInbound} {
		if _, body, err := p.VoiceResponse(call.VoiceReply{Kind: k}); err != nil || len(body) == 0 {
			t.Errorf("%d: %q, %v", k, body, err)
		}
	}
	if _, _, err := p.VoiceResponse(call.VoiceReply{Kind: 99}); err == nil {
		t.Error("an unknown kind was rendered")
	}
}

// get asks the provider's routes as a browser would.
func get(t *testing.T, path string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range New(Options{}).Routes() {
		mux.Handle(pattern, h)
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Result()
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(files, "page/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestThePageAndEveryPartItLoadsAreServed(t *testing.T) {
	paths := []string{"/mock"}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(read(t, "phone.html"), -1) {
		paths = append(paths, "/"+m[1])
	}
	for _, m := range regexp.MustCompile(`(?:from "\./|new URL\(")([a-z]+\.js)"`).FindAllStringSubmatch(read(t, "phone.js"), -1) {
		paths = append(paths, "/mock/"+m[1])
	}
	slices.Sort(paths)
	if paths = slices.Compact(paths); len(paths) != 6 {
		t.Errorf("the page loads %v, want style, icon, script, line and audio", paths)
	}
	for _, path := range paths {
		res := get(t, path)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Security-Policy") != contentSecurityPolicy || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
}

// The policy forbids them; a browser would drop them without a word.
func TestThePageHasNothingInlineAndNothingForeign(t *testing.T) {
	html := read(t, "phone.html")
	if regexp.MustCompile(`(?i)<script[^>]*>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=|javascript:`).MatchString(html) {
		t.Error("the page has inline script or style")
	}
	for _, name := range []string{"phone.html", "phone.js", "line.js", "audio.js", "phone.css", "phone.svg"} {
		body := strings.NewReplacer("http://localhost", "", "http://www.w3.org/2000/svg", "").Replace(read(t, name)) // said to a person or named, not loaded
		if m := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+|innerHTML|document\.write|eval\(`).FindString(body); m != "" {
			t.Errorf("%s holds %q", name, m)
		}
	}
	for _, word := range []string{"'unsafe-inline'", "'unsafe-eval'", "*", "http:"} {
		if strings.Contains(contentSecurityPolicy, word) {
			t.Errorf("the policy allows %s", word)
		}
	}
}

// What the page does for a person is checked by what it says.
func TestThePageExplainsWhatCanGoWrong(t *testing.T) {
	js := read(t, "phone.js")
	for _, words := range []string{
		"isSecureContext", "microphone was refused", "There is no microphone", "link is not complete", "could not be connected",
		"link is not valid", "was used, or is too old", "server does not answer", "connection was lost", "pagehide", "hashchange",
		"let it finish", "microphone has gone", "Nothing has come from your microphone", "paused the sound", "watch()",
	} {
		if !strings.Contains(js, words) {
			t.Errorf("phone.js does not deal with %q", words)
		}
	}
}
