package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"
)

func keysOf(err error) []string {
	var faults Faults
	errors.As(err, &faults)
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
	}
	return keys
}

// valid is a complete configuration for twilio.
func valid() map[string]string {
	return map[string]string{
		"telephony.provider": "twilio", "server.publicBaseUrl": "https://agent.example.org", "stream.secret": strings.Repeat("s", 64),
		"twilio.accountSid": "AC" + strings.Repeat("0", 32), "twilio.authToken": "first,second", "twilio.fromNumber": "+15551234567",
		"openai.apiKey": "sk-live", "tools.tokens": strings.Repeat("t", 64),
	}
}

func build(t testing.TB, change map[string]string) *Config {
	t.Helper()
	c := New()
	keys := valid()
	for k, v := range change {
		keys[k] = v
	}
	for k, v := range keys {
		if v == "-" {
			continue
		}
		if err := c.Set(k, []string{v}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestConditionsBetweenKeys(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		name   string
		change m
		fault  string
	}{
		{"complete", m{}, ""},
		{"http with twilio", m{"server.publicBaseUrl": "http://agent.example.org"}, "server.publicBaseUrl"},
		{"http with a loopback twilio", m{"server.publicBaseUrl": "http://localhost:4545", "twilio.baseUrl": "http://127.0.0.1:9", "stream.hosts": "ws://localhost"}, ""},
		{"no base with twilio", m{"server.publicBaseUrl": "-"}, "server.publicBaseUrl"},
		{"ws host", m{"stream.hosts": "ws://media.example.org"}, "stream.hosts"},
		{"two wss hosts", m{"stream.hosts": "wss://a.example.org, wss://b.example.org/"}, ""},
		{"plain twilio elsewhere", m{"twilio.baseUrl": "http://twilio.example.org"}, "twilio.baseUrl"},
		{"plain openai elsewhere", m{"openai.baseUrl": "ws://model.example.org"}, "openai.baseUrl"},
		{"loopback openai needs no key", m{"openai.baseUrl": "ws://[::1]:9", "openai.apiKey": "-"}, ""},
		{"no key", m{"openai.apiKey": "-"}, "openai.apiKey"},
		{"unchecked signatures", m{"twilio.validateSignature": "false"}, "twilio.validateSignature"},
		{"unchecked signatures on loopback", m{"twilio.validateSignature": "false", "twilio.baseUrl": "http://localhost"}, ""},
		{"three tokens", m{"twilio.authToken": "a,b,c"}, "twilio.authToken"},
		{"pcm at another rate", m{"openai.outputFormat": "audio/pcm", "openai.outputSampleRate": "16000"}, "openai.outputSampleRate"},
		{"hooks without token", m{"notify.hooksUrl": "http://127.0.0.1:19000/hooks"}, "notify.hooksToken"},
		{"token without hooks", m{"notify.hooksToken": "x"}, "notify.hooksUrl"},
		{"zone", m{"defaults.timezone": "Mars/Base"}, "defaults.timezone"},
		{"hours backwards", m{"defaults.workingHours.end": "08:00"}, "defaults.workingHours.end"},
		{"a day twice", m{"defaults.workingHours.days": "1,1"}, "defaults.workingHours.days"},
		{"no attempts", m{"retry.maxAttempts": "0"}, "retry.maxAttempts"},
		{"country", m{"policy.allowed_countries": "us,germany"}, "policy.allowed_countries"},
		{"silence", m{"silence_hangup": "5s"}, "silence_hangup"},
		{"no token", m{"tools.tokens": "-"}, "tools.tokens"},
		{"no stream secret", m{"stream.secret": "-"}, "stream.secret"},
		{"port", m{"server.port": "70000"}, "server.port"},
		{"a remote control plane", m{"control_plane": "remote", "server.publicBaseUrl": "-"}, ""},
		{"a remote control plane by its address", m{"control_plane": "https://api.example.org"}, ""},
		{"a remote control plane in the clear", m{"control_plane": "http://api.example.org"}, "control_plane"},
		{"neither here nor there", m{"control_plane": "there"}, "control_plane"},
	} {
		err := build(t, c.change).Validate()
		if got := strings.Join(keysOf(err), " "); got != c.fault {
			t.Errorf("%s: faults %q, want %q", c.name, got, c.fault)
		}
	}
	cloud := build(t, nil)
	cloud.Cloud = true
	if got := keysOf(cloud.Validate()); !slices.Equal(got, []string{"calendar.baseUrl"}) {
		t.Errorf("loopback calendar on AWS: %q", got)
	}
	cloud.Notify.HooksURL, cloud.Notify.HooksToken = "http://10.0.0.7/hooks", NewSecret("x")
	if got := keysOf(cloud.Validate()); !slices.Equal(got, []string{"calendar.baseUrl", "notify.hooksUrl"}) {
		t.Errorf("private hooks on AWS: %q", got)
	}
	cloud.Twilio.BaseURL = "http://127.0.0.1:9" // a test of it all on one machine
	if got := keysOf(cloud.Validate()); len(got) != 0 || !strings.Contains(strings.Join(cloud.Warnings(), "\n"), "test deployment") {
		t.Errorf("a test deployment: %q, %q", got, cloud.Warnings())
	}
}

func TestAllFaultsComeAtOnceWithKeyAndMend(t *testing.T) {
	_, err := Load([]byte(`{"openai":{"modle":"x"},"notifies":{"x":1},"maxSessions":1,"server":{"port":"many"},"retry":5,"retry":{"maxAttempts":2},"telephony":{"provider":"twillio"},"disclosure":null}`), nil)
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	text := err.Error()
	for _, want := range []string{"openai.modle: no such key; did you mean openai.model?", "maxSessions: no such key; did you mean max_sessions?", "notifies: no such key; did you mean notify.*?", "server.port:", "retry:", "telephony.provider:", "stream.secret:", "tools.tokens:"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for _, f := range faults {
		if f.Key == "" || f.Problem == "" || f.Mend == "" {
			t.Errorf("incomplete: %+v", f)
		}
	}
}

func TestEnvironmentOverridesAndNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, k := range Keys() {
		if other := seen[k.Env()]; other != "" || k.Doc == "" || k.Kind == "" {
			t.Errorf("%s: env %s also of %q, doc %q", k.Path, k.Env(), other, k.Doc)
		}
		seen[k.Env()] = k.Path
	}
	for path, want := range map[string]string{"openai.baseUrl": "CALLAGENT_OPENAI_BASE_URL", "server.publicBaseUrl": "CALLAGENT_SERVER_PUBLIC_BASE_URL", "retry.initialDelayMs": "CALLAGENT_RETRY_INITIAL_DELAY_MS", "max_sessions": "CALLAGENT_MAX_SESSIONS"} {
		if got := EnvName(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	env := map[string]string{
		"CALLAGENT_RING_TIMEOUT": "30", "CALLAGENT_RETRY_INITIAL_DELAY_MS": "2m", "CALLAGENT_RETRY_RETRY_STATUSES": "busy,no_answer", "CALLAGENT_OPENAI_VOICE": "",
		"CALLAGENT_POLICY_CALLING_HOURS": "00:00–24:00", "CALLAGENT_TOOLS_TOKENS": `["plain-token",{"name":"ci","sha256":"` + strings.Repeat("ab", 32) + `","scopes":["read"]}]`,
	}
	c := New()
	if err := c.ApplyEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	if c.RingTimeout.Seconds() != 30 || c.Retry.InitialDelay.Minutes() != 2 || len(c.Retry.Statuses) != 2 || c.OpenAI.Voice != "marin" || !c.Policy.CallingHours.Always() || len(c.Tools.Tokens) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestTokensMatchByDigest(t *testing.T) {
	c := New()
	sum := sha256.Sum256([]byte("hashed-token"))
	if err := c.Set("tools.tokens", []string{"literal-token", fmt.Sprintf(`{"name":"ops","sha256":"%s","scopes":["read","delete"]}`, hex.EncodeToString(sum[:]))}); err != nil {
		t.Fatal(err)
	}
	for bearer, want := range map[string]string{"literal-token": "token-1", "hashed-token": "ops", "": "", "literal-toke": "", hex.EncodeToString(sum[:]): ""} {
		name, scopes, ok := c.Tools.Tokens.Match(bearer)
		if name != want || ok != (want != "") || ok != (len(scopes) > 0) {
			t.Errorf("%q: %q %v %v", bearer, name, scopes, ok)
		}
	}
	if !c.Tools.Tokens[0].Allows(ScopeCall) || c.Tools.Tokens[0].Allows(ScopeRead) || !c.Tools.Tokens[1].Allows(ScopeRead) {
		t.Error("scopes")
	}
	for _, bad := range []string{"", `{"name":"x"}`, `{"sha256":"zz"}`, `{"name":"x","sha256":"` + hex.EncodeToString(sum[:]) + `","scopes":["all"]}`, `{"token":"x"}`, "{env.TOKEN}"} {
		if err := c.Set("tools.tokens", []string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, x := range []struct {
		tokens []string
		warns  bool
	}{
		{[]string{"first-token-of-them"}, false},
		{[]string{"first-token-of-them", `{"name":"ops","sha256":"` + hex.EncodeToString(sum[:]) + `"}`}, false},
		{[]string{"first-token-of-them", "second-token-of-them"}, true},
		{[]string{"first-token-of-them", `{"sha256":"` + hex.EncodeToString(sum[:]) + `"}`}, true},
	} {
		if err := c.Set("tools.tokens", x.tokens); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings(), "\n"); strings.Contains(got, "token-1, token-2 have no name") != x.warns {
			t.Errorf("%q: %q", x.tokens, got)
		}
	}
	if err := c.Set("tools.tokens", []string{"same", "same"}); err == nil {
		t.Error("one token twice was taken")
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	c := build(t, map[string]string{"twilio.authToken": "hunter2,hunter3", "openai.apiKey": "hunter4", "tools.tokens": "hunter5", "stream.secret": "hunter6"})
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "s", c.OpenAI.APIKey)
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct{ s Secret }{c.OpenAI.APIKey}
	out := log.String() + string(marshalled) + fmt.Sprint(c, hidden) + strings.Join(c.Warnings(), "")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		out += fmt.Sprintf(verb+verb+verb, c.OpenAI.APIKey, *c, hidden)
	}
	if strings.Contains(out, "hunter") || strings.Contains(strings.ToLower(out), hex.EncodeToString([]byte("hunter"))) || !strings.Contains(out, "redacted") {
		t.Error(out)
	}
	if c.OpenAI.APIKey.Reveal() != "hunter4" || c.Twilio.AuthTokens[1].Reveal() != "hunter3" {
		t.Error("not revealed")
	}
}

func TestMockLiftsLimitsThatNobodySet(t *testing.T) {
	c := build(t, map[string]string{"telephony.provider": "mock", "policy.max_concurrent": "2"})
	if p := c.EffectivePolicy(); p.MaxConcurrent != 2 || p.MaxCallsPerDay != 0 || p.MaxCallSeconds != 0 || !p.CallingHours.Always() {
		t.Errorf("%+v", p)
	}
	if p := build(t, nil).EffectivePolicy(); p.MaxConcurrent != 5 || p.MaxCallsPerDay != 20 || p.CallingHours.String() != "08:00–21:00" || p.MaxAttemptsPerNumberPerDay != 4 {
		t.Errorf("%+v", p)
	}
}

func TestShutdownListTakesSnapshotsAndNoSuccessors(t *testing.T) {
	for model, want := range map[string]string{"gpt-realtime": "2027-01-20", "gpt-realtime-2025-08-28": "2027-01-20", "gpt-realtime-mini-2025-12-15": "2027-01-20", "gpt-realtime-2.1": "", "gpt-realtime-2": "", "gpt-realtime-2.1-mini": "", "gpt-4o-realtime-preview-2024-12-17": "2027-01-20"} {
		if got := shutdownOf(model); got != want {
			t.Errorf("%s: %q, want %q", model, got, want)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(readExample(f)))
	f.Add([]byte(`{"tools":{"tokens":["a",{"name":"b","sha256":"","scopes":[]}]},"tunnel":{"x":{"y":1}}}`))
	f.Add([]byte(`{"retry":[],"server":null,"stream":{"hosts":["wss://a",1]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := New()
		err := c.DecodeJSON(data)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q is no JSON and was taken", data)
		}
		for _, key := range append(keysOf(err), keysOf(c.Validate())...) {
			if key == "" {
				t.Fatalf("%q: a fault without key: %v", data, err)
			}
		}
	})
}
