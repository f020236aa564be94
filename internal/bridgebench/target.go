package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/clawdbot/call-agent/internal/freeport"
)

// target is what is measured, in a process of its own.
type target struct {
	name   string
	cmd    *exec.Cmd
	dir    string
	log    *os.File
	client *http.Client
	base   string // of the bridge's tools
	admin  string
	stream func(*line) (string, error)
	// placed counts the calls: each has a number of its own.
	placed atomic.Int64
}

func (t *target) process() process { return process(t.cmd.Process.Pid) }

const (
	nameLimit  = "limit"
	nameBridge = "bridge"

	toolToken  = "a tool token of sufficient length"
	disclosure = "Hello, this is an AI assistant calling on behalf of Alex Morgan."
)

// startLimit starts this program once more, as the limit.
func startLimit(l *load, t *trust) (*target, error) {
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	args := []string{"-limit", at, "-model", l.modelAt + "/realtime", "-format", l.format}
	scheme := "ws://"
	if l.secure {
		args, scheme = append(args, "-tls=on"), "wss://"
	}
	x := &target{name: nameLimit}
	x.stream = func(ln *line) (string, error) { return scheme + at + "/voice/stream/" + ln.name(), nil }
	if err := x.start(self, args, append(os.Environ(), t.environment()...)); err != nil {
		return nil, err
	}
	return x, x.await(func() bool {
		conn, err := connect(at)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// startBridge starts the shipped binary under its own Caddyfile, with the mock provider,
// whose stream URLs a program can call.
func startBridge(binary string, l *load, t *trust, most int) (*target, error) {
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	x := &target{name: nameBridge, base: "http://" + at, admin: "http://" + admin, client: &http.Client{Timeout: 20 * time.Second}}
	if l.secure {
		x.base = "https://" + at
		x.client.Transport = &http.Transport{TLSClientConfig: t.client.Clone()}
	}
	if x.dir, err = os.MkdirTemp("", "bridgebench"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	caddyfile := filepath.Join(x.dir, "Caddyfile")
	if err := os.WriteFile(caddyfile, []byte(x.caddyfile(l.secure, t)), 0o600); err != nil {
		return nil, fmt.Errorf("write the Caddyfile: %w", err)
	}
	x.stream = x.place
	env := append(t.environment(),
		"PATH="+os.Getenv("PATH"), "HOME="+x.dir, "XDG_DATA_HOME="+x.dir, "XDG_CONFIG_HOME="+x.dir,
		"CALLAGENT_DATA_DIR="+filepath.Join(x.dir, "state"), "CALLAGENT_TELEPHONY_PROVIDER=mock",
		"CALLAGENT_STREAM_SECRET="+strings.Repeat("s", 32), "CALLAGENT_TOOLS_TOKENS="+toolToken,
		"CALLAGENT_OPENAI_BASE_URL="+l.modelAt, "CALLAGENT_OPENAI_API_KEY=key",
		"CALLAGENT_OPENAI_INPUT_FORMAT=audio/"+l.format, "CALLAGENT_OPENAI_OUTPUT_FORMAT=audio/"+l.format,
		"CALLAGENT_DEFAULTS_TIMEZONE=America/Los_Angeles", "CALLAGENT_POLICY_CALLING_HOURS=00:00-24:00", "CALLAGENT_POLICY_ALLOWED_COUNTRIES=US",
		"CALLAGENT_RETRY_MAX_ATTEMPTS=1", "CALLAGENT_MAX_SESSIONS="+strconv.Itoa(most), "CALLAGENT_POLICY_MAX_CALL_SECONDS=86400",
		"CALLAGENT_SILENCE_HANGUP=1h", "CALLAGENT_SILENCE_PROMPT=59m",
	)
	if err := x.start(binary, []string{"run", "--config", caddyfile}, env); err != nil {
		return nil, err
	}
	return x, x.await(x.ready)
}

// ready says whether the bridge takes calls.
func (t *target) ready() bool {
	res, err := t.client.Get(t.base + "/readyz") //nolint:noctx // the client has a time-out
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (t *target) caddyfile(secure bool, certs *trust) string {
	tls := ""
	if secure {
		tls = "\ttls " + certs.certFile + " " + certs.keyFile + "\n"
	}
	return "{\n\tauto_https disable_redirects\n\tadmin " + strings.TrimPrefix(t.admin, "http://") + "\n}\n" + t.base + " {\n" + tls +
		"\tcall_agent {\n\t\tstream {\n\t\t\tsecret {env.CALLAGENT_STREAM_SECRET}\n\t\t}\n\t\ttools {\n\t\t\ttokens {env.CALLAGENT_TOOLS_TOKENS}\n\t\t}\n\t}\n}\n"
}

func (t *target) start(program string, args, env []string) (err error) {
	if t.log, err = os.CreateTemp("", "bridgebench-"+t.name+"-*.log"); err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	return t.launch(program, args, env)
}

func (t *target) launch(program string, args, env []string) error {
	t.cmd = exec.CommandContext(context.Background(), program, args...)
	t.cmd.Env, t.cmd.Stdout, t.cmd.Stderr = env, t.log, t.log
	if err := t.cmd.Start(); err != nil {
		return fmt.Errorf("start the %s: %w", t.name, err)
	}
	return nil
}

func (t *target) await(ready func() bool) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ready() {
			return nil
		}
	}
	log, _ := os.ReadFile(t.log.Name())
	t.end()
	return fmt.Errorf("the %s did not start within 30 s; its log:\n%s", t.name, log)
}

// place places a call by the tool, as an assistant does, and returns its stream.
func (t *target) place(ln *line) (string, error) {
	body := fmt.Sprintf(`{"to":"+1415%07d","goal":"Book a check-up for %s.","durationMinutes":30,"userName":"Alex Morgan"}`, 5550000+t.placed.Add(1), ln.name())
	r, err := http.NewRequest(http.MethodPost, t.base+"/tools/call_agent", bytes.NewReader([]byte(body))) //nolint:noctx // the client has a time-out
	if err != nil {
		return "", fmt.Errorf("place a call: %w", err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + toolToken}}
	res, err := t.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("place a call: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("place a call: %w", err)
	}
	var answer struct {
		StreamURL string `json:"streamUrl"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.StreamURL == "" {
		return "", fmt.Errorf("place a call: %d %s (%w)", res.StatusCode, text, errors.Join(err, errNoStream))
	}
	return answer.StreamURL, nil
}

var errNoStream = errors.New("the answer holds no streamUrl")

// profile writes the profile of the next d of processor time to a file, and that of the
// memory then in use beside it.
func (t *target) profile(file string, d time.Duration) error {
	client := http.Client{Timeout: d + 10*time.Second}
	for name, query := range map[string]string{file: fmt.Sprintf("profile?seconds=%d", int(d.Seconds())), file + ".heap": "heap?gc=1"} {
		text, err := get(&client, t.admin+"/debug/pprof/"+query)
		if err == nil {
			err = os.WriteFile(name, []byte(text), 0o600)
		}
		if err != nil {
			return fmt.Errorf("profile the bridge: %w", err)
		}
	}
	return nil
}

func get(client *http.Client, url string) (string, error) {
	res, err := client.Get(url) //nolint:noctx // the client has a time-out
	if err != nil {
		return "", fmt.Errorf("get: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("get %s: %w", url, err)
	}
	return string(b), nil
}

// end stops the process and removes what it left.
func (t *target) end() {
	if t.cmd.Process != nil {
		t.halt()
	}
	_ = t.log.Close()
	_ = os.Remove(t.log.Name())
	if t.dir != "" {
		_ = os.RemoveAll(t.dir)
	}
}

// halt stops the process and waits for it.
func (t *target) halt() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	gone := make(chan struct{})
	go func() { _ = t.cmd.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		_ = t.cmd.Process.Kill()
		<-gone
	}
}

func freeAddress() (string, error) {
	port, err := freeport.Loopback(context.Background())
	return net.JoinHostPort("127.0.0.1", port), err
}
