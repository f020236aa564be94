package local

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// Create implements call.Store. The record is stored as version 1. Time is c.CreatedAt:
// keys that have expired by then are forgotten in the same write.
func (s *Store) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey, q call.Quota) (call.Call, error) {
	c.Version = 1
	var first call.Call
	err := s.update(ctx, "store call", func(tx *bbolt.Tx) error {
		if err := sweepKeys(tx, c.CreatedAt); err != nil {
			return err
		}
		known, err := callOfKey(tx, key, c.CreatedAt)
		if err != nil {
			return err
		}
		if known != nil {
			first = *known
			return nil
		}
		first = c
		if err := insert(tx, c, key); err != nil {
			return err
		}
		return countCall(tx, q) // last: a number that is held is the better answer
	})
	if err != nil {
		return call.Call{}, err
	}
	return first.Clone(), nil
}

// insert writes a new record with all that points at it.
func insert(tx *bbolt.Tx, c call.Call, key *call.IdempotencyKey) error {
	if tx.Bucket(bucketCalls).Get([]byte(c.ID)) != nil {
		return fmt.Errorf("there is a call %s already", c.ID)
	}
	if err := takeNumber(tx, c); err != nil {
		return err
	}
	raw, err := call.EncodeRecord(c, nil)
	if err != nil {
		return err
	}
	if err := tx.Bucket(bucketCalls).Put([]byte(c.ID), raw); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := index(tx, nil, c); err != nil {
		return err
	}
	return putKey(tx, key, c.ID)
}

// Get implements call.Store.
func (s *Store) Get(ctx context.Context, id call.ID) (call.Call, error) {
	var c call.Call
	err := s.view(ctx, "read call", func(tx *bbolt.Tx) (err error) {
		c, err = load(tx, id)
		return err
	})
	return c, err
}

// Repeat implements call.Store.
func (s *Store) Repeat(ctx context.Context, key call.IdempotencyKey, now time.Time) (call.Call, error) {
	var first call.Call
	err := s.view(ctx, "find idempotency key", func(tx *bbolt.Tx) error {
		known, err := callOfKey(tx, &key, now)
		if err != nil {
			return err
		}
		if known == nil {
			return call.ErrNotFound
		}
		first = *known
		return nil
	})
	return first, err
}

// Update implements call.Store. Attributes of the stored record that this program does
// not know are kept: a newer one of the same schema wrote them.
func (s *Store) Update(ctx context.Context, c call.Call) error {
	return s.update(ctx, "write call", func(tx *bbolt.Tx) error {
		if err := put(tx, c); err != nil {
			return err
		}
		if a := c.Last(); a == nil || !a.Live() {
			return releaseLive(tx, c.ID)
		}
		return nil
	})
}

// Claim implements call.Store.
func (s *Store) Claim(ctx context.Context, c call.Call, q call.Quota) error {
	return s.update(ctx, "write claim", func(tx *bbolt.Tx) error {
		if err := put(tx, c); err != nil {
			return err
		}
		return countClaim(tx, c, q)
	})
}

// put writes the next version of a record, and what follows it.
func put(tx *bbolt.Tx, c call.Call) error {
	raw := tx.Bucket(bucketCalls).Get([]byte(c.ID)) // bbolt's own: not to be changed, nor kept past the transaction
	if raw == nil {
		return call.ErrNotFound
	}
	stored, all, err := call.DecodeAll(raw)
	if err != nil {
		return fmt.Errorf("record %s: %w", c.ID, err)
	}
	if stored.Version != c.Version {
		return call.ErrStale
	}
	c.Version++
	if all {
		raw = nil // nothing in it to keep
	}
	if raw, err = call.EncodeRecord(c, raw); err != nil {
		return err
	}
	if err := tx.Bucket(bucketCalls).Put([]byte(c.ID), raw); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return index(tx, &stored, c)
}

// load reads a record.
func load(tx *bbolt.Tx, id call.ID) (call.Call, error) {
	raw := tx.Bucket(bucketCalls).Get([]byte(id))
	if raw == nil {
		return call.Call{}, call.ErrNotFound
	}
	c, err := call.DecodeRecord(raw)
	if err != nil {
		return call.Call{}, fmt.Errorf("record %s: %w", id, err)
	}
	return c, nil
}
