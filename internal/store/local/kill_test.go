//go:build unix

package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// The test binary runs itself again as a process that can be killed, or confined.
const (
	childEnv     = "CALLAGENT_STORETEST_CHILD"
	childPathEnv = "CALLAGENT_STORETEST_PATH"
)

var childWork = map[string]func(path string){"write": writeUntilKilled, "full": writeUntilFull}

func child(t *testing.T, work, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+work, childPathEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// writeUntilKilled makes calls and takes them to their end, and prints each write once
// the store has called it durable.
func writeUntilKilled(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("p%d-%d-%d", os.Getpid(), w, i)
				err := life(s, id, func(c call.Call) {
					out.Lock()
					defer out.Unlock()
					fmt.Println(c.ID, c.Version)
				})
				if err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
}

func life(s *Store, id string, wrote func(call.Call)) error {
	ctx := context.Background()
	key := &call.IdempotencyKey{Token: "t", Key: id, BodyHash: "b", Expires: storetest.Base.Add(call.IdempotencyTTL)}
	c, err := s.Create(ctx, storetest.NewCall(id, "+49"+id), key, call.Quota{})
	if err != nil {
		return err
	}
	wrote(c)
	for _, e := range append(storetest.Dialled("CA"+id), call.Ticked{At: c.Request.WindowEnd}) {
		next, changed := storetest.Rules.Next(c, e)
		if !changed {
			return fmt.Errorf("%T changes nothing", e)
		}
		if err := s.Update(ctx, next); err != nil {
			return err
		}
		if c, err = s.Get(ctx, c.ID); err != nil {
			return err
		}
		wrote(c)
	}
	return nil
}

func TestAKilledProcessLosesNoDurableWriteAndLeavesAWholeStore(t *testing.T) {
	path := file(t)
	versions := map[call.ID]int64{}
	for round := range 6 {
		killAfter(t, path, 40+17*round, versions)
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := consistent(s); err != nil {
			t.Error(err)
		}
		for id, version := range versions {
			if c, err := s.Get(t.Context(), id); err != nil || c.Version < version {
				t.Errorf("call %s is at version %d (%v), was written as %d", id, c.Version, err, version)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter lets a child write, notes what it has made durable, and kills it at full speed.
func killAfter(t *testing.T, path string, lines int, versions map[call.ID]int64) {
	cmd := child(t, "write", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for scan := bufio.NewScanner(out); scan.Scan(); seen++ {
		var id call.ID
		var version int64
		if n, _ := fmt.Sscan(scan.Text(), &id, &version); n == 2 {
			versions[id] = max(versions[id], version)
		}
		if seen == lines {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	var killed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &killed) || seen < lines {
		t.Fatalf("the child ended after %d writes: %v", seen, err)
	}
}

// writeUntilFull writes until the system refuses, and then checks what is left: a file
// that may not grow is to the store what a full disk is.
func writeUntilFull(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	if err := fillUp(path); err != nil {
		fmt.Println("FAULT:", err)
		return
	}
	fmt.Println("whole")
}

func fillUp(path string) error {
	ctx := context.Background()
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, storetest.NewCall("first", "+49first"), nil, call.Quota{}); err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	tight := syscall.Rlimit{Cur: 256 << 10, Max: was.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return err
	}
	made := map[call.ID]call.Call{}
	var refused error
	for i := 0; refused == nil && i < 10_000; i++ {
		id := fmt.Sprint("call", i)
		var c call.Call
		if c, refused = s.Create(ctx, storetest.NewCall(id, "+49"+id), nil, call.Quota{}); refused == nil {
			made[c.ID] = c
		}
	}
	// bbolt keeps the system's words and not its error.
	if refused == nil || !strings.Contains(refused.Error(), syscall.EFBIG.Error()) || !strings.HasPrefix(refused.Error(), "store call: ") {
		return fmt.Errorf("want the system's refusal, wrapped; the store met %w", refused)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	failed := call.ID(fmt.Sprint("call", len(made)))
	if _, err := s.Get(ctx, failed); !errors.Is(err, call.ErrNotFound) {
		return fmt.Errorf("the refused call %s is half there: %w", failed, err)
	}
	for id := range made {
		if _, err := s.Get(ctx, id); err != nil {
			return err
		}
	}
	if _, err := s.Create(ctx, storetest.NewCall(string(failed), "+49"+string(failed)), nil, call.Quota{}); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return errors.Join(consistent(s), s.Close())
}

func TestAFullDiskRefusesTheWriteAndHarmsNothing(t *testing.T) {
	out, err := child(t, "full", file(t)).Output()
	if err != nil || strings.TrimSpace(string(out)) != "whole" {
		t.Errorf("%s%v", out, err)
	}
}

// consistent says where the store's indexes and its records disagree.
func consistent(s *Store) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		var damage error
		for err := range tx.Check() { // to its end: a goroutine of bbolt's writes it
			damage = errors.Join(damage, err)
		}
		if damage != nil {
			return damage
		}
		want := map[string]int{}
		err := tx.Bucket(bucketCalls).ForEach(func(id, raw []byte) error {
			c, err := call.DecodeRecord(raw)
			if err != nil || string(id) != string(c.ID) {
				return fmt.Errorf("record %s holds call %s: %w", id, c.ID, err)
			}
			return expect(tx, c, want)
		})
		if err != nil {
			return err
		}
		for _, b := range [][]byte{bucketDue, bucketNumbers, bucketProviders} {
			if n := tx.Bucket(b).Stats().KeyN; n != want[string(b)] {
				return fmt.Errorf("bucket %s has %d keys, the records account for %d", b, n, want[string(b)])
			}
		}
		return tx.Bucket(bucketKeys).ForEach(func(hash, _ []byte) error {
			r, err := loadKey(tx, hash)
			if err != nil {
				return err
			}
			if tx.Bucket(bucketExpiries).Get(timeKey(r.Expires, hash)) == nil {
				return errors.New("a key has no expiry")
			}
			_, err = load(tx, r.CallID)
			return err
		})
	})
}

// expect counts what points at a call, and errs where something does not.
func expect(tx *bbolt.Tx, c call.Call, want map[string]int) error {
	if c.Due != nil {
		want[string(bucketDue)]++
		if tx.Bucket(bucketDue).Get(timeKey(*c.Due, []byte(c.ID))) == nil {
			return fmt.Errorf("call %s is not in the due index", c.ID)
		}
	}
	if !c.Final() {
		want[string(bucketNumbers)]++
		if holder := tx.Bucket(bucketNumbers).Get([]byte(c.Request.To)); !bytes.Equal(holder, []byte(c.ID)) {
			return fmt.Errorf("the number of call %s is held by %q", c.ID, holder)
		}
	}
	for _, a := range c.Attempts {
		if a.ProviderCallID == "" {
			continue
		}
		want[string(bucketProviders)]++
		if id := tx.Bucket(bucketProviders).Get([]byte(a.ProviderCallID)); !bytes.Equal(id, []byte(c.ID)) {
			return fmt.Errorf("provider call %s leads to %q, not to %s", a.ProviderCallID, id, c.ID)
		}
	}
	return nil
}
