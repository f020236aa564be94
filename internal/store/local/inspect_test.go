package local

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestInspectingChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		layout, problem string
	}{
		"today's":  {"1", ""},
		"an older": {"", ""},
		"a newer":  {"99", "start the newer call agent"},
		"damaged":  {"x", "restore the file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "calls.db")
			written(t, path, c.layout)
			before := sum(t, path)
			err := Inspect(path, time.Second)
			if (err == nil) != (c.problem == "") || (err != nil && !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("%v, want %q", err, c.problem)
			}
			if sum(t, path) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func written(t *testing.T, path, layout string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(bucketMeta)
		if err != nil || layout == "" {
			return err
		}
		return meta.Put(keyLayout, []byte(layout))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}
