package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
)

// Update implements call.Store. A write of the record alone is one conditional update;
// where something follows from it, a transaction.
func (s *Store) Update(ctx context.Context, c call.Call) error {
	return s.put(ctx, "write call", c, nil)
}

// Claim implements call.Store.
func (s *Store) Claim(ctx context.Context, c call.Call, q call.Quota) error {
	return s.put(ctx, "write claim", c, &q)
}

// put writes the next version of a record, and what follows from it, over the record as it
// is stored, whose JSON may hold what a newer program wrote. It is read only where it is
// not remembered in this version, or is not what was remembered.
func (s *Store) put(ctx context.Context, doing string, c call.Call, q *call.Quota) error {
	if was, known := s.memory.of(c.ID, c.Version); known {
		err := s.replace(ctx, doing, was, c, q)
		if !errors.Is(err, call.ErrStale) {
			return err
		}
		s.memory.forget(c.ID) // what stands there now says best why this is not written
	}
	was, err := s.load(ctx, doing, c.ID)
	if err != nil {
		return err
	}
	if was.call.Version != c.Version {
		return fmt.Errorf("%s: %w", doing, call.ErrStale)
	}
	return s.replace(ctx, doing, was, c, q)
}

// replace writes a record's next version, and all that follows from it, over was.
func (s *Store) replace(ctx context.Context, doing string, was record, c call.Call, q *call.Quota) error {
	w, is, err := s.next(was, c, q)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	for {
		no, err := s.commit(ctx, doing, w)
		if err == nil && no == nil {
			s.memory.keep(is)
		}
		if err != nil || no == nil {
			return err
		}
		switch no.part {
		case partAttempts:
			return fmt.Errorf("%s: %w", doing, &call.QuotaError{Kind: call.QuotaAttempts})
		case partLive:
			return fmt.Errorf("%s: %w", doing, &call.QuotaError{Kind: call.QuotaLive})
		case partProvider, partNumber:
			// It belongs to another call: the first binding stands, and a number that was
			// taken over is not ours to release. The record must not wait for either.
			w = slices.DeleteFunc(w, func(a action) bool { return a.part == no.part && text(a.key, AttrPK) == text(no.key, AttrPK) })
		default:
			return fmt.Errorf("%s: %w", doing, call.ErrStale)
		}
	}
}

// next is a record's next version and all that follows from it, in the order in which
// they are asked why a write is refused.
func (s *Store) next(was record, is call.Call, q *call.Quota) ([]action, record, error) {
	is.Version++
	attributes, err := s.attributesOf(is, was.unknown())
	if err != nil {
		return nil, record{}, err
	}
	last := is.Last()
	live := last != nil && last.Live()
	holds := live && (was.live || q != nil)
	if holds {
		attributes[attrLive] = num(last.Number)
	}
	w := []action{updateOf(keyOfCall(is.ID), attributes, was)}
	if q != nil {
		w = append(w, s.count(partAttempts, keyOfAttempts(is.Request.To, q.Day), q.Attempts))
		if live {
			w = append(w, placeTaken(is.ID, q.Live))
		}
	}
	if was.live && !holds {
		w = append(w, action{part: partLive, key: keyOfLive, update: givePlace, values: item{":place": placeOf(is.ID)}})
	}
	w = append(w, s.bindings(was.call, is)...)
	if is.Final() && !was.call.Final() {
		w = append(w, action{part: partNumber, key: keyOfNumber(is.Request.To), condition: ifOurs, values: item{":callId": str(string(is.ID))}})
	}
	return append(w, s.outbox(was.call, is)...), recordOf(is, attributes, was), nil
}

// updateOf writes a record's attributes over those stored, which may be more.
func updateOf(key, attributes item, was record) action {
	a := action{part: partRecord, key: key, update: setRecord, condition: ifVersion, values: item{":version": num(was.call.Version), ":was": str(was.writer)}}
	var remove string
	for _, optional := range []struct{ name, set, remove string }{
		{AttrDueAt, setDue, removeDue}, {AttrTTL, setTTL, "#" + AttrTTL}, {attrLive, setLive, "#" + attrLive},
	} {
		if attributes[optional.name] != nil {
			a.update += optional.set
		} else {
			remove += ", " + optional.remove
		}
	}
	if remove != "" {
		a.update += " REMOVE " + remove[len(", "):]
	}
	for name, value := range attributes {
		if name == attrVersion {
			name = "next"
		}
		a.values[":"+name] = value
	}
	return a
}

func placeOf(id call.ID) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: []string{string(id)}}
}

// placeTaken puts a call among the live ones, of which there must be fewer than limit (0: no limit).
func placeTaken(id call.ID, limit int) action {
	a := action{part: partLive, key: keyOfLive, update: takePlace, values: item{":place": placeOf(id)}}
	if limit > 0 {
		a.condition = ifPlace
		a.values = with(a.values, item{":limit": num(limit), ":callId": str(string(id))})
	}
	return a
}

// spare is how much longer than the call what points at it is kept.
const spare = 48 * time.Hour

// bindings are the provider call ids that the call has and had not.
func (s *Store) bindings(was, is call.Call) []action {
	var w []action
	for i := range is.Attempts {
		id := is.Attempts[i].ProviderCallID
		if id == "" || slices.ContainsFunc(was.Attempts, func(a call.Attempt) bool { return a.ProviderCallID == id }) {
			continue
		}
		set := item{attrCallID: str(string(is.ID))}
		if s.retention > 0 { // a call is final at the end of its window, or soon after
			set[AttrTTL] = epoch(is.Request.WindowEnd.Add(s.retention + spare))
		}
		w = append(w, action{part: partProvider, key: keyOfProvider(id), set: set, condition: ifOurs, values: item{":callId": str(string(is.ID))}})
	}
	return w
}

// outbox wakes the notify function in the write that makes a call final with a notice to
// deliver. The item is spent when the stream has it.
func (s *Store) outbox(was, is call.Call) []action {
	if !is.Final() || was.Final() || is.Notice == nil || is.Notice.State != call.NoticePending {
		return nil
	}
	return []action{{
		part: partOutbox, key: keyOfOutbox(is.ID, is.Outcome),
		set: item{attrCallID: str(string(is.ID)), AttrOutcome: str(string(is.Outcome)), AttrTTL: epoch(s.now().Add(countKeep))},
	}}
}
