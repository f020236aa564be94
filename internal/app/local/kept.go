package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/config"
)

// keep is what a configuration wants kept of sessions.
func (h *Host) keep(c *config.Config) stream.Keep {
	return stream.Keep{To: h.kept, What: archive.What{Timeline: c.Transcript.Enabled, Recording: c.Recording.Enabled}}
}

// keptSweepEvery is how often what is older than retention_days is looked for.
const keptSweepEvery = 24 * time.Hour

// sweepKept removes timelines and recordings that have been kept long enough: at the
// start, and then daily. Their age is the files', so it is read on the wall clock.
func (h *Host) sweepKept(ctx context.Context, days int) error {
	now := time.Now()
	if !h.keptSweptAt.IsZero() && now.Sub(h.keptSweptAt) < keptSweepEvery {
		return nil
	}
	h.keptSweptAt = now
	n, err := h.kept.Sweep(ctx, now.AddDate(0, 0, -days))
	if n > 0 {
		h.options.Log.InfoContext(ctx, "timelines and recordings were kept long enough and are gone", "calls", n, "retention_days", days)
	}
	if err != nil {
		return fmt.Errorf("remove old timelines and recordings: %w", err)
	}
	return nil
}

// sweep attends to all that is due, and to what was kept long enough. It is not called
// twice at the same time.
func (h *Host) sweep(ctx context.Context) error {
	a := h.current()
	if a == nil {
		return nil
	}
	return errors.Join(a.Service.Sweep(ctx), h.sweepKept(ctx, a.config.RetentionDays), h.sweepRecords(ctx, a))
}

// sweepRecords deletes the records of calls that ended long enough ago, with all that is
// kept of them, as the table on AWS forgets by itself: at the start, and then daily; many
// of them over several sweeps. Their age is by the clock that wrote them.
func (h *Host) sweepRecords(ctx context.Context, a *App) error {
	now := h.options.Now()
	if !h.recordsSweptAt.IsZero() && now.Sub(h.recordsSweptAt) < keptSweepEvery {
		return nil
	}
	n, more, err := a.Service.ForgetOld(ctx, now.AddDate(0, 0, -a.config.RetentionDays))
	if !more { // what failed did not stop the others, and is tried again tomorrow: today it would fail each minute
		h.recordsSweptAt = now
	}
	if n > 0 {
		h.options.Log.InfoContext(ctx, "calls were kept long enough and are deleted", "calls", n, "retention_days", a.config.RetentionDays)
	}
	if err != nil {
		return fmt.Errorf("delete old calls: %w", err)
	}
	return nil
}
