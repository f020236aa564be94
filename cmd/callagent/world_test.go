//go:build unix && !race

// The binary under test is the shipped one, without the race detector: these tests run once.

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// binary is the program as it is shipped, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "callagent")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "callagent")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath"))
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary: %v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

const (
	toolToken = "a tool token of sufficient length"
	hookToken = "a hooks token of sufficient length"
	callee    = "+14155550123"
)

// world is everything around the binary, and the binary: the shipped Caddyfile, told
// where it is by its environment, on the wall clock.
type world struct {
	*testing.T
	dir, base, admin string
	env              []string
	twilio           *twiliotest.Server
	model            *realtimetest.Server
	cmd              *exec.Cmd
	log              *os.File

	spoke chan struct{} // closed when the callee has said its first turn

	mu sync.Mutex
	// bidden: the model was asked for a farewell; goodbye is what it said from then on.
	bidden  bool
	goodbye []byte
	told    []string // the owner's notifications
}

// newWorld raises it. At the first attempt somebody answers and talks; at the second the line is busy.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), spoke: make(chan struct{})}
	script, _ := realtimetest.ScriptOf("books")
	script.Pace = 5
	w.model = realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script { return script }, Record: w.record})
	account, token := "AC"+strings.Repeat("a", 32), strings.Repeat("b", 32)
	var once sync.Once
	var err error
	w.twilio, err = twiliotest.New(twiliotest.Options{
		AccountSID: account, AuthToken: token, Ring: 300 * time.Millisecond,
		Script: twiliotest.Script{Attempts: []twiliotest.Answer{twiliotest.Human(lines(t, script.Scenario)...), twiliotest.Busy}},
		Observe: func(m twiliotest.Moment) {
			if m.Kind == twiliotest.CalleeSpeaks && m.Text == script.Scenario.Turns[0].Say {
				once.Do(func() { close(w.spoke) })
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := calendarbridge.Open(filepath.Join(w.dir, "calendar"), calendarbridge.Options{Location: zone})
	if err != nil {
		t.Fatal(err)
	}
	twilio, model, bridge, hook := w.serve(w.twilio), w.serve(w.model), w.serve(calendar), w.serve(http.HandlerFunc(w.hook))
	w.base, w.admin = "http://"+freeAddress(t), freeAddress(t)
	w.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "XDG_DATA_HOME=" + w.dir, "XDG_CONFIG_HOME=" + w.dir,
		"CALLAGENT_LISTEN=" + w.base, "CALLAGENT_ADMIN=" + w.admin, "CALLAGENT_DATA_DIR=" + filepath.Join(w.dir, "state"),
		"CALLAGENT_STREAM_SECRET=" + strings.Repeat("s", 32), "CALLAGENT_TOOLS_TOKENS=" + toolToken,
		"CALLAGENT_TELEPHONY_PROVIDER=twilio", "CALLAGENT_TWILIO_ACCOUNT_SID=" + account, "CALLAGENT_TWILIO_AUTH_TOKEN=" + token,
		"CALLAGENT_TWILIO_FROM_NUMBER=+14155550100", "CALLAGENT_TWILIO_BASE_URL=" + twilio,
		"CALLAGENT_OPENAI_API_KEY=key", "CALLAGENT_OPENAI_BASE_URL=" + strings.Replace(model, "http", "ws", 1) + "/v1",
		"CALLAGENT_CALENDAR_BASE_URL=" + bridge, "CALLAGENT_NOTIFY_HOOKS_URL=" + hook + "/hooks", "CALLAGENT_NOTIFY_HOOKS_TOKEN=" + hookToken,
		"CALLAGENT_DEFAULTS_TIMEZONE=America/Los_Angeles", "CALLAGENT_POLICY_CALLING_HOURS=00:00-24:00",
		"CALLAGENT_RETRY_MAX_ATTEMPTS=2", "CALLAGENT_RETRY_INITIAL_DELAY_MS=1000", "CALLAGENT_DRAIN_TIMEOUT=" + drainTimeout.String(),
	}
	if w.log, err = os.Create(filepath.Join(w.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.kill()
		w.twilio.Close()
		_ = w.model.Close()
		_ = calendar.Close()
		http.DefaultClient.CloseIdleConnections()
		if b, err := os.ReadFile(w.log.Name()); t.Failed() && err == nil {
			t.Logf("log:\n%s", b)
		}
		_ = w.log.Close()
	})
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

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freeport.Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// record keeps the model's farewell.
func (w *world) record(side string, event json.RawMessage) {
	var e struct {
		Type, Delta string
		Response    struct{ Metadata struct{ Kind string } }
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case side == realtimetest.SideClient && e.Type == "response.create" && e.Response.Metadata.Kind == "farewell":
		w.bidden = true
	case w.bidden && e.Type == "response.output_audio.delta":
		b, err := base64.StdEncoding.DecodeString(e.Delta)
		if err != nil {
			w.Error(err)
		}
		w.goodbye = append(w.goodbye, b...)
	}
}

func (w *world) hook(out http.ResponseWriter, r *http.Request) {
	var m struct{ Message string }
	body, _ := io.ReadAll(r.Body) // what is cut is no JSON
	if err := json.Unmarshal(body, &m); err != nil || r.Header.Get("Authorization") != "Bearer "+hookToken {
		w.Errorf("the hook got %s: %v", body, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, m.Message)
	_, _ = io.WriteString(out, `{"ok":true}`)
}

// start runs the binary and waits until it serves.
func (w *world) start() {
	w.Helper()
	w.cmd = w.command("run", "--config", filepath.Join("..", "..", "Caddyfile"))
	if err := w.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.await("the server is ready", 90*time.Second, func() bool {
		res, err := http.Get(w.base + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, w.log, w.log
	return cmd
}

// end sends a signal and waits for the process; it returns its exit code, -1 for a signal's.
func (w *world) end(s syscall.Signal) int {
	w.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.Fatal(err)
	}
	err := w.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatal(err)
	}
	code := w.cmd.ProcessState.ExitCode()
	w.cmd = nil
	http.DefaultClient.CloseIdleConnections()
	return code
}

// kill ends what still runs.
func (w *world) kill() {
	if w.cmd != nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	}
}

func (w *world) await(what string, limit time.Duration, holds func() bool) {
	w.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	w.Fatalf("not within %v: %s", limit, what)
}

// ask invokes a tool.
func (w *world) ask(tool string, request, into any) error {
	w.Helper()
	b, err := json.Marshal(request)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+"/tools/"+tool, bytes.NewReader(b))
	if err != nil {
		w.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + toolToken}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", res.StatusCode, answer)
	}
	return json.Unmarshal(answer, into)
}

// talking places a call and waits until both sides have spoken.
func (w *world) talking() call.ID {
	w.Helper()
	var a call.Answer
	if err := w.ask("call_agent", map[string]any{"to": callee, "goal": "Book a check-up.", "durationMinutes": 30, "userName": "Alex Morgan"}, &a); err != nil || a.Status != call.Dialing {
		w.Fatalf("%+v, %v", a, err)
	}
	select {
	case <-w.spoke:
	case <-time.After(90 * time.Second):
		w.Fatal("there was no conversation")
	}
	return a.CallID
}

// document is the call's status document.
func (w *world) document(id call.ID) call.Document {
	w.Helper()
	var status struct{ Call call.Document }
	if err := w.ask("call_agent_status", map[string]any{"callId": id}, &status); err != nil {
		w.Fatal(err)
	}
	return status.Call
}
