package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/clawdbot/call-agent/call"
)

// Delete implements call.Store. The day's counts stay, under a hash of the number, until
// their time is over; so does the key of a call that an older program placed, which leads nowhere.
func (s *Store) Delete(ctx context.Context, id call.ID) error {
	const doing = "delete call"
	for range tries {
		it, err := s.get(ctx, doing, keyOfCall(id))
		if err != nil {
			return err
		}
		if it == nil {
			return fmt.Errorf("%s: %w", doing, call.ErrNotFound)
		}
		r, err := decodeRecord(it)
		if err != nil {
			return fmt.Errorf("%s %s: %w", doing, id, err)
		}
		if !r.call.Final() {
			return call.NotFinal(id)
		}
		err = s.remove(ctx, doing, s.deletion(r, text(it, attrKey)))
		if !errors.Is(err, call.ErrStale) {
			s.memory.forget(id)
			return err
		}
	}
	return fmt.Errorf("%s: its record kept changing; try again", doing)
}

// deletion is a record's end, and the end of all that leads to it. Its number and its
// place among the live ones were given back in the write that made it final.
func (s *Store) deletion(r record, key string) []action {
	id := r.call.ID
	mine := item{":callId": str(string(id))}
	w := []action{{part: partGone, key: keyOfCall(id), condition: ifVersion, values: item{":version": num(r.call.Version), ":was": str(r.writer)}}}
	if key != "" {
		w = append(w, action{part: partKey, key: item{AttrPK: str(key), AttrSK: str(skKey)}, condition: ifOurs, values: mine})
	}
	bound := map[string]bool{}
	for i := range r.call.Attempts {
		if sid := r.call.Attempts[i].ProviderCallID; sid != "" && !bound[sid] {
			bound[sid] = true
			w = append(w, action{part: partProvider, key: keyOfProvider(sid), condition: ifOurs, values: mine})
		}
	}
	for _, o := range call.Outcomes() {
		w = append(w, action{part: partOutbox, key: keyOfOutbox(id, o)})
	}
	return w
}

// remove carries a deletion out. What leads to another call by now is left to it.
func (s *Store) remove(ctx context.Context, doing string, w []action) error {
	for {
		no, err := s.commit(ctx, doing, w)
		if err != nil || no == nil {
			return err
		}
		if no.part == partGone {
			if no.held == nil {
				no.held, err = s.getAny(ctx, doing, no.key)
			}
			if err != nil || no.held == nil { // gone: it was us, and the answer was lost, or somebody else
				return err
			}
			return fmt.Errorf("%s: %w", doing, call.ErrStale)
		}
		w = slices.DeleteFunc(w, func(a action) bool { return a.part == no.part && text(a.key, AttrPK) == text(no.key, AttrPK) })
	}
}
