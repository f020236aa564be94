//go:build linux

package lambdabench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/app/cloud"
)

// instance is one process of a function behind a Runtime API that does nothing but measure.
type instance struct {
	cmd     *exec.Cmd
	server  *http.Server
	ready   chan time.Time // when it asked for its first event
	events  chan []byte
	answers chan answered
	asked   bool
	log     bytes.Buffer // of what it wrote until it ended
}

type answered struct {
	at   time.Time
	body []byte
	err  bool
}

// launch starts the binary, and returns how long it took until it asked for an event.
func launch(b *testing.B, binary string, env []string) (*instance, time.Time, time.Duration) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	i := &instance{ready: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answered, 1)}
	i.server = &http.Server{Handler: i, ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(l) }()
	i.cmd = exec.CommandContext(b.Context(), binary)
	i.cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(), "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_FUNCTION_NAME=bench"}, env...)
	i.cmd.Stdout, i.cmd.Stderr = &i.log, &i.log
	var begun time.Time
	aside(func() {
		begun = time.Now()
		err = i.cmd.Start()
	})
	if err != nil {
		b.Fatal(err)
	}
	select {
	case at := <-i.ready:
		return i, begun, at.Sub(begun)
	case <-time.After(time.Minute):
		b.Fatalf("%s has not asked for an event after a minute", binary)
		return nil, begun, 0
	}
}

// ServeHTTP is the Runtime API: the next event, and the answer to it.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	if strings.HasSuffix(r.URL.Path, "/invocation/next") {
		if !i.asked { // one request at a time
			i.asked = true
			i.ready <- at
		}
		select {
		case event := <-i.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "bench")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
		return
	}
	body, _ := io.ReadAll(r.Body) // what is cut is found wrong by who asked
	w.WriteHeader(http.StatusAccepted)
	i.answers <- answered{at, body, !strings.HasSuffix(r.URL.Path, "/response")}
}

// invoke hands an event over and waits for the answer.
func (i *instance) invoke(b *testing.B, event []byte) (body []byte, from, to time.Time) {
	b.Helper()
	from = time.Now()
	i.events <- event
	a := <-i.answers
	if a.err {
		b.Fatalf("the function failed: %s", a.body)
	}
	return a.body, from, a.at
}

// spent is the processor time of all the process's threads so far.
func (i *instance) spent(b *testing.B) (sum time.Duration) {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", i.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		b.Fatalf("processor time: this benchmark needs Linux's /proc (%v)", err)
	}
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		var ran, waited, slices int64
		if _, serr := fmt.Sscan(string(text), &ran, &waited, &slices); err != nil || serr != nil {
			continue // a thread that has just ended
		}
		sum += time.Duration(ran)
	}
	return sum
}

func (i *instance) stop() {
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait()
	_ = i.server.Close()
}

// warming is when the function that was stopped made its warming request, by its own log; zero
// for the minimal one, which makes none.
func (i *instance) warming(b *testing.B, name string) (from, to time.Time) {
	b.Helper()
	for _, text := range bytes.Split(i.log.Bytes(), []byte("\n")) {
		var line struct {
			Timestamp time.Time
			Message   string
			Took      float64 `json:"took_ms"` // cloud.WarmTook
		}
		if json.Unmarshal(text, &line) != nil || line.Message != cloud.WarmMessage {
			continue
		}
		return line.Timestamp.Add(-time.Duration(line.Took * float64(time.Millisecond))), line.Timestamp
	}
	if name != minimal {
		b.Fatalf("%s did not say that the table answers:\n%s", name, i.log.Bytes())
	}
	return from, to
}

// build makes a function's binary as it is deployed, but for this machine.
func build(b *testing.B, dir, name, path string) (binary string, size int64) {
	b.Helper()
	binary = dir + "/" + name
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", binary, path)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", name, err, out)
	}
	// Written anew in one go, as a package is unpacked: what the linker leaves is in memory in
	// small pieces, and how small differs; with them a start takes up to an eighth more.
	program, err := os.ReadFile(binary)
	if err == nil {
		err = os.WriteFile(binary+"-unpacked", program, 0o700) //nolint:gosec // it is to be run
	}
	if err != nil {
		b.Fatal(err)
	}
	return binary + "-unpacked", int64(len(program))
}
