package cloudtest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/lambdalocal"
)

// root is the project's folder as tests of this package see it.
var root = filepath.Join("..", "..")

// binary is the program as it is shipped: make test-cloud builds it.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "bin", "callagent"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; make build makes it", err)
	}
	return path
}

// mediaHost is a Caddy with control_plane remote, in a process of its own.
type mediaHost struct {
	*process
	url string // http://…
}

// startHost runs a media host on a port with infra's own Caddyfile, and waits until it
// has reported.
func (w *world) startHost(port string, env ...string) *mediaHost {
	w.Helper()
	h := &mediaHost{url: "http://127.0.0.1:" + port}
	home := filepath.Join(w.dir, "host-"+port)
	if err := os.MkdirAll(home, 0o700); err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(binary(w.T), "run", "--config", filepath.Join(root, "infra", "Caddyfile"))
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CONFIG_HOME=" + home,
		"CALLAGENT_LISTEN=" + h.url, "CALLAGENT_ADMIN=127.0.0.1:" + freePort(w.T), "CALLAGENT_DRAIN_TIMEOUT=5s",
	}, env...)
	h.process = w.start("media host "+port, cmd)
	w.await("the media host is ready", patience, func() bool { return answers(h.url + "/readyz") })
	return h
}

// answers says whether a GET is answered 200.
func answers(url string) bool {
	res, err := http.Get(url) //nolint:gosec // an address of this test's own
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// process is a program of a test's own, ended with it.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	once sync.Once
}

// start runs a program; its output is shown where the test fails.
func (w *world) start(name string, cmd *exec.Cmd) *process {
	w.Helper()
	log, err := os.CreateTemp(w.dir, "log")
	if err != nil {
		w.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	p := &process{cmd: cmd, log: log}
	w.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if w.Failed() {
			b, _ := os.ReadFile(log.Name())
			w.Logf("%s:\n%s", name, b[max(0, len(b)-20000):])
		}
		_ = log.Close()
	})
	return p
}

// end sends a signal, and kills what has not ended in half a minute.
func (p *process) end(s syscall.Signal) {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(s)
		done := make(chan struct{})
		go func() { defer close(done); _ = p.cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // and its children
		<-done
	})
}

// oneHost runs the functions over a table of DynamoDB Local, and a media host that they see.
func (w *world) oneHost(more map[string]any) *mediaHost {
	w.Helper()
	dynamoDB, port := w.newTable(), freePort(w.T)
	document := w.document([]string{"ws://127.0.0.1:" + port}, more)
	r := w.run(lambdalocal.Options{Dist: functions(w.T), DynamoDB: dynamoDB}, func() map[string]any { return document })
	host := w.startHost(port, w.hostEnvironment(r, dynamoDB)...)
	w.await("the functions see the media host", patience, func() bool { return answers(w.base + "/readyz") })
	return host
}

// untilTold waits until a call is final and its owner told.
func (w *world) untilTold(id call.ID, within time.Duration) (d call.Document) {
	w.Helper()
	w.await("the call is final and told", within, func() bool {
		var err error
		d, err = w.status(id)
		return err == nil && d.Notification != nil && d.Notification.State == call.NoticeDelivered
	})
	return d
}
