package local

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// spacing is the time between two calls that fill places.
const spacing = time.Second

// fill stores that many calls, a thousand in a transaction, each to a number of its own.
func fill(t testing.TB, s *Store, calls int) {
	t.Helper()
	for first := 0; first < calls; first += 1000 {
		fillSome(t, s, first, min(first+1000, calls))
	}
}

func fillSome(t testing.TB, s *Store, first, end int) {
	t.Helper()
	err := s.update(context.Background(), "fill", func(tx *bbolt.Tx) error {
		for i := first; i < end; i++ {
			c := storetest.NewCall(fmt.Sprintf("call-%05d", i), fmt.Sprintf("+49301%08d", i))
			c.Version, c.CreatedAt = 1, storetest.Base.Add(time.Duration(i)*spacing)
			if err := insert(tx, c, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
