// Package wiring says what a configuration means to the call service: its rules, limits,
// provider, calendar and hooks. Every composition (one host, functions, media host)
// joins the same parts by it, so that a key means the same on each. It starts nothing,
// and links neither a store, nor media, nor Caddy: functions pay for each byte.
package wiring

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/calendar"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/hooks"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

// Parts are what a composition brings to the call service itself.
type Parts struct {
	Store     call.Store
	Telephony call.Telephony
	Scheduler call.Scheduler
	Media     call.Media
	// Archive is nil where nothing is kept outside the store.
	Archive call.Archive
	// Numbers and Countries, which tells a number's country, are needed where calls are
	// placed; both may be nil elsewhere.
	Numbers   call.Numbers
	Countries func(number string) []string
	Now       func() time.Time
	Log       *slog.Logger
}

// Service joins a checked configuration and the parts to the call service.
func Service(c *config.Config, p Parts) (*call.Service, error) {
	bridge, err := calendar.New(calendar.Options{BaseURL: c.Calendar.BaseURL, Token: c.Calendar.Token.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("calendar bridge: %w", err)
	}
	s := &call.Service{
		Store: p.Store, Telephony: p.Telephony, Scheduler: p.Scheduler, Media: p.Media, Archive: p.Archive, Numbers: p.Numbers,
		Calendar: bridge, Rules: Rules(c), Defaults: defaults(c),
		PublicURL: c.Server.PublicBaseURL, StreamSecret: []byte(c.Stream.Secret.Reveal()), Disclosure: c.Disclosure, TalkCost: talkCost(c),
		Now: p.Now, Log: p.Log,
	}
	if c.Telephony.Provider == config.ProviderTwilio {
		s.StreamAccount = c.Twilio.AccountSID
		if p.Countries != nil {
			s.Rules.Policy.Home = sync.OnceValue(func() []string { return p.Countries(c.Twilio.FromNumber) })
		}
	}
	if !c.Notify.Enabled() {
		return s, nil
	}
	s.Notifier, err = hooks.New(hooks.Options{URL: c.Notify.HooksURL, Token: c.Notify.HooksToken.Reveal(), SessionKey: c.Notify.SessionKey})
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	return s, nil
}

// Twilio makes the provider of that name.
func Twilio(c *config.Config) (*twilio.Provider, error) {
	tokens := make([]string, len(c.Twilio.AuthTokens))
	for i, t := range c.Twilio.AuthTokens {
		tokens[i] = t.Reveal()
	}
	p, err := twilio.New(twilio.Options{
		AccountSID: c.Twilio.AccountSID, AuthTokens: tokens, FromNumber: c.Twilio.FromNumber,
		BaseURL: c.Twilio.BaseURL, AcceptUnsigned: !c.Twilio.ValidateSignature,
	})
	if err != nil {
		return nil, fmt.Errorf("provider twilio: %w", err)
	}
	return p, nil
}

// StreamHosts are the configured media hosts or, without any, the one at the public address.
func StreamHosts(c *config.Config) []string {
	if len(c.Stream.Hosts) > 0 {
		return c.Stream.Hosts
	}
	return []string{"ws" + strings.TrimPrefix(c.Server.PublicBaseURL, "http")}
}

// HostOf picks one of the hosts by call id, so that repeats of a webhook name the same one.
func HostOf(hosts []string, id call.ID) string {
	sum := 0
	for _, b := range []byte(id) {
		sum += int(b)
	}
	return hosts[sum%len(hosts)]
}

func defaults(c *config.Config) call.Defaults {
	w := c.Defaults.WorkingHours
	d := call.Defaults{
		Timezone:     c.Defaults.Timezone,
		WorkingHours: call.WorkingHours{Start: w.Start.String(), End: w.End.String()},
		OwnNumber:    c.Twilio.FromNumber,
	}
	for _, day := range w.Days {
		d.WorkingHours.Days = append(d.WorkingHours.Days, int(day))
	}
	return d
}
