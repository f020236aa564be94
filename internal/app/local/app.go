package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/calendar"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/hooks"
	"github.com/clawdbot/call-agent/internal/httpapi"
	"github.com/clawdbot/call-agent/internal/toolapi"
	"github.com/clawdbot/call-agent/telephony/mock"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

// App is one configuration on a Host: the handlers of the tools, the webhooks and the
// stream. It is immutable; a reload makes another one.
type App struct {
	Service *call.Service
	config  *config.Config
	mux     *http.ServeMux
}

// New composes an App. It starts nothing. What Check refuses is refused.
func New(h *Host, c *config.Config, log *slog.Logger) (*App, error) {
	if err := Check(c); err != nil {
		return nil, err
	}
	phone, err := telephony(c)
	if err != nil {
		return nil, err
	}
	s, err := service(h, c, phone, log)
	if err != nil {
		return nil, err
	}
	model := stream.NewModel(streamConfig(c).Dialer().Probe, time.Now)
	s.Media = plane{sessions: h.sessions, model: model, limit: c.MaxSessions, now: h.options.Now}
	a := &App{Service: s, config: c, mux: http.NewServeMux()}
	tools := toolapi.New(toolapi.Options{Service: s, Tokens: tokens{c.Tools.Tokens}, Log: log})
	a.mux.Handle("/tools", tools)
	a.mux.Handle("/tools/", tools)
	streams := stream.New(stream.Options{
		Service: s, Sessions: h.sessions, Config: streamConfig(c), Log: log,
		ValidateUpgrade: upgradeCheck(c, phone), Meter: h.options.Meter,
	})
	a.mux.Handle("/voice/stream", streams)
	a.mux.Handle("/voice/stream/{token}", streams)
	web := httpapi.New(httpapi.Options{
		Service: s, PublicURL: c.Server.PublicBaseURL, Log: log, Counters: h.options.Counters,
		Ready: []httpapi.Check{
			{Name: "configuration", Probe: func(context.Context) error { return Check(c) }},
			{Name: "host", Probe: h.ready},
			{Name: "model", Probe: model.Ready},
		},
	})
	for _, p := range []string{"/voice", "/status", "/amd", "/healthz", "/readyz"} {
		a.mux.Handle(p, web)
	}
	for pattern, route := range phone.Routes() {
		a.mux.Handle(pattern, route)
	}
	return a, nil
}

// Handles says whether a request is the call agent's: also one whose path is ours and
// whose method is not, which is answered 405.
func (a *App) Handles(r *http.Request) bool {
	for _, method := range []string{r.Method, http.MethodGet, http.MethodPost} {
		asked := r.WithContext(r.Context()) // a shallow copy
		asked.Method = method
		if _, pattern := a.mux.Handler(asked); pattern != "" {
			return true
		}
	}
	return false
}

// ServeHTTP serves the tools, the webhooks and the stream.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// DrainTimeout is how long live calls may last at exit.
func (a *App) DrainTimeout() time.Duration { return a.config.DrainTimeout }

func telephony(c *config.Config) (call.Telephony, error) {
	switch c.Telephony.Provider {
	case config.ProviderMock:
		return mock.New(mock.Options{PublicURL: c.Server.PublicBaseURL}), nil
	case config.ProviderTwilio:
		p, err := twilio.New(twilio.Options{
			AccountSID: c.Twilio.AccountSID, AuthTokens: reveal(c.Twilio.AuthTokens), FromNumber: c.Twilio.FromNumber,
			BaseURL: c.Twilio.BaseURL, AcceptUnsigned: !c.Twilio.ValidateSignature,
		})
		if err != nil {
			return nil, fmt.Errorf("provider twilio: %w", err)
		}
		return p, nil
	}
	return nil, fmt.Errorf("telephony.provider %q is not known; use twilio or mock", c.Telephony.Provider)
}

func reveal(secrets []config.Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}

func service(h *Host, c *config.Config, phone call.Telephony, log *slog.Logger) (*call.Service, error) {
	bridge, err := calendar.New(calendar.Options{BaseURL: c.Calendar.BaseURL, Token: c.Calendar.Token.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("calendar bridge: %w", err)
	}
	s := &call.Service{
		Store: h.seen, Telephony: phone, Scheduler: h.schedule, Numbers: toolapi.Numbers{},
		Calendar: bridge, Rules: rules(c), Defaults: defaults(c),
		PublicURL: c.Server.PublicBaseURL, StreamURLs: streamHosts(c),
		StreamSecret: []byte(c.Stream.Secret.Reveal()), Disclosure: c.Disclosure,
		Now: h.options.Now, Log: log,
	}
	if c.Telephony.Provider == config.ProviderTwilio {
		s.StreamAccount = c.Twilio.AccountSID
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

// streamHosts are the configured media hosts or, without any, this one.
func streamHosts(c *config.Config) []string {
	if len(c.Stream.Hosts) > 0 {
		return c.Stream.Hosts
	}
	return []string{"ws" + strings.TrimPrefix(c.Server.PublicBaseURL, "http")}
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

// Contract section 2: a stream token is good for the ring time and a minute, with
// mock for ten minutes, since a person has to open the page.
const (
	streamGrace    = time.Minute
	mockStreamTime = 10 * time.Minute
)

func rules(c *config.Config) call.Rules {
	r := call.Rules{
		MaxAttempts: c.Retry.MaxAttempts, InitialDelay: c.Retry.InitialDelay, BackoffFactor: c.Retry.BackoffFactor,
		RingTimeout: c.RingTimeout, MaxCall: maxCall(c),
		StreamPatience: c.RingTimeout + streamGrace, Notify: c.Notify.Enabled(),
		Policy: policy(c),
	}
	for _, s := range c.Retry.Statuses {
		r.RetryStatuses = append(r.RetryStatuses, call.Status(s))
	}
	if c.Telephony.Provider == config.ProviderMock {
		r.StreamPatience, r.NoStreamIsFinal = mockStreamTime, true
	}
	return r
}

// policy is contract section 5, policy.*, as it applies to the provider.
func policy(c *config.Config) call.Policy {
	p := c.EffectivePolicy()
	day, err := time.LoadLocation(c.Defaults.Timezone) // checked by config; "" is UTC
	if err != nil {
		day = time.UTC
	}
	out := call.Policy{
		Dialling: p.Dialling, Countries: p.AllowedCountries,
		Hours:       call.CallingHours{Start: int(p.CallingHours.Start), End: int(p.CallingHours.End)},
		CallsPerDay: p.MaxCallsPerDay, AttemptsPerNumber: p.MaxAttemptsPerNumberPerDay, Concurrent: p.MaxConcurrent,
		Day: day,
	}
	if len(out.Countries) == 0 && c.Telephony.Provider == config.ProviderTwilio {
		out.Countries = toolapi.CountriesOf(c.Twilio.FromNumber)
	}
	return out
}

// maxCall is policy.max_call_seconds. Without it the hour at which a model session
// ends anyway is the limit (research/openai-realtime section 3).
func maxCall(c *config.Config) time.Duration {
	if s := c.EffectivePolicy().MaxCallSeconds; s > 0 {
		return time.Duration(s) * time.Second
	}
	return 55 * time.Minute
}

// tokens shows the configured tokens to the tools.
type tokens struct{ config.Tokens }

// Match finds the token's name and scopes.
func (t tokens) Match(bearer string) (name string, allowed func(scope string) bool, ok bool) {
	name, scopes, ok := t.Tokens.Match(bearer)
	return name, func(want string) bool {
		for _, s := range scopes {
			if string(s) == want {
				return true
			}
		}
		return false
	}, ok
}

func streamConfig(c *config.Config) stream.Config {
	return stream.Config{
		BaseURL: c.OpenAI.BaseURL, Model: c.OpenAI.Model, Voice: c.OpenAI.Voice, APIKey: c.OpenAI.APIKey.Reveal(),
		OutputFormat: c.OpenAI.OutputFormat,
		MaxSessions:  c.MaxSessions, MaxCall: maxCall(c),
		SilencePrompt: c.SilencePrompt, SilenceHangup: c.SilenceHangup,
	}
}

// upgradeCheck is the provider's check of the stream's upgrade, or nil. With
// "warn" a stream without a valid signature is counted and goes on, since the token
// is the authority on the stream (contract section 2).
func upgradeCheck(c *config.Config, phone call.Telephony) *stream.UpgradeCheck {
	p, ok := phone.(*twilio.Provider)
	if !ok {
		return nil
	}
	return &stream.UpgradeCheck{Validate: p.ValidateUpgrade, Hosts: streamHosts(c), Require: c.Twilio.ValidateStreamSignature == config.StreamSignatureRequire}
}
