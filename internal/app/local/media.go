package local

import (
	"context"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/app/wiring"
)

// plane is this process as the media plane of its own calls.
type plane struct {
	sessions *stream.Sessions
	model    *stream.Model
	limit    int // max_sessions
	hosts    []string
	now      func() time.Time
}

var _ call.Media = plane{}

// Reserve implements [call.Media]: the model answers, and a place is free.
func (p plane) Reserve(ctx context.Context, id call.ID, attempt int, until time.Time) error {
	if err := p.model.Ready(ctx); err != nil {
		return &call.MediaError{Words: "the model's service does not answer", Err: err}
	}
	if !p.sessions.Reserve(id, attempt, p.now(), until, p.limit) {
		return &call.MediaError{Words: "this host holds as many calls as it can (max_sessions)"}
	}
	return nil
}

// Host implements [call.Media]: whichever of stream.hosts it is, this process is behind it.
func (p plane) Host(_ context.Context, id call.ID) (string, error) {
	return wiring.HostOf(p.hosts, id), nil
}

// Release implements [call.Media].
func (p plane) Release(id call.ID, attempt int) { p.sessions.Release(id, attempt) }

// HangUp implements [call.Media].
func (p plane) HangUp(id call.ID) { p.sessions.HangUp(id) }
