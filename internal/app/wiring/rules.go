package wiring

import (
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
)

// Contract section 2: a stream token is good for the ring time and a minute, with
// mock for ten minutes, since a person has to open the page.
const (
	streamGrace    = time.Minute
	mockStreamTime = 10 * time.Minute
)

// Rules are what the transition function obeys.
func Rules(c *config.Config) call.Rules {
	r := call.Rules{
		MaxAttempts: c.Retry.MaxAttempts, InitialDelay: c.Retry.InitialDelay, BackoffFactor: c.Retry.BackoffFactor,
		RingTimeout: c.RingTimeout, MaxCall: MaxCall(c),
		StreamPatience: c.RingTimeout + streamGrace, Notify: c.Notify.Enabled(),
		Policy: policy(c), PhoneMinute: phoneMinute(c),
	}
	for _, s := range c.Retry.Statuses {
		r.RetryStatuses = append(r.RetryStatuses, call.Status(s))
	}
	if c.Telephony.Provider == config.ProviderMock {
		r.StreamPatience, r.NoStreamIsFinal = mockStreamTime, true
	}
	return r
}

// phoneMinute is what the provider asks for a minute, nil where that is not known. With
// mock there is no phone company.
func phoneMinute(c *config.Config) *float64 {
	if c.Telephony.Provider == config.ProviderMock {
		return new(float64)
	}
	return c.Prices.PhoneMinute
}

// policy is contract section 5, policy.*, as it applies to the provider.
func policy(c *config.Config) call.Policy {
	p := c.EffectivePolicy()
	day, err := time.LoadLocation(c.Defaults.Timezone) // checked by config; "" is UTC
	if err != nil {
		day = time.UTC
	}
	return call.Policy{
		Dialling: p.Dialling, Countries: p.AllowedCountries,
		Hours:       call.CallingHours{Start: int(p.CallingHours.Start), End: int(p.CallingHours.End)},
		CallsPerDay: p.MaxCallsPerDay, AttemptsPerNumber: p.MaxAttemptsPerNumberPerDay, Concurrent: p.MaxConcurrent,
		Day: day,
	}
}

// MaxCall is policy.max_call_seconds. Without it the hour at which a model session
// ends anyway is the limit (research/openai-realtime section 3).
func MaxCall(c *config.Config) time.Duration {
	if s := c.EffectivePolicy().MaxCallSeconds; s > 0 {
		return time.Duration(s) * time.Second
	}
	return 55 * time.Minute
}
