package call

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How long an attempt waits before it is tried again.
const (
	// waitDialling: somebody has to switch dialling on again.
	waitDialling = 5 * time.Minute
	// waitPlace: another call has to end, or the model to come back.
	waitPlace = 20 * time.Second
)

// admit asks, before every dial, whether it may be made now; the attempt is postponed
// if not. Admitted means that a place for its stream is reserved. It fails closed: who
// cannot be asked has not agreed.
func (s *Service) admit(ctx context.Context, c Call) (_ Call, admitted bool, err error) {
	now := s.Now()
	// Calling hours and policy as they are now. Where they change nothing, nothing is read:
	// the claim finds out whether the copy is still the newest.
	if _, changed := s.Rules.Next(c, Ticked{At: now}); changed {
		c, _, err = s.applyTo(ctx, c, Ticked{At: now})
	}
	if err != nil || c.NextAttemptAt == nil || c.NextAttemptAt.After(now) {
		return c, false, err
	}
	if !s.Rules.Policy.Dialling {
		return s.postpone(ctx, c, waitDialling, "dialling is switched off (policy.dialling)")
	}
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reserveLimit)
	defer cancel()
	n := len(c.Attempts) + 1
	err = s.Media.Reserve(rctx, c.ID, n, now.Add(s.Rules.StreamPatience+callbackGrace))
	if err == nil {
		return c, true, nil
	}
	s.Log.WarnContext(ctx, "no dial: the media plane cannot hold the call now", "call_id", c.ID, "attempt", n, "error", err)
	words := "the media host does not answer"
	var m *MediaError
	if errors.As(err, &m) {
		words = m.Words
	}
	return s.postpone(ctx, c, waitPlace, words)
}

// claim makes the next attempt this worker's: an empty claim means that another has
// it, or that a limit of policy postponed it. The place for the stream goes back then,
// unless another worker of this process has the attempt and needs it.
func (s *Service) claim(ctx context.Context, c Call) (claimed Call, claim string, err error) {
	claim, n := newID(), len(c.Attempts)+1
	e := Claimed{ClaimID: claim, At: s.Now()}
	next, mine, err := s.applyBy(ctx, c, e, func(ctx context.Context, next Call) error {
		return s.Store.Claim(ctx, next, s.Rules.Policy.quota(e.At))
	})
	if mine {
		return next, claim, nil
	}
	if a := next.Attempt(n); a == nil || !a.Live() {
		s.Media.Release(c.ID, n)
	}
	var full *QuotaError
	if !errors.As(err, &full) {
		return next, "", err
	}
	wait := waitPlace
	if full.Kind != QuotaLive {
		wait = s.Rules.Policy.tomorrow(e.At).Sub(e.At)
	}
	c, _, err = s.postpone(ctx, c, wait, full.Error())
	return c, "", err
}

// postpone puts the attempt off, with jitter, so that what waits for the same thing
// does not come back at once.
func (s *Service) postpone(ctx context.Context, c Call, wait time.Duration, why string) (Call, bool, error) {
	now := s.Now()
	until := now.Add(wait + rand.N(waitPlace/4))
	words := fmt.Sprintf("The call waits: %s. It is tried again at %s.", why, until.In(location(c.Request.Timezone)).Format("15:04:05 on Monday, 2 January"))
	c, changed, err := s.applyTo(ctx, c, Postponed{Until: until, Words: words, At: now})
	if changed {
		s.Log.InfoContext(ctx, "attempt postponed", "call_id", c.ID, "attempt", len(c.Attempts)+1, "cause", why, "until", until)
	}
	return c, false, err
}
