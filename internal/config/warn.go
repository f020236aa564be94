package config

import (
	"fmt"
	"strings"
)

// shutdowns are the models that end, with the day (research/openai-realtime.md section 2; OpenAI's deprecations page).
// A dated snapshot of a name ("-2025-08-28") ends with it.
var shutdowns = []struct{ model, day string }{
	{"gpt-realtime", "2027-01-20"},
	{"gpt-realtime-mini", "2027-01-20"},
	{"gpt-4o-realtime-preview", "2027-01-20"},
	{"gpt-4o-mini-realtime-preview", "2027-01-20"},
}

// Warnings lists what is allowed but unwise, one line each, without secrets. It is meant for the log at start.
func (c *Config) Warnings() []string {
	var out []string
	warn := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	warn(c.given["tunnel.provider"], "tunnel.*: has no effect; Caddy's automatic TLS replaced tunnels, so give the site a public name")
	day := shutdownOf(c.OpenAI.Model)
	warn(day != "", "openai.model: %s shuts down on %s; move to gpt-realtime-2.1", c.OpenAI.Model, day)
	warn(c.OpenAI.Model != "" && c.Prices.Model(c.OpenAI.Model) == nil,
		"prices.models: has no price of openai.model %s, so the cost of its calls is not known; add it, with the day in prices.as_of", c.OpenAI.Model)
	warn(c.Calendar.Token.Reveal() == "optional", "calendar.token: is the example's word \"optional\"; set the bridge's token or remove the key")
	warn(c.Notify.SessionKey == "optional", "notify.sessionKey: is the example's word \"optional\"; set a session or remove the key")
	warn(!c.Stream.Secret.Empty() && len(c.Stream.Secret.Reveal()) < 32, "stream.secret: is shorter than 32 characters; write the output of openssl rand -hex 32")
	for _, t := range c.Tools.Tokens {
		warn(t.short, "tools.tokens: %s is shorter than 16 characters; write the output of openssl rand -hex 32", t.Name)
	}
	unnamed := c.Tools.Tokens.unnamed()
	warn(len(unnamed) > 1, "tools.tokens: %s have no name, so that each owns its calls by its place in the list, and takes over another's when the list changes; name them: {\"name\":\"%s\",\"sha256\":\"…\"}",
		strings.Join(unnamed, ", "), append(unnamed, "")[0])
	warn(!c.Calendar.Token.Empty() && !secure(c.Calendar.BaseURL) && !private(c.Calendar.BaseURL),
		"calendar.baseUrl: the token travels without TLS; write https://")
	warn(!c.Notify.HooksToken.Empty() && c.Notify.HooksURL != "" && !secure(c.Notify.HooksURL) && !private(c.Notify.HooksURL),
		"notify.hooksUrl: the token travels without TLS; write https://")
	warn(c.Cloud && loopback(c.Twilio.BaseURL), "twilio.baseUrl: is a loopback address, so this is a test deployment: it places no real call")
	warn(c.Telephony.Provider == ProviderTwilio && !c.Policy.Dialling, "policy.dialling: is off, so no call is placed")
	return out
}

func shutdownOf(model string) string {
	for _, s := range shutdowns {
		if isOrIsSnapshotOf(model, s.model) {
			return s.day
		}
	}
	return ""
}
