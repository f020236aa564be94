package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// mostSkew is how wrong the clock may be: stream tokens live for a ring time and a
// minute, and certificates and providers go by their own clocks.
const mostSkew = 30 * time.Second

// checkClock compares this machine's clock with the Date of those it works with. No
// credential is sent.
func checkClock(ctx context.Context, p *patient) Check {
	sources := []string{p.config.Server.PublicBaseURL, httpOf(p.config.OpenAI.BaseURL)}
	if !p.mock() {
		sources = append(sources, p.config.Twilio.BaseURL)
	}
	skews := make([]*time.Duration, len(sources))
	var all sync.WaitGroup
	for i, s := range sources {
		all.Go(func() { skews[i] = p.skew(ctx, s) })
	}
	all.Wait()
	// Who is on this machine has this clock, and says little against another's word.
	var worst *time.Duration
	var of string
	own := true
	for i, s := range skews {
		if here := loopback(sources[i]); s != nil && (worst == nil || (own && !here) || (own == here && s.Abs() > worst.Abs())) {
			worst, of, own = s, hostOf(sources[i]), here
		}
	}
	const synchronise = "synchronise the clock: sudo timedatectl set-ntp true"
	switch {
	case worst == nil:
		return warning("nobody could be asked the time", "see the checks of whom could not be reached; "+synchronise)
	case worst.Abs() > mostSkew:
		direction := "ahead of"
		if *worst < 0 {
			direction = "behind"
		}
		return warning(fmt.Sprintf("this clock is %v %s that of %s; tokens and certificates depend on it", worst.Abs().Round(time.Second), direction, of), synchronise)
	}
	finding := fmt.Sprintf("within %v of %s", max(time.Second, worst.Abs().Round(time.Second)), of)
	if own {
		finding += ", which is on this machine; nobody else could be asked"
	}
	return fine(finding)
}

// skew is how far our clock is ahead of a host's; nil if the host does not tell.
func (p *patient) skew(ctx context.Context, base string) *time.Duration {
	if base == "" {
		return nil
	}
	before := p.Now()
	a, err := p.ask(ctx, http.MethodHead, base+"/", "")
	if err != nil {
		return nil
	}
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return nil
	}
	// The answer was dated between the question and now, and Date has whole seconds.
	now := p.Now()
	skew := before.Add(now.Sub(before) / 2).Sub(date.Add(time.Second / 2))
	return &skew
}

// httpOf is a WebSocket's base as one of HTTP.
func httpOf(base string) string {
	if rest, ok := strings.CutPrefix(base, "ws"); ok {
		return "http" + rest
	}
	return base
}
