package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// Delete implements call.Store. The day's counts stay: they hold the number, for the
// limits, until the day after tomorrow.
func (s *Store) Delete(ctx context.Context, id call.ID) error {
	return s.update(ctx, "delete call", func(tx *bbolt.Tx) error {
		c, err := load(tx, id)
		if err != nil {
			return err
		}
		if !c.Final() {
			return call.NotFinal(id)
		}
		if err := list(tx, &c, nil); err != nil {
			return err
		}
		if err := unindex(tx, c); err != nil {
			return err
		}
		if err := tx.Bucket(bucketCalls).Delete([]byte(id)); err != nil {
			return fmt.Errorf("delete record: %w", err)
		}
		return nil
	})
}

// unindex removes all that leads to a record but its lists.
func unindex(tx *bbolt.Tx, c call.Call) error {
	if c.Due != nil {
		if err := tx.Bucket(bucketDue).Delete(timeKey(*c.Due, []byte(c.ID))); err != nil {
			return fmt.Errorf("clear due index: %w", err)
		}
	}
	providers := tx.Bucket(bucketProviders)
	for i := range c.Attempts {
		bound := []byte(c.Attempts[i].ProviderCallID)
		if len(bound) == 0 || string(providers.Get(bound)) != string(c.ID) {
			continue
		}
		if err := providers.Delete(bound); err != nil {
			return fmt.Errorf("clear provider index: %w", err)
		}
	}
	if err := releaseNumber(tx, c); err != nil {
		return err
	}
	if err := releaseLive(tx, c.ID); err != nil {
		return err
	}
	return forgetKeys(tx, c.ID)
}

// forgetKeys removes the idempotency keys of a call. They are those of a day at most, so
// that they are looked through; nothing else asks for them by their call.
func forgetKeys(tx *bbolt.Tx, id call.ID) error {
	var hashes, expiries [][]byte
	err := tx.Bucket(bucketKeys).ForEach(func(hash, raw []byte) error {
		var r keyRecord
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("decode idempotency key: %w", err)
		}
		if r.CallID == id {
			hashes, expiries = append(hashes, bytes.Clone(hash)), append(expiries, timeKey(r.Expires, hash))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range hashes {
		if err := tx.Bucket(bucketKeys).Delete(hashes[i]); err != nil {
			return fmt.Errorf("forget idempotency key: %w", err)
		}
		if err := tx.Bucket(bucketExpiries).Delete(expiries[i]); err != nil {
			return fmt.Errorf("forget idempotency key: %w", err)
		}
	}
	return nil
}
