package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// readExample is our own rendering of the owner's example configuration.
func readExample(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ownersExample is the block of the owner's document, "" where the document is not at hand.
func ownersExample(t testing.TB) string {
	t.Helper()
	dir, _ := os.Getwd()
	for !exists(filepath.Join(dir, "go.mod")) {
		dir = filepath.Dir(dir)
	}
	shared := filepath.Join(dir, "..", "shared")
	if !exists(shared) {
		t.Log("left out: the owner's own document, since ../shared does not exist here")
		return ""
	}
	data, err := os.ReadFile(filepath.Join(shared, "seed", "clawdbot-call-agent.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(data), "```json\n")
	block, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("the owner's document has no JSON block")
	}
	return block
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// examples are the texts every test of the example runs on.
func examples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"ours": readExample(t)}
	if owners := ownersExample(t); owners != "" {
		all["owner's"] = owners
	}
	return all
}

// golden compares with a file of testdata.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -run %s -update writes it anew):\n%s", path, t.Name(), got)
	}
}

// TestTheOwnersExampleUnchanged: what must be filled in, and nothing else, each with its mend.
func TestTheOwnersExampleUnchanged(t *testing.T) {
	for name, doc := range examples(t) {
		t.Run(name, func(t *testing.T) {
			c, err := Load([]byte(doc), nil)
			want := []string{"server.publicBaseUrl", "twilio.accountSid", "twilio.authToken", "openai.apiKey", "notify.hooksToken", "stream.secret", "tools.tokens"}
			if got := keysOf(err); !slices.Equal(got, want) {
				t.Errorf("faults %q, want %q", got, want)
			}
			golden(t, "example.faults.txt", []byte(err.Error()+"\n\n"+strings.Join(c.Warnings(), "\n")+"\n"))
		})
	}
}

// filledIn puts a value into each placeholder of the example, and adds what it lacks. Secrets are {env.*}, as in a
// Caddyfile.
func filledIn(t *testing.T, doc string) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal([]byte(doc), &tree); err != nil {
		t.Fatal(err)
	}
	group := func(name string) map[string]any { g, _ := tree[name].(map[string]any); return g }
	group("server")["publicBaseUrl"] = "https://agent.example.org"
	group("twilio")["accountSid"] = "AC" + strings.Repeat("0", 32)
	group("twilio")["authToken"] = "{env.TWILIO_AUTH_TOKEN}"
	group("openai")["apiKey"] = "{env.OPENAI_API_KEY}"
	group("calendar")["token"] = "{env.CALENDAR_TOKEN}"
	group("notify")["hooksToken"] = "{env.HOOKS_TOKEN}"
	tree["tools"] = map[string]any{"tokens": []any{"{env.TOOL_TOKEN}"}}
	tree["stream"] = map[string]any{"secret": "{env.STREAM_SECRET}"}
	return tree
}

var placeholder = regexp.MustCompile(`\{env\.([A-Z_]+)\}`)

func TestTheOwnersExampleFilledIn(t *testing.T) {
	for name, doc := range examples(t) {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(filledIn(t, doc))
			if err != nil {
				t.Fatal(err)
			}
			secret := func(name string) string { return strings.ToLower(name) + strings.Repeat("x", 32) }
			text = placeholder.ReplaceAllFunc(text, func(p []byte) []byte { return []byte(secret(string(placeholder.FindSubmatch(p)[1]))) })
			c, err := Load(text, nil)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := json.MarshalIndent(c, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "example.golden.json", append(shown, '\n'))
			golden(t, "example.warnings.txt", []byte(strings.Join(c.Warnings(), "\n")+"\n"))
			if name, _, ok := c.Tools.Tokens.Match(secret("TOOL_TOKEN")); !ok || name != "token-1" {
				t.Errorf("the tool token is %q", name)
			}
			for want, got := range map[string]Secret{"TWILIO_AUTH_TOKEN": c.Twilio.AuthTokens[0], "OPENAI_API_KEY": c.OpenAI.APIKey, "CALENDAR_TOKEN": c.Calendar.Token, "HOOKS_TOKEN": c.Notify.HooksToken, "STREAM_SECRET": c.Stream.Secret} {
				if got.Reveal() != secret(want) {
					t.Errorf("%s did not arrive", want)
				}
			}
		})
	}
}

// TestAPlaceholderThatNobodyReplacedIsAFault: the document of a host without Caddy has none.
func TestAPlaceholderThatNobodyReplacedIsAFault(t *testing.T) {
	text, err := json.Marshal(filledIn(t, readExample(t)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load(text, nil)
	want := []string{"calendar.token", "notify.hooksToken", "openai.apiKey", "stream.secret", "tools.tokens", "twilio.authToken"}
	got := keysOf(err)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

// TestEveryKeyByEnvironment: each key is set by its variable alone, and overrides the document.
func TestEveryKeyByEnvironment(t *testing.T) {
	values := map[string]string{
		"telephony.provider": "twilio", "server.publicBaseUrl": "https://b.example", "server.port": "81", "stream.hosts": "wss://a.example,wss://b.example",
		"stream.secret": "b", "twilio.accountSid": "AC" + strings.Repeat("b", 32), "twilio.authToken": "b,c", "twilio.fromNumber": "+14155550100",
		"twilio.validateSignature": "false", "twilio.validateStreamSignature": "require", "twilio.baseUrl": "https://b.example",
		"openai.apiKey": "b", "openai.model": "b", "openai.voice": "b", "openai.inputFormat": "audio/pcm", "openai.outputFormat": "audio/pcma",
		"openai.outputSampleRate": "8000", "openai.baseUrl": "wss://b.example", "calendar.baseUrl": "https://b.example", "calendar.token": "b",
		"notify.hooksUrl": "https://b.example", "notify.hooksToken": "b", "notify.sessionKey": "b", "defaults.timezone": "Europe/Berlin",
		"defaults.workingHours.start": "10:00", "defaults.workingHours.end": "11:00", "defaults.workingHours.days": "0,6",
		"retry.maxAttempts": "7", "retry.initialDelayMs": "7000", "retry.backoffFactor": "1.5", "retry.retryStatuses": "busy,failed",
		"tools.tokens": "b,c", "policy.allowed_countries": "de,at", "policy.calling_hours": "10:00-11:00", "policy.max_calls_per_day": "7",
		"policy.max_attempts_per_number_per_day": "7", "policy.max_concurrent": "7", "policy.max_call_seconds": "7", "policy.dialling": "off",
		"prices.as_of": "2026-11-01", "prices.models": "b:text=1/1/1:audio=1/1/1,c:text=1/1/1:audio=1/1/1", "prices.transcription": "b:minute=1,c:minute=1", "prices.phone_minute": "0.01",
		"disclosure": "b", "control_plane": "https://b.example", "data_dir": "/b", "max_sessions": "7", "ring_timeout": "7s", "silence_prompt": "7s",
		"silence_hangup": "70s", "drain_timeout": "7s", "backchannel_guard": "on", "retention_days": "7", "transcript.enabled": "false", "recording.enabled": "true", "tunnel.provider": "b",
	}
	show := func(c *Config) string {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + c.Stream.Secret.Reveal() + c.OpenAI.APIKey.Reveal() + c.Calendar.Token.Reveal() + c.Notify.HooksToken.Reveal()
	}
	for _, k := range Keys() {
		value, named := values[k.Path]
		if !named {
			t.Errorf("%s: not tried here", k.Path)
			continue
		}
		c := New()
		if err := c.ApplyEnv(func(name string) (string, bool) { return value, name == k.Env() }); err != nil {
			t.Errorf("%s=%s: %v", k.Env(), value, err)
		}
		if !c.Given(k.Path) || show(c) == show(New()) {
			t.Errorf("%s changed nothing", k.Env())
		}
		if k.Many() && len(strings.Split(value, ",")) != 2 {
			t.Errorf("%s: a list is to be tried with commas", k.Path)
		}
		delete(values, k.Path)
	}
	if len(values) != 0 {
		t.Errorf("no such keys: %q", slices.Collect(maps.Keys(values)))
	}
}

func TestAVariableThatIsNoKeysIsNamed(t *testing.T) {
	got := UnknownEnv([]string{
		"CALLAGENT_OPENAI_API_KEY=sk-hunter2", "CALLAGENT_OPENAI_APIKEY=sk-hunter2", "CALLAGENT_LISTEN=x", "CALLAGENT_ADMIN=x", "CALLAGENT_LISTN=x",
		"CALLAGENT_STREAM_SECRETS", "HOME=/", "callagent_openai_api_key=x", "CALLAGENT_=",
	})
	want := map[string]string{
		"CALLAGENT_OPENAI_APIKEY": "CALLAGENT_OPENAI_API_KEY", "CALLAGENT_LISTN": "CALLAGENT_LISTEN", "CALLAGENT_STREAM_SECRETS": "CALLAGENT_STREAM_SECRET", "CALLAGENT_": "",
	}
	if len(got) != len(want) {
		t.Errorf("%q", got)
	}
	for name, meant := range want {
		if !slices.ContainsFunc(got, func(w string) bool {
			return strings.HasPrefix(w, name+": ") && strings.Contains(w, "did you mean "+meant)
		}) {
			t.Errorf("%s: no hint at %s in %q", name, meant, got)
		}
	}
	if strings.Contains(strings.Join(got, ""), "hunter2") {
		t.Error("a value is repeated")
	}
}
