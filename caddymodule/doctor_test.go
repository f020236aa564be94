package caddymodule

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/app/doctor"
	"github.com/clawdbot/call-agent/internal/config"
)

// bare takes every variable of ours out of the environment, for one test.
func bare(t *testing.T) {
	t.Helper()
	for _, e := range os.Environ() {
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, config.EnvPrefix) {
			t.Setenv(name, value) // so that it is put back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func keysOf(faults config.Faults) (keys []string) {
	for _, f := range faults {
		if f.Problem == "" || f.Mend == "" {
			keys = append(keys, "incomplete:")
		}
		keys = append(keys, f.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestTheDoctorNamesEverythingThatTheShippedCaddyfileLacks(t *testing.T) {
	bare(t)
	o := examined(t.Context(), filepath.Join("..", "Caddyfile"))
	if got := keysOf(o.Faults); !slices.Equal(got, []string{"openai.apiKey", "stream.secret", "tools.tokens"}) || o.Config == nil {
		t.Errorf("%q", got)
	}
	t.Setenv("CALLAGENT_STREAM_SECRET", strings.Repeat("s", 32))
	t.Setenv("CALLAGENT_TOOLS_TOKENS", strings.Repeat("t", 32))
	t.Setenv("CALLAGENT_OPENAI_API_KEY", "sk-x")
	t.Setenv("CALLAGENT_OPENAI_APIKEY", "sk-x")
	o = examined(t.Context(), filepath.Join("..", "Caddyfile"))
	if len(o.Faults) != 0 || len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "CALLAGENT_OPENAI_APIKEY") {
		t.Errorf("%v %q", o.Faults, o.Warnings)
	}
}

// TestTheDoctorReadsWhatTheServerWouldRefuse: every fault at once, and the rest as far as it goes.
func TestTheDoctorReadsWhatTheServerWouldRefuse(t *testing.T) {
	bare(t)
	site := func(handlers ...string) string {
		return `{"apps":{"http":{"servers":{"a":{"routes":[{"handle":[` + strings.Join(handlers, ",") + `]}]}},"x":{"handler":"unknown"}}}}`
	}
	const rest = `"stream":{"secret":"{env.STREAM_SECRET}"},"tools":{"tokens":["{env.TOOL_TOKEN}"]},"openai":{"baseUrl":"ws://127.0.0.1:1"}`
	t.Setenv("STREAM_SECRET", strings.Repeat("s", 32))
	t.Setenv("TOOL_TOKEN", strings.Repeat("t", 32))
	for name, tc := range map[string]struct {
		file, text string
		want       []string
		read       bool // a configuration is there all the same
	}{
		"complete":         {"c.json", site(`{"handler":"call_agent",` + rest + `}`), nil, true},
		"repeated keys":    {"c.json", site(`{"handler":"call_agent","max_sessions":1,"max_sessions":2,` + rest + `}`), []string{"max_sessions"}, true},
		"literal secrets":  {"c.json", site(`{"handler":"call_agent","calendar":{"token":"literal"},"notify":{"hooksToken":"literal"},"max_sessions":0,` + rest + `}`), []string{"calendar.token", "max_sessions", "notify.hooksToken"}, true},
		"no directive":     {"c.json", site(`{"handler":"static_response"}`), []string{"FILE", "openai.apiKey", "stream.secret", "tools.tokens"}, true},
		"two sites":        {"c.json", site(`{"handler":"call_agent",`+rest+`}`, `{"handler":"call_agent"}`), nil, true},
		"misspelt":         {"Caddyfile", "http://localhost:1 {\n call_agent {\n openai {\n modle x\n }\n }\n}\n", []string{"FILE"}, false},
		"no Caddyfile":     {"Caddyfile", "{{{", []string{"FILE"}, false},
		"not JSON's shape": {"c.json", `["call_agent"]`, []string{"FILE", "openai.apiKey", "stream.secret", "tools.tokens"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, tc.file, tc.text)
			o := examined(t.Context(), file)
			for i := range tc.want {
				tc.want[i] = strings.ReplaceAll(tc.want[i], "FILE", file)
			}
			slices.Sort(tc.want)
			if got := keysOf(o.Faults); !slices.Equal(got, tc.want) || (o.Config != nil) != tc.read {
				t.Errorf("%q, want %q; read %t", got, tc.want, o.Config != nil)
			}
			if many := slices.ContainsFunc(o.Warnings, func(w string) bool { return strings.Contains(w, "2 sites") }); many != (name == "two sites") {
				t.Errorf("%q", o.Warnings)
			}
		})
	}
	o := examined(t.Context(), filepath.Join(t.TempDir(), "Caddyfile"))
	if o.Config == nil || len(o.Faults) != 4 || !strings.Contains(o.Faults[0].Problem, "does not exist") {
		t.Errorf("no file: %v", o.Faults)
	}
}

// TestTheDoctorBesideARunningServer: through a real Caddy, and the server goes on.
func TestTheDoctorBesideARunningServer(t *testing.T) {
	bare(t)
	h := newHost(t)
	directive := h.directive("")
	h.mustLoad(directive)
	file := written(t, "Caddyfile", fmt.Sprintf("http://%s {\n%s\n}\n", h.listen, directive))
	for range 2 {
		report := doctor.Run(t.Context(), examined(t.Context(), file))
		b, err := json.Marshal(report)
		if err != nil || strings.Contains(string(b), toolToken) || strings.Contains(string(b), strings.Repeat("s", 32)) {
			t.Errorf("%v %s", err, b)
		}
		for _, name := range []string{"configuration", "data folder", "public address", "server", "media stream", "model", "tool tokens", "time zones"} {
			i := slices.IndexFunc(report.Checks, func(c doctor.Check) bool { return c.Name == name })
			if i < 0 || report.Checks[i].State != doctor.OK {
				t.Errorf("%s: %s", name, b)
			}
		}
		i := slices.IndexFunc(report.Checks, func(c doctor.Check) bool { return c.Name == "data folder" })
		if !strings.Contains(report.Checks[i].Finding, "a running call agent holds the call store") {
			t.Errorf("%+v", report.Checks[i])
		}
	}
	if status, answer := h.ask("POST", "/tools/call_agent", `{"to":"+14155550123","goal":"x","durationMinutes":30}`); status != 200 {
		t.Errorf("a call after the doctor: %d %s", status, answer)
	}
}
