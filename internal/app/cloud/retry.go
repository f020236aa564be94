package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// wake is what a schedule says: one call's time has come, or that of all that is due.
type wake struct {
	V       int     `json:"v"`
	CallID  call.ID `json:"callId"`
	Attempt int     `json:"attempt"`
	Sweep   bool    `json:"sweep"`
}

// wakeVersion is the version of a wake's form.
const wakeVersion = 1

// sweepMargin is left of an invocation's time for what a sweep has begun.
const sweepMargin = 5 * time.Second

// Retry attends to calls: to one when its schedule wakes it, and every minute to all
// that are due. A call that is gone, or not due, is nothing.
func (p *Plane) Retry() (Handler, error) { return retry{p.Service}, nil }

type retry struct{ service *call.Service }

var errWake = errors.New(`this event is no wake-up: it must be {"v":1,"callId":"…","attempt":n} or {"v":1,"sweep":true}`)

// Invoke carries a wake-up out. What fails is repeated by Lambda, and found by the sweep.
func (r retry) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var w wake
	switch err := json.Unmarshal(event, &w); {
	case err != nil, w.V == 0, w.V == wakeVersion && w.Sweep == (w.CallID != ""):
		return nil, errWake
	case w.V != wakeVersion:
		return nil, errVersion
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-sweepMargin))
		defer cancel()
	}
	if w.Sweep {
		if err := r.service.Sweep(ctx); err != nil {
			return nil, fmt.Errorf("sweep: %w", err)
		}
		return []byte("{}"), nil
	}
	if err := r.service.Attend(ctx, w.CallID); err != nil {
		return nil, fmt.Errorf("attend to call %s: %w", w.CallID, err)
	}
	return []byte("{}"), nil
}
