package local

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// Create implements call.Store. The record is stored as version 1. Time is c.CreatedAt:
// keys that have expired by then are forgotten in the same write.
func (s *Store) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey) (call.Call, error) {
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
		return insert(tx, c, key)
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
	raw, err := encode(c, nil)
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
		c, _, err = load(tx, id)
		return err
	})
	return c, err
}

// Update implements call.Store. Attributes of the stored record that this program does
// not know are kept: a newer one of the same schema wrote them.
func (s *Store) Update(ctx context.Context, c call.Call) error {
	return s.update(ctx, "write call", func(tx *bbolt.Tx) error {
		stored, raw, err := load(tx, c.ID)
		if err != nil {
			return err
		}
		if stored.Version != c.Version {
			return call.ErrStale
		}
		c.Version++
		if raw, err = encode(c, raw); err != nil {
			return err
		}
		if err := tx.Bucket(bucketCalls).Put([]byte(c.ID), raw); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		return index(tx, &stored, c)
	})
}

// load reads a record, decoded and as stored. The raw bytes are bbolt's own: they must
// not be changed, nor kept past the transaction.
func load(tx *bbolt.Tx, id call.ID) (call.Call, []byte, error) {
	raw := tx.Bucket(bucketCalls).Get([]byte(id))
	if raw == nil {
		return call.Call{}, nil, call.ErrNotFound
	}
	c, err := decode(raw)
	if err != nil {
		return call.Call{}, nil, fmt.Errorf("record %s: %w", id, err)
	}
	return c, raw, nil
}
