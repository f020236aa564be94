package local

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// keyRecord is what an idempotency key leads to. The key itself, and the token it
// belongs to, are stored as a hash only.
type keyRecord struct {
	CallID   call.ID   `json:"callId"`
	BodyHash string    `json:"bodyHash"`
	Expires  time.Time `json:"expires"`
}

// keyHash ties a key to its token (contract section 1: keys are per token).
func keyHash(k *call.IdempotencyKey) []byte {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode([]string{k.Token, k.Key}) // a hash never fails; JSON keeps the two apart
	return sum.Sum(nil)
}

// loadKey returns what is stored under a key's hash, or nil.
func loadKey(tx *bbolt.Tx, hash []byte) (*keyRecord, error) {
	raw := tx.Bucket(bucketKeys).Get(hash)
	if raw == nil {
		return nil, nil
	}
	var r keyRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("decode idempotency key: %w", err)
	}
	return &r, nil
}

// callOfKey returns the call that a request under this key placed before, or nil.
func callOfKey(tx *bbolt.Tx, k *call.IdempotencyKey, now time.Time) (*call.Call, error) {
	if k == nil {
		return nil, nil
	}
	r, err := loadKey(tx, keyHash(k))
	if err != nil || r == nil || !now.Before(r.Expires) {
		return nil, err
	}
	if r.BodyHash != k.BodyHash {
		return nil, &call.Error{
			Code: call.Conflict, CallID: r.CallID,
			Message: fmt.Sprintf("This idempotency key was used for call %s with another request. Use a new key for a new request.", r.CallID),
		}
	}
	c, err := load(tx, r.CallID)
	if errors.Is(err, call.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// putKey remembers the key until it expires; nil is nothing to remember.
func putKey(tx *bbolt.Tx, k *call.IdempotencyKey, id call.ID) error {
	if k == nil {
		return nil
	}
	raw, err := json.Marshal(keyRecord{CallID: id, BodyHash: k.BodyHash, Expires: k.Expires})
	if err != nil {
		return fmt.Errorf("encode idempotency key: %w", err)
	}
	hash := keyHash(k)
	old, err := loadKey(tx, hash)
	if err != nil {
		return err
	}
	if old != nil { // expired and not swept yet: its sweep must not take the new one along
		if err := tx.Bucket(bucketExpiries).Delete(timeKey(old.Expires, hash)); err != nil {
			return fmt.Errorf("write idempotency key: %w", err)
		}
	}
	if err := tx.Bucket(bucketKeys).Put(hash, raw); err != nil {
		return fmt.Errorf("write idempotency key: %w", err)
	}
	if err := tx.Bucket(bucketExpiries).Put(timeKey(k.Expires, hash), []byte{}); err != nil {
		return fmt.Errorf("write idempotency key: %w", err)
	}
	return nil
}

// sweepKeys forgets the keys that have expired by now. One write forgets at most
// sweepBatch of them, so that no call waits for a long sweep, and each makes at most
// one new key: what is left over goes with the next.
func sweepKeys(tx *bbolt.Tx, now time.Time) error {
	const sweepBatch = 100
	var expired [][]byte
	upTo(tx, bucketExpiries, now, func(key, _ []byte) bool {
		expired = append(expired, append([]byte(nil), key...))
		return len(expired) < sweepBatch
	})
	for _, key := range expired {
		hash := key[len(sortable):]
		if err := tx.Bucket(bucketExpiries).Delete(key); err != nil {
			return fmt.Errorf("forget idempotency key: %w", err)
		}
		if err := tx.Bucket(bucketKeys).Delete(hash); err != nil {
			return fmt.Errorf("forget idempotency key: %w", err)
		}
	}
	return nil
}
