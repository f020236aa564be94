package demo

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/local"
	"github.com/clawdbot/call-agent/internal/config"
)

// childEnv, if set, holds a childSite: the test binary is then the server, in a
// process of its own that can be killed.
const childEnv = "CALL_AGENT_TEST_CHILD"

// childSite is what the child serves, and where it kills itself.
type childSite struct {
	Listen, DataDir string
	Document        json.RawMessage
	// Now is the child's time when it starts.
	Now time.Time
	// Crash is one of crashPoints; empty for none.
	Crash string
	LogTo string
}

// point is a write of the record at which the process dies.
type point struct {
	// before the write, or after it is durable.
	before bool
	hit    func(old, next call.Call) bool
}

// crashPoints are the places at which a process may be killed between any two steps.
var crashPoints = map[string]point{
	"between claim and intent": {hit: func(_, c call.Call) bool { return c.Last() != nil && c.Last().IntendedAt == nil }},
	"between intent and dial": {hit: func(_, c call.Call) bool {
		return c.Last() != nil && c.Last().IntendedAt != nil && c.Last().ProviderCallID == ""
	}},
	"between dial and record": {before: true, hit: func(old, c call.Call) bool {
		return c.Last() != nil && c.Last().ProviderCallID != "" && old.Last() != nil && old.Last().ProviderCallID == ""
	}},
	"in mid-call":                            {hit: func(_, c call.Call) bool { return c.Last() != nil && c.Last().GreetingHeardAt != nil }},
	"between booking intent and request":     {hit: func(_, c call.Call) bool { return c.Booking != nil }},
	"between the bridge's answer and record": {before: true, hit: func(_, c call.Call) bool { return c.Event != nil }},
	"between booking and farewell":           {hit: func(_, c call.Call) bool { return c.Event != nil }},
	"between final record and notification":  {hit: func(_, c call.Call) bool { return c.CompletedAt != nil }},
	"between notification and its record": {before: true, hit: func(_, c call.Call) bool {
		return c.Notice != nil && c.Notice.State == call.NoticeDelivered
	}},
}

// crashStore kills the process, as kill -9 does, at its point.
type crashStore struct {
	call.Store
	at point
}

// Update dies before or after the write.
func (s crashStore) Update(ctx context.Context, c call.Call) error {
	return s.write(ctx, c, func() error { return s.Store.Update(ctx, c) })
}

// Claim is the write of a claim, and dies as Update does.
func (s crashStore) Claim(ctx context.Context, c call.Call, q call.Quota) error {
	return s.write(ctx, c, func() error { return s.Store.Claim(ctx, c, q) })
}

func (s crashStore) write(ctx context.Context, c call.Call, do func() error) error {
	old, err := s.Get(ctx, c.ID)
	if err != nil {
		return err
	}
	hit := s.at.hit(old, c)
	if hit && s.at.before && old.Version == c.Version {
		die()
	}
	err = do()
	if hit && err == nil {
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

func TestMain(m *testing.M) {
	if v := os.Getenv(childEnv); v != "" {
		if err := childMain(v); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	// The tests of this package wait for audio in real time; they hardly need a processor.
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// childMain is the server's process: the product's composition on net/http.
func childMain(v string) error {
	var site childSite
	if err := json.Unmarshal([]byte(v), &site); err != nil {
		return fmt.Errorf("child: %w", err)
	}
	c, err := config.Load(site.Document, nil)
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	logFile, err := os.OpenFile(site.LogTo, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	log := slog.New(slog.NewTextHandler(logFile, nil))
	start := time.Now()
	o := local.Options{Dir: site.DataDir, Log: log, Now: func() time.Time { return site.Now.Add(time.Since(start)) }}
	if site.Crash != "" {
		o.WrapStore = func(s call.Store) call.Store { return crashStore{s, crashPoints[site.Crash]} }
	}
	h, err := local.Open(o)
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	app, err := local.New(h, c, log)
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	l, err := net.Listen("tcp", site.Listen)
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	h.Activate(app)
	return http.Serve(l, app)
}

// keeper runs the child and, when it dies, starts it again without the crash point
// and with its clock moved on, so that leases and ring limits have passed.
type keeper struct {
	t    *testing.T
	site childSite
	skip time.Duration

	mu      sync.Mutex
	cmd     *exec.Cmd
	stopped bool
	deaths  int
	done    chan struct{}
}

var placeholder = regexp.MustCompile(`\{env\.([A-Z_]+)\}`)

func (k *keeper) serve(_ context.Context, s Site) (func() error, error) {
	s.Document["retry"] = map[string]any{"initialDelayMs": 1000}
	b, err := json.Marshal(s.Document)
	if err != nil {
		return nil, err
	}
	k.site.Document = placeholder.ReplaceAllFunc(b, func(m []byte) []byte {
		return []byte(s.Secrets[string(placeholder.FindSubmatch(m)[1])])
	})
	k.site.Listen, k.site.LogTo, k.site.Now = s.Listen, s.LogTo, s.Now()
	k.site.DataDir = filepath.Join(filepath.Dir(s.LogTo), "state")
	k.done = make(chan struct{})
	if err := k.start(); err != nil {
		return nil, err
	}
	go k.watch()
	return k.stop, k.await(s.Listen)
}

func (k *keeper) start() error {
	b, err := json.Marshal(k.site)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(b))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	k.cmd = cmd
	return cmd.Start()
}

func (k *keeper) watch() {
	defer close(k.done)
	for {
		began := time.Now()
		err := k.cmd.Wait()
		k.mu.Lock()
		if k.stopped {
			k.mu.Unlock()
			return
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			k.t.Errorf("the server ended by itself: %v", err)
			k.mu.Unlock()
			return
		}
		k.deaths++
		k.site.Crash = ""
		k.site.Now = k.site.Now.Add(time.Since(began) + k.skip)
		if err := k.start(); err != nil {
			k.t.Error(err)
			k.mu.Unlock()
			return
		}
		k.mu.Unlock()
	}
}

func (k *keeper) stop() error {
	k.mu.Lock()
	k.stopped = true
	err := k.cmd.Process.Kill()
	k.mu.Unlock()
	<-k.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// await returns when the child listens.
func (k *keeper) await(listen string) error {
	for range 1200 {
		c, err := net.Dial("tcp", listen)
		if err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("the server does not listen on %s", listen)
}
