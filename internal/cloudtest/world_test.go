// Package cloudtest tries the whole of the cloud on one machine: the real functions, the
// table, a Caddy media host, and simulators of Twilio, callee, model, calendar and hook
// around them. It holds tests only; `make test-cloud` runs them.
package cloudtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/internal/freeport"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

func TestMain(m *testing.M) {
	var err error
	if dist, err = os.MkdirTemp("", "callagent-functions-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dist)
		os.Exit(code)
	}))
}

// patience is for what takes a moment on a machine with nothing else to do, and is no claim.
const patience = 2 * time.Minute

// wanted says whether the cloud is to be tried: it takes minutes, Java, Python and a
// download at the first time.
func wanted(t *testing.T) bool {
	t.Helper()
	if os.Getenv("CALLAGENT_TEST_CLOUD") == "1" {
		return true
	}
	t.Log("left out; make test-cloud runs it")
	return false
}

const (
	toolToken = "a tool token of sufficient length"
	hookToken = "a hooks token of sufficient length"
	ownNumber = "+14155550100"
	zoneName  = "America/Los_Angeles"
)

// world is everything around the call agent.
type world struct {
	*testing.T
	dir string
	// table is the table's name on DynamoDB Local.
	table string
	// base is where the tools and webhooks are reached: the test's own front.
	base                 string
	account, token       string
	twilio               *twiliotest.Server
	model                *realtimetest.Server
	calendar             *calendarbridge.Bridge
	twilioURL, modelURL  string
	calendarURL, hookURL string

	mu   sync.Mutex
	told map[string][]string // messages by idempotency key
}

// newWorld raises it; attempts are what becomes of the dials of every number. Perform
// changes the phone company, if not nil.
func newWorld(t *testing.T, attempts func(human twiliotest.Answer) []twiliotest.Answer, perform func(*twiliotest.Options)) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), account: "AC" + strings.Repeat("a", 32), token: strings.Repeat("b", 32), told: map[string][]string{}}
	script, _ := realtimetest.ScriptOf("books")
	w.model = realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script { return script }})
	o := twiliotest.Options{
		AccountSID: w.account, AuthToken: w.token, Numbers: []string{ownNumber}, Ring: 300 * time.Millisecond,
		Script: twiliotest.Script{Attempts: attempts(twiliotest.Human(lines(t, script.Scenario)...))},
	}
	if perform != nil {
		perform(&o)
	}
	var err error
	if w.twilio, err = twiliotest.New(o); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	if w.calendar, err = calendarbridge.Open(filepath.Join(w.dir, "calendar"), calendarbridge.Options{Location: zone}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.twilio.Close()
		_ = w.model.Close()
		_ = w.calendar.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	w.twilioURL, w.modelURL, w.calendarURL, w.hookURL = w.serve(w.twilio), w.serve(w.model), w.serve(w.calendar), w.serve(http.HandlerFunc(w.hook))
	return w
}

// lines are the callee's words, one after each time the agent has finished.
func lines(t *testing.T, s speech.Scenario) []twiliotest.Line {
	t.Helper()
	all := []twiliotest.Line{{Text: s.Hello}}
	for _, turn := range s.Turns {
		all = append(all, twiliotest.Line{Text: turn.Say})
	}
	for i := range all {
		var err error
		if all[i].Audio, err = speech.Say(speech.Callee, all[i].Text); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (w *world) serve(h http.Handler) string {
	srv := httptest.NewServer(h)
	w.Cleanup(srv.Close)
	return srv.URL
}

// document is the configuration as it is written to SSM.
func (w *world) document(hosts []string, more map[string]any) map[string]any {
	d := map[string]any{
		"telephony": map[string]any{"provider": "twilio"},
		"stream":    map[string]any{"hosts": hosts, "secret": strings.Repeat("s", 32)},
		"twilio": map[string]any{
			"accountSid": w.account, "authToken": w.token, "fromNumber": ownNumber, "baseUrl": w.twilioURL, "validateStreamSignature": "require",
		},
		"openai":   map[string]any{"apiKey": "key", "baseUrl": "ws" + strings.TrimPrefix(w.modelURL, "http") + "/v1"},
		"calendar": map[string]any{"baseUrl": w.calendarURL},
		"notify":   map[string]any{"hooksUrl": w.hookURL + "/hooks", "hooksToken": hookToken},
		"defaults": map[string]any{"timezone": zoneName},
		"tools":    map[string]any{"tokens": []any{map[string]any{"name": "tests", "sha256": hashOf(toolToken), "scopes": []string{"call", "status", "cancel", "delete"}}}},
		"policy":   map[string]any{"calling_hours": "00:00–24:00"},
	}
	for k, v := range more {
		d[k] = v
	}
	return d
}

// writeDocument writes it for its owner alone, as the script demands.
func (w *world) writeDocument(d map[string]any) string {
	w.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		w.Fatal(err)
	}
	path := filepath.Join(w.dir, "config.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

func (w *world) hook(out http.ResponseWriter, r *http.Request) {
	var m struct{ Message string }
	body, _ := io.ReadAll(r.Body) // what is cut is no JSON
	if err := json.Unmarshal(body, &m); err != nil || r.Header.Get("Authorization") != "Bearer "+hookToken {
		w.Errorf("the hook got %s: %v", body, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	w.told[key] = append(w.told[key], m.Message)
	_, _ = io.WriteString(out, `{"ok":true}`)
}

// notices are what owners were told: one text per notice, and how often in all.
func (w *world) notices() (texts []string, posts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.told {
		texts = append(texts, all[0])
		posts += len(all)
	}
	return texts, posts
}

// events are those in the owner's calendar.
func (w *world) events() int {
	w.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "calendar", "primary.ics"))
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	return bytes.Count(b, []byte("BEGIN:VEVENT"))
}

func (w *world) await(what string, limit time.Duration, holds func() bool) {
	w.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if holds() {
			return
		}
	}
	w.Fatalf("not within %v: %s", limit, what)
}

// ask invokes a tool.
func (w *world) ask(tool string, request, into any) error { return w.askUnder("", tool, request, into) }

// errBusy is an answer that says to come back.
var errBusy = errors.New("503")

// askUnder invokes a tool under an idempotency key.
func (w *world) askUnder(key, tool string, request, into any) error {
	b, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+"/tools/"+tool, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + toolToken}}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable {
		return errBusy
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s was answered %d %s", tool, res.StatusCode, answer)
	}
	return json.Unmarshal(answer, into)
}

// place invokes call_agent.
func (w *world) place(to string) (call.Answer, error) {
	var a call.Answer
	err := w.ask("call_agent", map[string]any{"to": to, "goal": "Book a check-up.", "durationMinutes": 30, "userName": "Alex Morgan"}, &a)
	return a, err
}

// status is the call's status document.
func (w *world) status(id call.ID) (call.Document, error) {
	var s struct{ Call call.Document }
	err := w.ask("call_agent_status", map[string]any{"callId": id}, &s)
	return s.Call, err
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
