package calltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Line is one call at the provider.
type Line struct {
	ProviderCallID string
	Dial           call.Dial
	Status         call.Status
	StartedAt      time.Time
}

// Telephony is a provider whose callees do what the test says. Set the On… fields
// before use.
type Telephony struct {
	// OnStart, if set, answers StartCall instead of Accept.
	OnStart func(ctx context.Context, d call.Dial) (call.Started, error)
	// OnEnd, if set, may fail EndCall.
	OnEnd func(providerCallID string) error
	// OnLookUp, if set, may fail LookUp.
	OnLookUp func(q call.LookUp) error
	// Refuse, if set, is what ValidateRequest returns.
	Refuse error

	mu    sync.Mutex
	now   func() time.Time
	lines []Line
	dials []call.Dial
	ended []string
	asked []call.LookUp
}

// NewTelephony makes a provider without calls.
func NewTelephony(now func() time.Time) *Telephony { return &Telephony{now: now} }

// Name implements [call.Telephony].
func (*Telephony) Name() string { return "calltest" }

// StartCall implements [call.Telephony].
func (t *Telephony) StartCall(ctx context.Context, d call.Dial) (call.Started, error) {
	t.mu.Lock()
	t.dials = append(t.dials, d)
	t.mu.Unlock()
	if t.OnStart != nil {
		return t.OnStart(ctx, d)
	}
	return t.Accept(d), nil
}

// Accept places the call: what StartCall does, also where its answer is to be lost.
func (t *Telephony) Accept(d call.Dial) call.Started {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := fmt.Sprintf("CA%04d", len(t.lines)+1)
	t.lines = append(t.lines, Line{ProviderCallID: id, Dial: d, Status: call.Queued, StartedAt: t.now()})
	return call.Started{ProviderCallID: id}
}

// Set changes a line's status, as looked up from now on.
func (t *Telephony) Set(providerCallID string, s call.Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.lines {
		if t.lines[i].ProviderCallID == providerCallID {
			t.lines[i].Status = s
		}
	}
}

// VoiceResponse implements [call.Telephony]: the kind and the stream's URL, as text.
func (*Telephony) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	return "text/plain", fmt.Appendf(nil, "%d %s", v.Kind, v.StreamURL), nil
}

// ValidateRequest implements [call.Telephony].
func (t *Telephony) ValidateRequest(*http.Request, []byte, string) error { return t.Refuse }

// MapStatus implements [call.Telephony]: the fields call, status, sequence, machine and account.
func (t *Telephony) MapStatus(form url.Values) (call.ProviderReport, error) {
	r := call.ProviderReport{
		ProviderCallID: form.Get("call"), Status: call.Status(form.Get("status")), Sequence: -1,
		Machine: form.Get("machine") == "true", Foreign: form.Has("account") && form.Get("account") != Account, At: t.now(),
	}
	if r.ProviderCallID == "" {
		return call.ProviderReport{}, errors.New("the form names no call")
	}
	if v := form.Get("sequence"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return call.ProviderReport{}, fmt.Errorf("sequence: %w", err)
		}
		r.Sequence = n
	}
	return r, nil
}

// Routes implements [call.Telephony].
func (*Telephony) Routes() map[string]http.Handler { return nil }

// EndCall implements [call.Telephony].
func (t *Telephony) EndCall(ctx context.Context, providerCallID string) error {
	if t.OnEnd != nil {
		if err := t.OnEnd(providerCallID); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.Set(providerCallID, call.Completed)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = append(t.ended, providerCallID)
	return nil
}

// LookUp implements [call.Telephony].
func (t *Telephony) LookUp(_ context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	t.mu.Lock()
	t.asked = append(t.asked, q)
	t.mu.Unlock()
	if t.OnLookUp != nil {
		if err := t.OnLookUp(q); err != nil {
			return call.ProviderReport{}, false, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		byNumber := q.ProviderCallID == "" && l.Dial.To == q.To && !l.StartedAt.Before(q.DialledAfter)
		if l.ProviderCallID == q.ProviderCallID || byNumber {
			return call.ProviderReport{ProviderCallID: l.ProviderCallID, Status: l.Status, At: t.now()}, true, nil
		}
	}
	return call.ProviderReport{}, false, nil
}

// Dials are the create requests made.
func (t *Telephony) Dials() []call.Dial {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.dials)
}

// Ended are the provider call ids that were put down, in order.
func (t *Telephony) Ended() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.ended)
}

// LookUps are the look-ups made.
func (t *Telephony) LookUps() []call.LookUp {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.asked)
}
