package callsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// watcher follows the first page of a list.
type watcher struct {
	api *API
	who access.Caller
	q   call.Query
	out *stream
	// told are the calls of the page as the client knows them.
	told map[call.ID][]byte
}

// watch sends the first page, and then each call of it, or new to it, that changes.
func (a *API) watch(w http.ResponseWriter, r *http.Request, who access.Caller, q call.Query) error {
	leave, err := a.enter()
	if err != nil {
		return err
	}
	defer leave()
	ctx := r.Context()
	first, err := a.page(ctx, who, q)
	if err != nil {
		return err
	}
	l := &watcher{api: a, who: who, q: q, out: a.open(w), told: map[call.ID][]byte{}}
	for _, c := range first.Calls {
		if l.told[c.CallID], err = json.Marshal(c); err != nil {
			return fmt.Errorf("encode a call: %w", err)
		}
	}
	if err := l.out.event(0, "page", first); err != nil {
		return err
	}
	if !l.out.send() || a.listening.Batch {
		return nil
	}
	l.out.follow(ctx, listEvery, func() (bool, error) { return false, l.look(ctx) })
	return nil
}

// goneEvent names a call that was deleted.
type goneEvent struct {
	CallID call.ID `json:"callId"`
}

// look adds what has changed since the last look.
func (l *watcher) look(ctx context.Context) error {
	page, err := l.api.page(ctx, l.who, l.q)
	if err != nil {
		return err
	}
	left := l.told
	l.told = map[call.ID][]byte{}
	for i := len(page.Calls) - 1; i >= 0; i-- { // the newest last: who puts each on top has them in order
		c := page.Calls[i]
		if err := l.tell(c, left[c.CallID]); err != nil {
			return err
		}
		delete(left, c.CallID)
	}
	for id, was := range left {
		if err := l.leave(ctx, id, was); err != nil {
			return err
		}
	}
	return nil
}

// tell adds a call, unless it is as the client knows it.
func (l *watcher) tell(c call.Summary, was []byte) error {
	is, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode a call: %w", err)
	}
	l.told[c.CallID] = is
	if bytes.Equal(is, was) {
		return nil
	}
	return l.out.event(0, "call", json.RawMessage(is))
}

// leave tells of a call that is on the page no more: it was deleted, or has become what was
// not asked for. One that newer calls have pushed out has not changed.
func (l *watcher) leave(ctx context.Context, id call.ID, was []byte) error {
	c, err := l.api.service.Get(ctx, l.who.Name(), l.who.ReadsAll(), id)
	switch {
	case gone(err):
		return l.out.event(0, "gone", goneEvent{id})
	case err != nil:
		return err
	}
	err = l.tell(c.Summary(), was)
	delete(l.told, id)
	return err
}

// gone says that there is no such call, or no more.
func gone(err error) bool {
	var e *call.Error
	return errors.As(err, &e) && e.Code == call.NotFound
}
