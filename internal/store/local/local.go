// Package local keeps call records in one bbolt file: the call store of one host.
//
// It owns the file, its lock, its layout and every index over the records; all of them
// change in the same durable transaction as the record, so that a process killed at any
// moment leaves a store that is whole. It never decides what may happen to a call (that is
// [call.Rules.Next]), reads no clock, and starts no goroutine.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/clawdbot/call-agent/call"
)

// Store is a call.Store in one file, of which one process at a time is the holder. All
// methods may be called concurrently; writes wait for each other, reads wait for nobody.
type Store struct {
	db *bbolt.DB
}

var _ call.Store = (*Store)(nil)

// Options of Open; the zero value is right for production.
type Options struct {
	// LockTimeout is how long Open waits for another holder of the file to let go; 0 means 5 s.
	LockTimeout time.Duration
}

const defaultLockTimeout = 5 * time.Second

// layout is the number of the file's arrangement of buckets and keys. A file with a
// lower number, or none, is taken over; a higher one was written by a newer program.
// Layout 2 has the lists: a program that knows only 1 would let them fall behind the records.
const layout = 2

var (
	bucketMeta      = []byte("meta")
	bucketCalls     = []byte("calls")
	bucketNumbers   = []byte("numbers")   // E.164 → id of the call that is not final
	bucketKeys      = []byte("keys")      // hash of token and idempotency key → keyRecord
	bucketExpiries  = []byte("expiries")  // expiry and hash of an idempotency key → nothing
	bucketProviders = []byte("providers") // provider call id → call id
	bucketDue       = []byte("due")       // due time and call id → nothing
	bucketCounts    = []byte("counts")    // day, and what is counted on it → how often
	bucketLive      = []byte("live")      // id of a call with a live attempt → nothing
	bucketLists     = []byte("lists")     // index, value in it, creation and call id → nothing

	keyLayout = []byte("layout")
)

// Open opens the store at path, and creates it, and its folder, where there is none.
// Folder and file are for their owner alone, since records hold names and numbers.
func Open(path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the call store (set data_dir to one that may be written): %w", err)
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = defaultLockTimeout
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: o.LockTimeout, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open call store %s: another process holds it; stop that call agent, or set data_dir to another folder: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open call store %s (restore it from a backup if it is damaged): %w", path, err)
	}
	if err := db.Update(prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open call store %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

// prepare refuses a newer file's layout and makes what a new file lacks.
func prepare(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", bucketMeta, err)
	}
	if stored := meta.Get(keyLayout); stored != nil {
		if err := knownLayout(string(stored)); err != nil {
			return err
		}
	}
	for _, name := range [][]byte{bucketCalls, bucketNumbers, bucketKeys, bucketExpiries, bucketProviders, bucketDue, bucketCounts, bucketLive} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	if err := listAll(tx); err != nil {
		return err
	}
	return meta.Put(keyLayout, strconv.AppendInt(nil, layout, 10))
}

// Close waits for transactions under way and lets the file go. Afterwards every method
// errs. Closing twice is nothing.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close call store: %w", err)
	}
	return nil
}

// Ping says whether the store can be read.
func (s *Store) Ping(ctx context.Context) error {
	return s.view(ctx, "read call store", func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketMeta).Get(keyLayout) == nil {
			return errors.New("it has lost its layout number; restore the file from a backup")
		}
		return nil
	})
}

// view and update run one transaction, unless ctx is over before it starts: a bbolt
// transaction cannot be cut short, nor does it need to be.
func (s *Store) view(ctx context.Context, doing string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return wrap(doing, s.db.View(fn))
}

func (s *Store) update(ctx context.Context, doing string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	refused := false
	err := s.db.Update(func(tx *bbolt.Tx) error {
		err := fn(tx)
		refused = err != nil
		return err
	})
	if err != nil && !refused && !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		err = unwritable(err)
	}
	return wrap(doing, err)
}

// unwritable says what to do about a transaction that the disk did not take. Nothing of
// it was written, and what was there is there: bbolt writes beside what it replaces.
func unwritable(err error) error {
	return fmt.Errorf("the disk did not take it (free some space in data_dir, and see that it may be written): %w", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
