package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// memory is a call.Store of one test, without durability.
type memory struct {
	mu    sync.Mutex
	calls map[call.ID]call.Call
	keys  map[string]call.IdempotencyKey
	byKey map[string]call.ID
	// err, if set, is what every method returns: the store does not answer.
	err error
}

func newMemory() *memory {
	return &memory{calls: map[call.ID]call.Call{}, keys: map[string]call.IdempotencyKey{}, byKey: map[string]call.ID{}}
}

func (m *memory) Create(_ context.Context, c call.Call, key *call.IdempotencyKey) (call.Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return call.Call{}, m.err
	}
	if key != nil {
		name := key.Token + "\n" + key.Key
		if known, ok := m.keys[name]; ok {
			if known.BodyHash != key.BodyHash {
				return call.Call{}, &call.Error{Code: call.Conflict, Message: "This Idempotency-Key was used with another body."}
			}
			return m.calls[m.byKey[name]].Clone(), nil
		}
		m.keys[name], m.byKey[name] = *key, c.ID
	}
	for _, o := range m.calls {
		if o.Request.To == c.Request.To && !o.Final() {
			return call.Call{}, &call.Error{Code: call.Conflict, Message: "A call to this number is under way.", CallID: o.ID}
		}
	}
	c.Version = 1
	m.calls[c.ID] = c.Clone()
	return c, nil
}

func (m *memory) Get(_ context.Context, id call.ID) (call.Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.calls[id]
	switch {
	case m.err != nil:
		return call.Call{}, m.err
	case !ok:
		return call.Call{}, call.ErrNotFound
	}
	return c.Clone(), nil
}

func (m *memory) Update(_ context.Context, c call.Call) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.calls[c.ID].Version != c.Version {
		return call.ErrStale
	}
	c.Version++
	m.calls[c.ID] = c.Clone()
	return nil
}

func (m *memory) ByProviderCall(context.Context, string) (call.ID, error) {
	return "", call.ErrNotFound
}

func (m *memory) Due(context.Context, time.Time, int) ([]call.ID, error) { return nil, m.err }

func (m *memory) Ping(context.Context) error { return m.err }

// phone is a call.Telephony that does as it is told.
type phone struct {
	started call.Started
	dialErr error
	// signed is what ValidateRequest returns; report and mapErr what MapStatus does.
	signed, mapErr error
	report         call.ProviderReport
	panics         bool
	ended          atomic.Int64
}

func (p *phone) Name() string { return "test" }

func (p *phone) StartCall(context.Context, call.Dial) (call.Started, error) {
	if p.panics {
		panic("secret of the request")
	}
	return p.started, p.dialErr
}

func (p *phone) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	return "text/xml", []byte(fmt.Sprintf("kind %d %s %s", v.Kind, v.StreamURL, v.AfterURL)), nil
}

func (p *phone) ValidateRequest(*http.Request, []byte, string) error { return p.signed }

func (p *phone) MapStatus(url.Values) (call.ProviderReport, error) { return p.report, p.mapErr }

func (p *phone) Routes() map[string]http.Handler {
	return map[string]http.Handler{"GET /extra": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "extra") })}
}

func (p *phone) EndCall(context.Context, string) error { p.ended.Add(1); return nil }

func (p *phone) LookUp(context.Context, call.LookUp) (call.ProviderReport, bool, error) {
	return call.ProviderReport{}, false, nil
}

// asleep is a call.Scheduler that leaves everything to the sweep.
type asleep struct{}

func (asleep) Wake(context.Context, call.ID, time.Time) error { return nil }
