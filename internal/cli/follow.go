package cli

import (
	"context"
	"errors"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// patience is how long a server that cannot be reached, or cannot serve, is asked again.
const patience = time.Minute

// patiently uses a tool, again where the answer may come later: every request is one that
// may be repeated, by its key or by what it is.
func (r run) patiently(ctx context.Context, tool string, body any, key string, into any) error {
	return r.again(ctx, func() error { return r.post(ctx, tool, body, key, into) })
}

// again repeats what failed for a reason that may pass, for a minute at most.
func (r run) again(ctx context.Context, ask func() error) error {
	wait, waited := time.Second, time.Duration(0)
	for {
		err := ask()
		var no *refused
		if err == nil || ctx.Err() != nil || errors.As(err, &no) && !no.temporary() {
			return err
		}
		pause := wait
		if no != nil && no.retryAfter > 0 {
			pause = no.retryAfter
		}
		if waited += pause; waited > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		wait = min(2*wait, 8*time.Second)
	}
}

// follow hands on the events of a call until its end, and returns the last one.
func (r run) follow(ctx context.Context, id call.ID, tell func(call.StepDocument) error) (last call.StepDocument, err error) {
	for after := 0; ; {
		var e events
		asked := time.Now()
		if err := r.again(ctx, func() (err error) { e, err = r.events(ctx, id, after, pollWait); return err }); err != nil {
			return last, err
		}
		for _, step := range e.Events {
			if err := tell(step); err != nil {
				return last, err
			}
			last = step
		}
		if e.Final {
			return last, nil
		}
		if len(e.Events) == 0 && time.Since(asked) < time.Second { // a server that does not wait is not hurried
			if err := sleep(ctx, time.Second); err != nil {
				return last, err
			}
		}
		after = max(after, e.Last)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
