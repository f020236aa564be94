package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// countKeep is how long a day's counts are kept. Days of different zones overlap, and
// nobody asks for a day that is over everywhere.
const countKeep = 72 * time.Hour

// tries bounds how often a write is put together anew because what stood in its way was
// stale itself. Each takes a change by somebody else.
const tries = 8

// Create implements call.Store. The record is stored as version 1. Whether a key has
// expired is judged by c.CreatedAt.
func (s *Store) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey, q call.Quota) (call.Call, error) {
	const doing = "store call"
	c = c.Clone()
	c.Version = 1
	w, is, err := s.creation(c, key, q)
	if err != nil {
		return call.Call{}, fmt.Errorf("%s: %w", doing, err)
	}
	for range tries {
		no, err := s.commit(ctx, doing, w)
		if err != nil {
			return call.Call{}, err
		}
		if no == nil {
			s.memory.keep(is)
			return c, nil
		}
		first, err := s.inTheWay(ctx, no, c, key)
		if !errors.Is(err, errLeft) {
			return first, wrap(doing, err)
		}
		for i := range w { // what stands there stands for nothing: write over it, if it is still that
			if w[i].part == no.part {
				w[i].condition = map[part]string{partKey: ifKeyLeft, partNumber: ifNumberLeft}[no.part]
				w[i].values = with(w[i].values, item{":left": str(text(no.held, attrCallID))})
			}
		}
	}
	return call.Call{}, fmt.Errorf("%s: what holds its key or its number kept changing; try again", doing)
}

// creation is a new record and all that belongs to it, in the order in which they are
// asked why a call is refused: a repeat is the best answer, a full day the worst.
func (s *Store) creation(c call.Call, key *call.IdempotencyKey, q call.Quota) ([]action, record, error) {
	attributes, err := s.attributesOf(c, nil)
	if err != nil {
		return nil, record{}, err
	}
	var w []action
	if key != nil {
		attributes[attrKey] = str(text(keyOfKey(*key), AttrPK))
		w = append(w, action{
			part: partKey, key: keyOfKey(*key), condition: ifKeyFree, values: item{":now": instant(c.CreatedAt)},
			set: item{attrCallID: str(string(c.ID)), attrBodyHash: str(key.BodyHash), attrExpires: instant(key.Expires), AttrTTL: epoch(key.Expires)},
		})
	}
	w = append(w, action{part: partRecord, key: keyOfCall(c.ID), set: attributes, condition: ifNew})
	if !c.Final() {
		w = append(w, action{part: partNumber, key: keyOfNumber(c.Request.To), set: item{attrCallID: str(string(c.ID))}, condition: ifNumberFree})
	}
	return append(w, s.count(partCalls, keyOfCalls(q.Day), q.Calls)), recordOf(c, attributes, record{all: true}), nil
}

// count adds one to a day's count, which must be below the limit (0: none).
func (s *Store) count(p part, key item, limit int) action {
	a := action{part: p, key: key, update: countOne, values: item{":one": num(1), ":ttl": epoch(s.now().Add(countKeep))}}
	if limit > 0 {
		a.condition, a.values[":limit"] = ifBelow, num(limit)
	}
	return a
}

// errLeft means that what stood in the way stands for nothing any more.
var errLeft = errors.New("left behind")

// inTheWay says what a refused creation is answered: the call of a repeated request, or
// why it is refused.
func (s *Store) inTheWay(ctx context.Context, no *refusal, c call.Call, key *call.IdempotencyKey) (call.Call, error) {
	switch no.part {
	case partKey:
		first, err := s.callOfKey(ctx, no.held, *key)
		if errors.Is(err, call.ErrNotFound) {
			return call.Call{}, errLeft
		}
		return first, err
	case partNumber:
		holder, err := s.load(ctx, "read the call that holds the number", call.ID(text(no.held, attrCallID)))
		switch {
		case errors.Is(err, call.ErrNotFound) || (err == nil && holder.call.Final()):
			return call.Call{}, errLeft
		case err != nil:
			return call.Call{}, err
		}
		return call.Call{}, &call.Error{
			Code: call.Conflict, CallID: holder.call.ID,
			Message: fmt.Sprintf("Call %s to this number is not final yet. Ask call_agent_status for it; place another call when it is final.", holder.call.ID),
		}
	case partCalls:
		return call.Call{}, &call.QuotaError{Kind: call.QuotaCalls}
	default:
		return call.Call{}, fmt.Errorf("there is a call %s already", c.ID)
	}
}

// callOfKey is the call that a key's item leads to, if the key was used with this body.
func (s *Store) callOfKey(ctx context.Context, it item, key call.IdempotencyKey) (call.Call, error) {
	id := call.ID(text(it, attrCallID))
	if id == "" {
		return call.Call{}, call.ErrNotFound
	}
	if text(it, attrBodyHash) != key.BodyHash {
		return call.Call{}, &call.Error{
			Code: call.Conflict, CallID: id,
			Message: fmt.Sprintf("This idempotency key was used for call %s with another request. Use a new key for a new request.", id),
		}
	}
	first, err := s.load(ctx, "read the call of the key", id)
	return first.call, err
}

// Repeat implements call.Store.
func (s *Store) Repeat(ctx context.Context, key call.IdempotencyKey, now time.Time) (call.Call, error) {
	const doing = "find idempotency key"
	it, err := s.getAny(ctx, doing, keyOfKey(key))
	if err != nil {
		return call.Call{}, err
	}
	if text(it, attrExpires) <= now.UTC().Format(sortable) { // none, or over
		return call.Call{}, fmt.Errorf("%s: %w", doing, call.ErrNotFound)
	}
	first, err := s.callOfKey(ctx, it, key)
	return first, wrap(doing, err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
