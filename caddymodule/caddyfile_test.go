package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// parse reads one directive.
func parse(text string) (*Handler, error) {
	h := new(Handler)
	return h, h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

func TestTheDirectiveBecomesTheDocument(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", `call_agent`, `{}`},
		{"a key", "call_agent {\n ring_timeout 30s\n}", `{"ring_timeout":"30s"}`},
		{
			"groups", "call_agent {\n defaults {\n timezone Europe/Berlin\n workingHours {\n start 08:00\n }\n }\n}",
			`{"defaults":{"timezone":"Europe/Berlin","workingHours":{"start":"08:00"}}}`,
		},
		{"lists, also repeated", "call_agent {\n stream {\n hosts wss://a wss://b\n hosts wss://c\n }\n}", `{"stream":{"hosts":["wss://a","wss://b","wss://c"]}}`},
		{"secrets stay placeholders", "call_agent {\n tools {\n tokens {env.TOOL_TOKEN}\n }\n}", `{"tools":{"tokens":["{env.TOOL_TOKEN}"]}}`},
	} {
		h, err := parse(c.text)
		if err != nil || string(h.document) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, h.document, err, c.want)
		}
	}
}

func TestAFaultyDirectiveSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"call_agent argument":                                      "argument",
		"call_agent {\n openai {\n modle x\n }\n}":                 "openai.modle is not a key",
		"call_agent {\n ring_timeout\n}":                           "no value",
		"call_agent {\n ring_timeout 1s 2s\n}":                     "one value",
		"call_agent {\n twilio {\n nested {\n deep yes\n }\n }\n}": "twilio.nested is not a key",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestALiteralSecretIsRefusedWithTheLineToWrite(t *testing.T) {
	_, faults := resolve([]byte(`{"stream":{"secret":"hunter2"},"tools":{"tokens":["hunter3"]}}`))
	for _, want := range []string{"{env.CALLAGENT_STREAM_SECRET}", "{env.CALLAGENT_TOOLS_TOKENS}"} {
		if text := faults.Error(); !strings.Contains(text, want) || strings.Contains(text, "hunter") {
			t.Errorf("%s; want %s, and no secret", text, want)
		}
	}
	t.Setenv("A_SECRET", "s3cret")
	b, faults := resolve([]byte(`{"stream":{"secret":"{env.A_SECRET}"},"disclosure":"Hello from {userName}"}`))
	if len(faults) > 0 || string(b) != `{"disclosure":"Hello from {userName}","stream":{"secret":"s3cret"}}` {
		t.Errorf("%s %v", b, faults)
	}
	if _, faults := resolve([]byte(`{"stream":{"secret":"{env.NOT_SET_ANYWHERE}"}}`)); len(faults) != 1 {
		t.Error("a placeholder without a value is accepted")
	}
}

// The shipped Caddyfile adapts, shows no secret, and provisions once its environment
// is there; until its app starts, nothing is opened and requests are told to wait.
func TestTheShippedCaddyfileProvisionsWithoutSideEffects(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": "Caddyfile"})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if !strings.Contains(string(adapted), `"secret":"{env.CALLAGENT_STREAM_SECRET}"`) {
		t.Errorf("the secret is no placeholder: %s", adapted)
	}
	data := filepath.Join(t.TempDir(), "data")
	for name, value := range map[string]string{
		"CALLAGENT_STREAM_SECRET": strings.Repeat("s", 32), "CALLAGENT_TOOLS_TOKENS": strings.Repeat("t", 32),
		"CALLAGENT_OPENAI_API_KEY": "sk-test", "CALLAGENT_DATA_DIR": data, "XDG_DATA_HOME": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("validating made the data folder: %v", err)
	}
}

func TestThePublicAddressIsTheSitesUnlessSaidOtherwise(t *testing.T) {
	for listen, want := range map[string]string{
		"": "http://localhost:4545", "http://localhost:8080": "http://localhost:8080", "call.example.com": "https://call.example.com",
		"https://a.example, https://b.example": "https://a.example", "call.example.com:8443": "https://call.example.com:8443",
		":4545": "http://localhost:4545", "https://a.example/": "https://a.example",
	} {
		if got := siteAddress(listen, 4545); got != want {
			t.Errorf("%q: %s, want %s", listen, got, want)
		}
	}
}

// What is wrong with a document is told at once: literal secrets, missing variables,
// unknown keys, what no rule allows.
func TestEveryFaultIsToldAtOnce(t *testing.T) {
	_, err := settings(t.Context(), []byte(`{"telephony":{"provider":"carrier"},"stream":{"secret":"hunter2"},"openai":{"apiKey":"{env.NOT_SET_ANYWHERE}"},"ringtimeout":"3s"}`), "")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"telephony.provider", "stream.secret: holds a literal", "openai.apiKey", "did you mean ring_timeout", "tools.tokens"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is told %d times in:\n%v", want, strings.Count(err.Error(), want), err)
		}
	}
}

func TestBeforeItsStartTheAgentSaysToComeBack(t *testing.T) {
	w := httptest.NewRecorder()
	err := new(Handler).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil), nil)
	var status caddyhttp.HandlerError
	if e, ok := err.(caddyhttp.HandlerError); ok { //nolint:errorlint // Caddy's own type, returned as it is
		status = e
	}
	if status.StatusCode != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%v, Retry-After %q", err, w.Header().Get("Retry-After"))
	}
}
