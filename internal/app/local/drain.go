package local

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// gate is the store as the service sees it: while the host drains, no call is added,
// since nobody would be there to hold it.
type gate struct {
	call.Store
	draining *atomic.Bool
}

// Create refuses while the host drains.
func (g gate) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey, q call.Quota) (call.Call, error) {
	if g.draining.Load() {
		return call.Call{}, &call.Error{
			Code: call.Unavailable, RetryAfter: 30 * time.Second,
			Message: "This host is being stopped and takes no new call. Nothing was dialled; try again in half a minute.",
		}
	}
	return g.Store.Create(ctx, c, key, q)
}

var errDraining = errors.New("this host is being stopped; it finishes its calls and takes no new one")

// ready is a condition of /readyz.
func (h *Host) ready(context.Context) error {
	if h.draining.Load() {
		return errDraining
	}
	return nil
}
