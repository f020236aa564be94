//go:build linux && (amd64 || arm64)

package demo

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// The child meets a full disk as an error and not as a signal.
func init() {
	if os.Getenv(childEnv) != "" {
		signal.Ignore(syscall.SIGXFSZ)
	}
}

// disk is the disk of another process. A file that may not be written is to a store what
// a full disk is, and needs no privilege.
type disk struct{ pid int }

// room sets how large the process's files may be. Its sockets are not files.
func (d disk) room(t *testing.T, bytes uint64) {
	t.Helper()
	was := syscall.Rlimit{}
	if err := d.limit(nil, &was); err != nil {
		t.Fatal(err)
	}
	if err := d.limit(&syscall.Rlimit{Cur: min(bytes, was.Max), Max: was.Max}, nil); err != nil {
		t.Fatal(err)
	}
}

// limit is prlimit(2).
func (d disk) limit(next, was *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(d.pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(next)), uintptr(unsafe.Pointer(was)), 0, 0) //nolint:gosec // prlimit's own arguments
	if errno != 0 {
		return errno
	}
	return nil
}

const endless = ^uint64(0)

// TestAFullDiskStopsNobodyWhoTalks: while nothing can be written a new call is refused in
// clear words and dials nobody, the live call goes on, and when there is space again
// everything that happened is on record, once.
func TestAFullDiskStopsNobodyWhoTalks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, until string
		// longer is how long the disk stays full after that.
		longer time.Duration
	}{
		"while they talk": {from: "Would that suit you?", until: "Is that right?"},
		// The end is written before the line is put down, so that goes down when there is space again.
		"at the end": {from: "The appointment is booked.", until: "The appointment is booked.", longer: 8 * time.Second},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), longest)
			defer cancel()
			k := &keeper{t: t}
			s := trial{play: usually(t, "books")}.raise(ctx, t, k.serve)
			defer logOnFailure(t, k)
			d := disk{k.cmd.Process.Pid}
			var wait sync.WaitGroup
			wait.Go(func() {
				s.awaitWords(ctx, t, c.from)
				d.room(t, 0)
				s.refusedWhileFull(ctx, t)
				s.awaitWords(ctx, t, c.until)
				time.Sleep(c.longer)
				d.room(t, endless)
			})
			end, err := s.perform(ctx)
			wait.Wait()
			if err != nil {
				t.Fatal(err)
			}
			trial{play: s.play}.judge(t, s, end)
			s.takesCallsAgain(ctx, t)
			if k.deaths != 0 {
				t.Errorf("the server died %d times", k.deaths)
			}
		})
	}
}

func logOnFailure(t *testing.T, k *keeper) {
	if !t.Failed() {
		return
	}
	if b, err := os.ReadFile(k.site.LogTo); err == nil {
		t.Logf("server log:\n%s", b)
	}
}

// awaitWords waits until somebody said them in the story.
func (s *stage) awaitWords(ctx context.Context, t *testing.T, words string) {
	t.Helper()
	for ctx.Err() == nil {
		for _, e := range s.story.timeline() {
			if strings.Contains(e.What, words) {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("nobody said %q", words)
}

// refusedWhileFull: a new request is answered 503, with what to do, and leaves nothing.
func (s *stage) refusedWhileFull(ctx context.Context, t *testing.T) {
	t.Helper()
	err := s.invoke(ctx, "call_agent", anotherCall(), new(call.Answer))
	if err == nil || !strings.Contains(err.Error(), "answered 503") || !strings.Contains(err.Error(), `"unavailable"`) || !strings.Contains(err.Error(), "try again") {
		t.Errorf("a request on a full disk: %v", err)
	}
	if n := len(s.twilio.Calls()); n != 1 {
		t.Errorf("%d calls were dialled, want the first alone", n)
	}
	res, err := http.Get(s.base + "/healthz")
	if err != nil {
		t.Error(err)
		return
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("/healthz answers %d", res.StatusCode)
	}
}

func anotherCall() map[string]any {
	return map[string]any{"to": "+14155550124", "goal": "Book a haircut.", "durationMinutes": 30, "windowEnd": "2026-03-06T18:00:00-08:00"}
}

// takesCallsAgain: what was refused is taken now.
func (s *stage) takesCallsAgain(ctx context.Context, t *testing.T) {
	t.Helper()
	s.twilio.SetScript("+14155550124", twiliotest.Script{Attempts: []twiliotest.Answer{twiliotest.Busy}})
	var answer call.Answer
	if err := s.invoke(ctx, "call_agent", anotherCall(), &answer); err != nil || answer.Status != call.Dialing {
		t.Errorf("with space again: %s, %v", answer.Status, err)
	}
}
