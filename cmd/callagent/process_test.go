//go:build unix && !race

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media/g711"
)

// drainTimeout is the binary's; farewellLimit is what a goodbye and the way out may take beyond.
const (
	drainTimeout  = 2 * time.Second
	retryDelay    = time.Second
	farewellLimit = 15 * time.Second
)

// retried demands that the call's first attempt ended so, that a second one was made, and
// that the owner was told once, when that was over too.
func (w *world) retried(id call.ID, reason call.EndReason, within time.Duration) {
	w.Helper()
	w.await("the call is final and told", within, func() bool {
		n := w.document(id).Notification
		return n != nil && n.State == call.NoticeDelivered
	})
	d := w.document(id)
	if len(d.Attempts) != 2 || d.Attempts[0].Status != call.Failed || d.Attempts[0].EndReason != reason || d.Attempts[1].EndReason != call.EndBusy || d.Status != call.Busy {
		w.Errorf("ended %s after %+v", d.Status, d.Attempts)
	}
	if n := len(w.twilio.Calls()); n != 2 {
		w.Errorf("%d calls were dialled for two attempts", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) != 1 || !strings.Contains(w.told[0], "the line was busy") {
		w.Errorf("the owner was told %q", w.told)
	}
}

// codeNobodyThere is what the phone company notes of a webhook that nobody takes.
const codeNobodyThere = 11205

// TestSIGTERMSaysGoodbye: the callee hears the model's farewell to its last sample, the
// process ends in good order, and the next one makes the next attempt.
func TestSIGTERMSaysGoodbye(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	id := w.talking()
	began := time.Now()
	code := w.end(syscall.SIGTERM)
	if took := time.Since(began); code != 0 || took > drainTimeout+farewellLimit {
		t.Errorf("exit code %d after %v", code, took)
	}
	select {
	case <-w.twilio.Calls()[0].Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the line is still up")
	}
	played := w.twilio.Calls()[0].Recording().Played
	w.mu.Lock()
	farewell := w.goodbye
	w.mu.Unlock()
	// The last frame is filled up with silence.
	rest := bytes.TrimRight(played, string([]byte{g711.MuSilence}))
	if len(farewell) < g711.SampleRate/2 || !bytes.HasSuffix(rest, bytes.TrimRight(farewell, string([]byte{g711.MuSilence}))) {
		t.Errorf("of %d bytes played the last are not the farewell's %d", len(played), len(farewell))
	}
	for _, v := range w.twilio.Violations() {
		// The last callback may find nobody: the next process looks the call up.
		if v.Code != codeNobodyThere {
			t.Errorf("the phone company objects: %+v", v)
		}
	}
	time.Sleep(retryDelay + 500*time.Millisecond) // the next attempt is due by the first sweep, not by the second, a minute later
	w.start()
	w.retried(id, call.EndDrained, 50*time.Second)
	if code := w.end(syscall.SIGTERM); code != 0 {
		t.Errorf("without a call: exit code %d", code)
	}
}

// TestKillMidCall: nobody is there to say goodbye. The next process waits for the lease
// of the one that died, and then makes the next attempt.
func TestKillMidCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	id := w.talking()
	if code := w.end(syscall.SIGKILL); code != -1 {
		t.Errorf("exit code %d of a killed process", code)
	}
	w.start()
	if d := w.document(id); d.CompletedAt != nil || len(d.Attempts) != 1 {
		t.Errorf("after the restart: %s, %d attempts", d.Status, len(d.Attempts))
	}
	w.retried(id, call.EndHostLost, call.LeaseLength+90*time.Second)
	if code := w.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAStoreOfANewerLayoutIsRefused: by the whole program, in words that say what to do,
// and the file is left as it was.
func TestAStoreOfANewerLayoutIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "state", "calls.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		return meta.Put([]byte("layout"), []byte("99"))
	})
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.command("run", "--config", filepath.Join("..", "..", "Caddyfile"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() <= 0 {
		t.Errorf("it ended with %v", err)
	}
	if !strings.Contains(out.String(), "its layout is 99 and this program knows 2; start the newer call agent that wrote it") {
		t.Errorf("it says:\n%s", out.String())
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was touched: %v", err)
	}
}
