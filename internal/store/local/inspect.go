package local

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// Inspect says whether this program could open the store at path, and changes nothing in
// it: a doctor of a newer version must not take over what the older server still needs.
// It waits that long for a holder to let go.
func Inspect(path string, patience time.Duration) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: patience, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("read call store %s: %w", path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return nil // a file that nothing was written to yet
		}
		stored := meta.Get(keyLayout)
		if stored == nil {
			return nil
		}
		return knownLayout(string(stored))
	})
	if err != nil {
		err = fmt.Errorf("read call store %s: %w", path, err)
	}
	return errors.Join(err, db.Close())
}

// knownLayout refuses a newer file's layout.
func knownLayout(stored string) error {
	n, err := strconv.Atoi(stored)
	if err != nil {
		return fmt.Errorf("its layout number %q is damaged; restore the file from a backup", stored)
	}
	if n > layout {
		return fmt.Errorf("its layout is %d and this program knows %d; start the newer call agent that wrote it", n, layout)
	}
	return nil
}
