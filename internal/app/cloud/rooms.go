package cloud

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// ReportEvery is how often a media host reports; one that has missed three is taken for
// lost, and no call is handed to it.
const (
	ReportEvery = 15 * time.Second
	reportFresh = 3*ReportEvery + 5*time.Second
)

// roomsKept is how long reports are used before they are read again: a burst of calls
// reads them once.
const roomsKept = 2 * time.Second

// rooms are the media hosts as the functions see them, by what they report of
// themselves. A place is not kept: hosts refuse what they cannot hold, and
// policy.max_concurrent, which the store counts, bounds what is dialled.
type rooms struct {
	hosts *dynamo.Hosts
	urls  []string
	now   func() time.Time

	mu     sync.Mutex
	readAt time.Time
	last   []dynamo.HostReport
}

var _ call.Media = (*rooms)(nil)

// Reserve implements [call.Media]: some host could hold one more call, and its model answers.
func (r *rooms) Reserve(ctx context.Context, id call.ID, _ int, _ time.Time) error {
	_, err := r.Host(ctx, id)
	return err
}

// Release implements [call.Media].
func (*rooms) Release(call.ID, int) {}

// HangUp implements [call.Media]: the media host looks at the record every [call.CancelEvery].
func (*rooms) HangUp(call.ID) {}

// Host implements [call.Media]: the host with the most room, and of equal ones always
// the same for one call.
func (r *rooms) Host(ctx context.Context, id call.ID) (string, error) {
	reports, err := r.reports(ctx)
	if err != nil {
		return "", &call.MediaError{Words: "the media hosts' reports cannot be read", Err: err}
	}
	most, best := 0, []string(nil)
	why := "no media host has reported in the last minute"
	for _, h := range reports {
		switch {
		case h.Draining:
			why = "every media host is full, stopping or not there"
		case !h.ModelOK:
			why = "the model's service does not answer"
		case h.Room < 1:
			why = "every media host is full, stopping or not there"
		case h.Room > most:
			most, best = h.Room, []string{h.URL}
		case h.Room == most:
			best = append(best, h.URL)
		}
	}
	if len(best) == 0 {
		return "", &call.MediaError{Words: why}
	}
	return wiring.HostOf(best, id), nil
}

func (r *rooms) reports(ctx context.Context) ([]dynamo.HostReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if age := now.Sub(r.readAt); r.last != nil && age >= 0 && age < roomsKept {
		return r.last, nil
	}
	reports, err := r.hosts.Fresh(ctx, r.urls, now.Add(-reportFresh))
	if err != nil {
		return nil, fmt.Errorf("read the media hosts' reports: %w", err)
	}
	r.last, r.readAt = reports, now
	return reports, nil
}

// ready is a condition of /readyz.
func (r *rooms) ready(ctx context.Context) error {
	_, err := r.Host(ctx, "")
	return err
}
