//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func init() { childWork["disk"] = workOnAFullDisk }

// workOnAFullDisk takes every byte of space away, tries every write there is, gives the
// space back and tries again.
func workOnAFullDisk(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	d := &fullDisk{ctx: context.Background()}
	if err := d.work(path); err != nil {
		fmt.Println("FAULT:", err)
		return
	}
	fmt.Println("whole")
}

// fullDisk is a store whose disk is full now and then.
type fullDisk struct {
	ctx context.Context
	*Store
	was syscall.Rlimit
}

// fill lets no file of the process grow, nor change: an offset beyond the limit is refused
// by the kernel like a block that the disk does not have.
func (d *fullDisk) fill() error {
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &d.was); err != nil {
		return err
	}
	none := syscall.Rlimit{Cur: 0, Max: d.was.Max}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &none)
}

func (d *fullDisk) free() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &d.was) }

func (d *fullDisk) work(path string) (err error) {
	if d.Store, err = Open(path, Options{}); err != nil {
		return err
	}
	key := &call.IdempotencyKey{Token: "t", Key: "k", BodyHash: "b", Expires: storetest.Base.Add(call.IdempotencyTTL)}
	first, err := d.Create(d.ctx, storetest.NewCall("first", "+49301"), key, call.Quota{})
	if err != nil {
		return err
	}
	writes := d.writes(first)
	if err := d.fill(); err != nil {
		return err
	}
	for name, write := range writes {
		err := write()
		if err == nil || !strings.Contains(err.Error(), syscall.EFBIG.Error()) || !strings.Contains(err.Error(), "free some space in data_dir") {
			return fmt.Errorf("%s, on a full disk, says %w", name, err)
		}
	}
	if err := d.untouched(first, key); err != nil {
		return fmt.Errorf("on a full disk: %w", err)
	}
	if err := errors.Join(d.free(), d.untouched(first, key)); err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	if err := d.after(writes, first); err != nil {
		return err
	}
	return errors.Join(consistent(d.Store), d.Close(), reopened(path))
}

// writes are the ways to write, each in a valid case.
func (d *fullDisk) writes(first call.Call) map[string]func() error {
	next, _ := storetest.Rules.Next(first, call.Claimed{ClaimID: "c", At: first.CreatedAt})
	return map[string]func() error{
		"create": func() error {
			_, err := d.Create(d.ctx, storetest.NewCall("second", "+49302"), nil, call.Quota{})
			return err
		},
		"claim":  func() error { return d.Claim(d.ctx, next, call.Quota{}) },
		"update": func() error { return d.Update(d.ctx, next) },
	}
}

// untouched: what was acknowledged is there, and nothing of what was refused.
func (d *fullDisk) untouched(first call.Call, key *call.IdempotencyKey) error {
	got, err := d.Get(d.ctx, first.ID)
	if err != nil || got.Version != first.Version {
		return fmt.Errorf("the first call is at version %d, was %d: %w", got.Version, first.Version, err)
	}
	if again, err := d.Repeat(d.ctx, *key, storetest.Base); err != nil || again.ID != first.ID {
		return fmt.Errorf("its key leads to %q: %w", again.ID, err)
	}
	if _, err := d.Get(d.ctx, "second"); !errors.Is(err, call.ErrNotFound) {
		return fmt.Errorf("the refused call is half there: %w", err)
	}
	return d.Ping(d.ctx)
}

// after: with space again every write is taken; of a claim and an update to one version
// only one can be.
func (d *fullDisk) after(writes map[string]func() error, first call.Call) error {
	if err := errors.Join(writes["create"](), writes["claim"]()); err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	if err := writes["update"](); !errors.Is(err, call.ErrStale) || strings.Contains(err.Error(), "space") {
		return fmt.Errorf("what the store itself refuses is blamed on the disk: %w", err)
	}
	if got, err := d.Get(d.ctx, first.ID); err != nil || got.Version != first.Version+1 {
		return fmt.Errorf("the first call is at version %d: %w", got.Version, err)
	}
	return nil
}

func reopened(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	return errors.Join(consistent(s), s.Close())
}

func TestEveryWriteToAFullDiskSaysWhatToDoAndIsTakenLater(t *testing.T) {
	out, err := child(t, "disk", file(t)).Output()
	if err != nil || strings.TrimSpace(string(out)) != "whole" {
		t.Errorf("%s%v", out, err)
	}
}
