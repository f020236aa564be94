package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// sortable writes instants so that their order as text is their order in time; times of
// day carry nine decimals always, unlike time.RFC3339Nano. It holds for the years that
// JSON can write (RFC 3339: 0 to 9999), and records are JSON.
const sortable = "2006-01-02T15:04:05.000000000Z"

// timeKey is an index key: an instant, then what is due then.
func timeKey(t time.Time, what []byte) []byte {
	return append([]byte(t.UTC().Format(sortable)), what...)
}

// upTo walks an index in order of time, up to and including t, and hands out what the
// keys point at until fn returns false. The bytes are bbolt's own.
func upTo(tx *bbolt.Tx, bucket []byte, t time.Time, fn func(key, what []byte) (more bool)) {
	last := timeKey(t, nil)
	cur := tx.Bucket(bucket).Cursor()
	for k, _ := cur.First(); len(k) >= len(last) && bytes.Compare(k[:len(last)], last) <= 0; k, _ = cur.Next() {
		if !fn(k, k[len(last):]) {
			return
		}
	}
}

// index makes lists, due index, provider index and number lock follow a record from what
// was stored (nil: nothing) to what now is.
func index(tx *bbolt.Tx, was *call.Call, is call.Call) error {
	if err := list(tx, was, &is); err != nil {
		return err
	}
	due := tx.Bucket(bucketDue)
	if was != nil && was.Due != nil {
		if err := due.Delete(timeKey(*was.Due, []byte(was.ID))); err != nil {
			return fmt.Errorf("clear due index: %w", err)
		}
	}
	if is.Due != nil {
		if err := due.Put(timeKey(*is.Due, []byte(is.ID)), []byte{}); err != nil {
			return fmt.Errorf("write due index: %w", err)
		}
	}
	for i := range is.Attempts {
		if err := bindProvider(tx, is.Attempts[i].ProviderCallID, is.ID); err != nil {
			return err
		}
	}
	if is.Final() {
		return releaseNumber(tx, is)
	}
	return nil
}

// bindProvider remembers whose a provider's call id is. The first binding stands, as it
// does in the record: an id belongs to one call for good.
func bindProvider(tx *bbolt.Tx, providerCallID string, id call.ID) error {
	b := tx.Bucket(bucketProviders)
	if providerCallID == "" || b.Get([]byte(providerCallID)) != nil {
		return nil
	}
	if err := b.Put([]byte(providerCallID), []byte(id)); err != nil {
		return fmt.Errorf("write provider index: %w", err)
	}
	return nil
}

// takeNumber locks the callee's number for a new call, or says which call holds it.
func takeNumber(tx *bbolt.Tx, c call.Call) error {
	b := tx.Bucket(bucketNumbers)
	number := []byte(c.Request.To)
	if holder := b.Get(number); holder != nil {
		held, err := load(tx, call.ID(holder))
		if err != nil && !errors.Is(err, call.ErrNotFound) {
			return err
		}
		if err == nil && !held.Final() {
			return &call.Error{
				Code: call.Conflict, CallID: held.ID,
				Message: fmt.Sprintf("Call %s to this number is not final yet. Ask call_agent_status for it; place another call when it is final.", held.ID),
			}
		}
	}
	if c.Final() {
		return nil
	}
	if err := b.Put(number, []byte(c.ID)); err != nil {
		return fmt.Errorf("lock number: %w", err)
	}
	return nil
}

// releaseNumber gives a final call's number back, unless a later call has it by now.
func releaseNumber(tx *bbolt.Tx, c call.Call) error {
	b := tx.Bucket(bucketNumbers)
	if string(b.Get([]byte(c.Request.To))) != string(c.ID) {
		return nil
	}
	if err := b.Delete([]byte(c.Request.To)); err != nil {
		return fmt.Errorf("release number: %w", err)
	}
	return nil
}

// ByProviderCall implements call.Store.
func (s *Store) ByProviderCall(ctx context.Context, providerCallID string) (call.ID, error) {
	var id call.ID
	err := s.view(ctx, "find provider call", func(tx *bbolt.Tx) error {
		if id = call.ID(tx.Bucket(bucketProviders).Get([]byte(providerCallID))); id == "" {
			return call.ErrNotFound
		}
		return nil
	})
	return id, err
}

// Due implements call.Store.
func (s *Store) Due(ctx context.Context, t time.Time, limit int) ([]call.ID, error) {
	var ids []call.ID
	err := s.view(ctx, "read due index", func(tx *bbolt.Tx) error {
		upTo(tx, bucketDue, t, func(_, id []byte) bool {
			if len(ids) < limit {
				ids = append(ids, call.ID(id))
			}
			return len(ids) < limit
		})
		return nil
	})
	return ids, err
}
