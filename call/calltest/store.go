package calltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Store keeps calls as JSON, as real stores do: what a record does not carry is lost.
type Store struct {
	mu       sync.Mutex
	now      func() time.Time
	records  map[call.ID][]byte
	history  map[call.ID][]call.Call
	numbers  map[string]call.ID
	provider map[string]call.ID
	keys     map[[2]string]storedKey
	counts   map[string]int
	live     map[call.ID]bool
	fail     func(op string, c call.Call) error
}

type storedKey struct {
	bodyHash string
	id       call.ID
	expires  time.Time
}

// NewStore makes an empty store.
func NewStore(now func() time.Time) *Store {
	return &Store{
		now: now, records: map[call.ID][]byte{}, history: map[call.ID][]call.Call{},
		numbers: map[string]call.ID{}, provider: map[string]call.ID{}, keys: map[[2]string]storedKey{},
		counts: map[string]int{}, live: map[call.ID]bool{},
	}
}

// FailWith is asked before every operation ("create", "repeat", "get", "update", "claim",
// "by provider call", "due", "list", "delete", "ping"), with the call to be written if there is one; the error it
// returns is the operation's, and nothing is done. Nil: nothing fails.
func (s *Store) FailWith(f func(op string, c call.Call) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// lock takes the lock, or returns the failure that the test asked for.
func (s *Store) lock(ctx context.Context, op string, c call.Call) error {
	s.mu.Lock()
	err := ctx.Err()
	if err == nil && s.fail != nil {
		err = s.fail(op, c)
	}
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

// Create implements [call.Store].
func (s *Store) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey, q call.Quota) (call.Call, error) {
	if err := s.lock(ctx, "create", c); err != nil {
		return call.Call{}, err
	}
	defer s.mu.Unlock()
	if key != nil {
		if first, err := s.repeat(*key, s.now()); !errors.Is(err, call.ErrNotFound) {
			return first, err
		}
	}
	if id, held := s.numbers[c.Request.To]; held {
		return call.Call{}, &call.Error{Code: call.Conflict, Message: fmt.Sprintf("Call %s to this number is not over.", id), CallID: id}
	}
	if q.Calls > 0 && s.counts[q.Day] >= q.Calls {
		return call.Call{}, &call.QuotaError{Kind: call.QuotaCalls}
	}
	s.counts[q.Day]++
	if key != nil {
		s.keys[[2]string{key.Token, key.Key}] = storedKey{key.BodyHash, c.ID, key.Expires}
	}
	c.Version = 1
	return c, s.write(c)
}

// Repeat implements [call.Store].
func (s *Store) Repeat(ctx context.Context, key call.IdempotencyKey, now time.Time) (call.Call, error) {
	if err := s.lock(ctx, "repeat", call.Call{}); err != nil {
		return call.Call{}, err
	}
	defer s.mu.Unlock()
	return s.repeat(key, now)
}

func (s *Store) repeat(key call.IdempotencyKey, now time.Time) (call.Call, error) {
	k, ok := s.keys[[2]string{key.Token, key.Key}]
	switch {
	case !ok || !now.Before(k.expires):
		return call.Call{}, call.ErrNotFound
	case k.bodyHash != key.BodyHash:
		return call.Call{}, &call.Error{Code: call.Conflict, Message: "This idempotency key was used with another request.", CallID: k.id}
	}
	return s.read(k.id)
}

// Get implements [call.Store].
func (s *Store) Get(ctx context.Context, id call.ID) (call.Call, error) {
	if err := s.lock(ctx, "get", call.Call{}); err != nil {
		return call.Call{}, err
	}
	defer s.mu.Unlock()
	return s.read(id)
}

// Update implements [call.Store].
func (s *Store) Update(ctx context.Context, c call.Call) error {
	return s.update(ctx, "update", c, nil)
}

// Claim implements [call.Store].
func (s *Store) Claim(ctx context.Context, c call.Call, q call.Quota) error {
	return s.update(ctx, "claim", c, func() error {
		number := q.Day + " " + c.Request.To
		switch {
		case q.Attempts > 0 && s.counts[number] >= q.Attempts:
			return &call.QuotaError{Kind: call.QuotaAttempts}
		case q.Live > 0 && len(s.live) >= q.Live:
			return &call.QuotaError{Kind: call.QuotaLive}
		}
		s.counts[number]++
		s.live[c.ID] = true
		return nil
	})
}

func (s *Store) update(ctx context.Context, op string, c call.Call, count func() error) error {
	if err := s.lock(ctx, op, c); err != nil {
		return err
	}
	defer s.mu.Unlock()
	stored, err := s.read(c.ID)
	if err != nil {
		return err
	}
	if stored.Version != c.Version {
		return call.ErrStale
	}
	if count != nil {
		if err := count(); err != nil {
			return err
		}
	}
	if a := c.Last(); a == nil || !a.Live() {
		delete(s.live, c.ID)
	}
	c.Version++
	return s.write(c)
}

func (s *Store) read(id call.ID) (c call.Call, err error) {
	b, ok := s.records[id]
	if !ok {
		return call.Call{}, call.ErrNotFound
	}
	return c, json.Unmarshal(b, &c)
}

func (s *Store) write(c call.Call) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	s.records[c.ID] = b
	s.history[c.ID] = append(s.history[c.ID], c)
	for _, a := range c.Attempts {
		if a.ProviderCallID != "" {
			s.provider[a.ProviderCallID] = c.ID
		}
	}
	switch {
	case !c.Final():
		s.numbers[c.Request.To] = c.ID
	case s.numbers[c.Request.To] == c.ID:
		delete(s.numbers, c.Request.To)
	}
	return nil
}

// ByProviderCall implements [call.Store].
func (s *Store) ByProviderCall(ctx context.Context, providerCallID string) (call.ID, error) {
	if err := s.lock(ctx, "by provider call", call.Call{}); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	id, ok := s.provider[providerCallID]
	if !ok {
		return "", call.ErrNotFound
	}
	return id, nil
}

// Due implements [call.Store].
func (s *Store) Due(ctx context.Context, t time.Time, limit int) ([]call.ID, error) {
	if err := s.lock(ctx, "due", call.Call{}); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var due []call.Call
	for id := range s.records {
		c, err := s.read(id)
		if err != nil {
			return nil, err
		}
		if c.Due != nil && !c.Due.After(t) {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(a, b call.Call) int { return a.Due.Compare(*b.Due) })
	var ids []call.ID
	for _, c := range due[:min(len(due), limit)] {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// Ping implements [call.Store].
func (s *Store) Ping(ctx context.Context) error {
	if err := s.lock(ctx, "ping", call.Call{}); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// History is every version of a call that was written, the first one first.
func (s *Store) History(id call.ID) []call.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.history[id])
}

// NextDue is the earliest time at which any call is due.
func (s *Store) NextDue() (t time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.records {
		if c, err := s.read(id); err == nil && c.Due != nil && (!ok || c.Due.Before(t)) {
			t, ok = *c.Due, true
		}
	}
	return t, ok
}
