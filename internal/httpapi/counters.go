package httpapi

import (
	"context"
	"sync/atomic"

	"github.com/clawdbot/call-agent/call"
)

// Counters count the webhooks that were not carried out, since their start. The zero
// value is ready; all fields may be read at any time.
type Counters struct {
	// Unsigned had no signature of the provider's (403).
	Unsigned atomic.Int64
	// TooLarge had a body of more than 64 KiB (413).
	TooLarge atomic.Int64
	// Malformed were signed but not understood, or broke off.
	Malformed atomic.Int64
	// Failed met a store or a provider that did not answer (503).
	Failed atomic.Int64
}

// ByReason are the counters under the names that metrics give them.
func (c *Counters) ByReason() map[string]*atomic.Int64 {
	return map[string]*atomic.Int64{
		"unsigned": &c.Unsigned, "too_large": &c.TooLarge, "malformed": &c.Malformed, "failed": &c.Failed,
	}
}

// deliver is a use case that takes a provider's report.
type deliver = func(context.Context, call.ID, int, call.ProviderReport) error
