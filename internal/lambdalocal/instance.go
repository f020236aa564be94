package lambdalocal

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// instance is one process of a function, with a Runtime API of its own.
type instance struct {
	function *function
	cmd      *exec.Cmd
	server   *http.Server
	events   chan *invocation
	gone     chan struct{} // closed when the process has ended
	once     sync.Once
	used     bool // it has carried an event

	mu      sync.Mutex
	current *invocation
}

// invocation is one event on its way.
type invocation struct {
	id     string
	event  []byte
	answer chan answer // holds one
}

type answer struct {
	body []byte
	err  error
}

// maxAnswer is Lambda's limit on an answer.
const maxAnswer = 6 << 20

// runtimeAPI is the version in every path of the Runtime API.
const runtimeAPI = "/2018-06-01/runtime"

// launch starts a process. Its environment is the function's alone, nothing of ours.
func (f *function) launch() (*instance, error) {
	l, err := listen(f.runner.ctx, "")
	if err != nil {
		return nil, err
	}
	i := &instance{function: f, events: make(chan *invocation), gone: make(chan struct{})}
	i.cmd = exec.CommandContext(f.runner.ctx, f.binary()) // it is killed as a group before that
	i.cmd.Env = f.environment(l.Addr().String())
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of ours is not theirs
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("its output: %w", err)
	}
	i.cmd.Stderr = i.cmd.Stdout
	if err := i.cmd.Start(); err != nil {
		_ = l.Close()
		return nil, err
	}
	i.serve(l)
	f.ended.Go(func() { i.watch(out) })
	return i, nil
}

func (f *function) environment(api string) []string {
	e := map[string]string{
		"AWS_LAMBDA_RUNTIME_API": api, "AWS_LAMBDA_FUNCTION_NAME": f.spec.name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": f.spec.memory, "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO",
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL_SSM": f.runner.services, "AWS_ENDPOINT_URL_SCHEDULER": f.runner.services,
		"AWS_ENDPOINT_URL_DYNAMODB": f.runner.o.DynamoDB, "PATH": os.Getenv("PATH"), "TZ": ":UTC",
	}
	var all []string
	for name, value := range f.spec.environment {
		e[name] = value
	}
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

// watch copies what the process says, and waits for its end.
func (i *instance) watch(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 4096), 1<<20)
	for lines.Scan() {
		i.function.runner.quote(i.function.spec.folder, lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, out) // a line too long for the scanner must not stop the process
	_ = i.cmd.Wait()                // how it ended is in its output
	close(i.gone)
	_ = i.server.Close()
}

func (i *instance) alive() bool {
	select {
	case <-i.gone:
		return false
	default:
		return true
	}
}

func (i *instance) kill() {
	i.once.Do(func() { _ = syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL) })
}

// errEnded is the end of a process before it took the event.
var errEnded error = &FunctionError{Crashed: true}

// carry hands the process one event and waits for its answer, its end, or the end of its time.
func (i *instance) carry(ctx context.Context, event []byte) ([]byte, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	limit := i.function.spec.timeout
	inv := &invocation{id: hex.EncodeToString(id[:]), event: event, answer: make(chan answer, 1)}
	timer := time.NewTimer(limit + startTime)
	defer timer.Stop()
	select {
	case i.events <- inv:
	case <-i.gone:
		return nil, errEnded
	case <-timer.C:
		return nil, &FunctionError{TimedOut: true}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	timer.Reset(limit)
	select {
	case a := <-inv.answer:
		return a.body, a.err
	case <-i.gone:
		return nil, &FunctionError{Crashed: true}
	case <-timer.C:
		return nil, &FunctionError{TimedOut: true}
	}
}

// startTime is what a process may take before it asks for its first event (Lambda's init phase).
const startTime = 10 * time.Second

// serve is the Runtime API of this instance.
func (i *instance) serve(l net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"/invocation/next", i.next)
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/response", i.answered(false))
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/error", i.answered(true))
	mux.HandleFunc("POST "+runtimeAPI+"/init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	i.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	i.function.ended.Go(func() { _ = i.server.Serve(l) }) // ends with the process
}

// next is the process asking for an event; it waits for as long as there is none.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case inv := <-i.events:
		i.mu.Lock()
		i.current = inv
		i.mu.Unlock()
		deadline := time.Now().Add(i.function.spec.timeout)
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN(i.function.spec.name))
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-"+inv.id+inv.id[:8])
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(inv.event) // a process that has gone answers nothing
	case <-i.gone:
	case <-r.Context().Done():
	}
}

func (i *instance) answered(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
		i.mu.Lock()
		inv := i.current
		if inv != nil && inv.id == r.PathValue("id") {
			i.current = nil
		}
		i.mu.Unlock()
		switch {
		case inv == nil || inv.id != r.PathValue("id"):
			w.WriteHeader(http.StatusBadRequest)
			return
		case err != nil:
			inv.answer <- answer{err: &FunctionError{Payload: []byte(`{"errorType":"Function.ResponseSizeTooLarge"}`)}}
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case failed:
			inv.answer <- answer{err: &FunctionError{Payload: body}}
		default:
			inv.answer <- answer{body: body}
		}
		w.WriteHeader(http.StatusAccepted)
	}
}
