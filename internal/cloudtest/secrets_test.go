package cloudtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// safe is SSM with one parameter, which is not there at first.
type safe struct{ value string }

// ServeHTTP implements http.Handler; the script asks one thing at a time.
func (s *safe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Value string }
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch err := json.NewDecoder(r.Body).Decode(&asked); {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutParameter"):
		s.value = asked.Value
		_ = json.NewEncoder(w).Encode(map[string]any{"Version": 1})
	case s.value == "":
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "ParameterNotFound"})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]string{"Value": s.value}})
	}
}

// A document that no function would take is not stored in place of one that they do.
func TestSecretsAreNotWrittenThatFunctionsWouldRefuse(t *testing.T) {
	if !wanted(t) {
		return
	}
	s := &safe{}
	server := httptest.NewServer(s)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "config.json")
	run := func(d map[string]any, arguments ...string) (string, error) {
		b, err := json.Marshal(d)
		if err == nil {
			err = os.WriteFile(file, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{filepath.Join(root, "scripts", "secrets.sh")}, arguments...)...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+server.URL, "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=/dev/null")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	d := map[string]any{
		"telephony": map[string]any{"provider": "twilio"}, "stream": map[string]any{"hosts": []string{"wss://media.example.org"}},
		"twilio": map[string]any{"accountSid": "AC" + strings.Repeat("0", 32), "authToken": "sk-hidden", "fromNumber": ownNumber},
		"openai": map[string]any{"apiKey": "sk-hidden"}, "calendar": map[string]any{"baseUrl": "http://127.0.0.1:9100"}, "defaults": map[string]any{"timezone": "Mars/Olympus"},
	}
	refused := func(said string, err error) {
		t.Helper()
		if err == nil || strings.Contains(said, "hidden") {
			t.Errorf("%v: %s", err, said)
		}
		for _, key := range []string{"\ncalendar.baseUrl: ", "\ndefaults.timezone: "} {
			if !strings.Contains(said, key) {
				t.Errorf("it is not said what is wrong with %s: %s", key, said)
			}
		}
	}
	said, err := run(d, "write", file)
	if refused(said, err); s.value != "" {
		t.Fatalf("it was stored: %s", s.value)
	}
	d["calendar"], d["defaults"] = map[string]any{"baseUrl": "https://calendar.example.org"}, map[string]any{"timezone": zoneName}
	if said, err = run(d, "write", file); err != nil || !strings.Contains(said, "shown this once") {
		t.Fatalf("%v: %s", err, said)
	}
	kept := s.value
	d["calendar"], d["defaults"] = map[string]any{"baseUrl": "http://10.0.0.1"}, map[string]any{"timezone": "Mars/Olympus"}
	said, err = run(d, "write", "--replace", file)
	if refused(said, err); s.value != kept {
		t.Errorf("the good one was overwritten by %s", s.value)
	}
	if said, err = run(d, "token", "another"); err != nil || s.value == kept || strings.Contains(s.value, "Mars") {
		t.Errorf("%v: %s", err, said)
	}
}
