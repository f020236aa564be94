package calltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/clawdbot/call-agent/call"
)

// List implements [call.Store].
func (s *Store) List(ctx context.Context, q call.Query) (call.Page, error) {
	if err := s.lock(ctx, "list", call.Call{}); err != nil {
		return call.Page{}, err
	}
	defer s.mu.Unlock()
	var p call.Page
	for id := range s.records {
		c, err := s.read(id)
		if err != nil {
			return call.Page{}, err
		}
		if q.Matches(c) && (q.After == nil || newestFirst(c.Place(), *q.After) > 0) {
			p.Calls = append(p.Calls, c)
		}
	}
	slices.SortFunc(p.Calls, func(a, b call.Call) int { return newestFirst(a.Place(), b.Place()) })
	if len(p.Calls) > q.Limit {
		p.Calls = p.Calls[:q.Limit]
		next := p.Calls[q.Limit-1].Place()
		p.Next = &next
	}
	return p, nil
}

func newestFirst(a, b call.Place) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
}

// Delete implements [call.Store].
func (s *Store) Delete(ctx context.Context, id call.ID) error {
	if err := s.lock(ctx, "delete", call.Call{ID: id}); err != nil {
		return err
	}
	defer s.mu.Unlock()
	c, err := s.read(id)
	if err != nil {
		return err
	}
	if !c.Final() {
		return call.NotFinal(id)
	}
	delete(s.records, id)
	delete(s.history, id)
	delete(s.live, id)
	for provider, of := range s.provider {
		if of == id {
			delete(s.provider, provider)
		}
	}
	for key, k := range s.keys {
		if k.id == id {
			delete(s.keys, key)
		}
	}
	return nil
}
