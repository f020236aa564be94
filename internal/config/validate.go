package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// These are no regular expressions, whose making would be a good part of a function's start.

func isAccountSID(s string) bool {
	hex, ok := strings.CutPrefix(s, "AC")
	return ok && len(hex) == 32 && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
}

func isE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

func isCountry(s string) bool {
	return len(s) == 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Validate checks the configuration as a whole and returns a Faults with everything that is wrong, or nil. It changes
// nothing and looks at no network.
func (c *Config) Validate() error {
	var faults Faults
	for _, check := range []func(*Config, *Faults){
		checkSamples, checkServer, checkStream, checkTwilio, checkOpenAI, checkCalendar, checkNotify, checkDefaults, checkRetry, checkTools,
		checkPolicy, checkPrices, checkHost,
	} {
		var found Faults
		check(c, &found)
		for _, f := range found {
			faults = faults.with(f) // once per key: a placeholder is one fault, not also a malformed value
		}
	}
	return faults.err()
}

// checkSamples finds what was copied from an example and never filled in.
func checkSamples(c *Config, fs *Faults) {
	for _, v := range []struct {
		key    string
		values []string
	}{
		{"server.publicBaseUrl", []string{c.Server.PublicBaseURL}},
		{"stream.hosts", c.Stream.Hosts},
		{"stream.secret", []string{c.Stream.Secret.Reveal()}},
		{"twilio.accountSid", []string{c.Twilio.AccountSID}},
		{"twilio.authToken", reveal(c.Twilio.AuthTokens)},
		{"twilio.fromNumber", []string{c.Twilio.FromNumber}},
		{"twilio.baseUrl", []string{c.Twilio.BaseURL}},
		{"openai.apiKey", []string{c.OpenAI.APIKey.Reveal()}},
		{"openai.baseUrl", []string{c.OpenAI.BaseURL}},
		{"calendar.baseUrl", []string{c.Calendar.BaseURL}},
		{"calendar.token", []string{c.Calendar.Token.Reveal()}},
		{"notify.hooksUrl", []string{c.Notify.HooksURL}},
		{"notify.hooksToken", []string{c.Notify.HooksToken.Reveal()}},
		{"notify.sessionKey", []string{c.Notify.SessionKey}},
	} {
		k, _ := Lookup(v.key)
		fs.add(!slices.ContainsFunc(v.values, isSample), v.key, "still holds an example's placeholder", "put the real value in its place: "+k.Doc)
	}
}

// isSample recognises "...", "AC...", "sk-…", "<public-host>" and the like.
func isSample(s string) bool {
	return strings.Contains(s, "...") || strings.Contains(s, "…") || strings.ContainsAny(s, "<>")
}

func reveal(secrets []Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}

// plaintextAllowed: against a Twilio on this machine, and without one, http and ws are fine (contract section 5).
func (c *Config) plaintextAllowed() bool {
	return c.Telephony.Provider == ProviderMock || loopback(c.Twilio.BaseURL)
}

func checkServer(c *Config, fs *Faults) {
	base := c.Server.PublicBaseURL
	const key = "server.publicBaseUrl"
	switch {
	case base == "" && c.Telephony.Provider == ProviderTwilio && !c.Remote():
		fs.add(false, key, "is missing", "write the https address at which Twilio reaches this host")
	case base != "":
		if problem := urlProblem(base, "https", "http"); problem != "" {
			fs.add(false, key, problem, "write https://host, without query")
			return
		}
		fs.add(strings.HasPrefix(base, "https:") || c.plaintextAllowed(), key, "is http, and Twilio needs https", "write the https address")
	}
	fs.add(c.Server.Port >= 1 && c.Server.Port <= 65535, "server.port", "is no port", "write 1 to 65535")
}

func checkStream(c *Config, fs *Faults) {
	for _, h := range c.Stream.Hosts {
		if problem := urlProblem(h, "wss", "ws"); problem != "" {
			fs.add(false, "stream.hosts", problem, "write wss://host, without query")
			return
		}
		fs.add(strings.HasPrefix(h, "wss:") || c.plaintextAllowed(), "stream.hosts", "is ws, and Twilio needs wss", "write wss://host")
	}
	fs.add(!c.Stream.Secret.Empty(), "stream.secret", "is missing", "write the output of openssl rand -hex 32")
}

func checkTwilio(c *Config, fs *Faults) {
	t := c.Twilio
	checkVendorURL("twilio.baseUrl", t.BaseURL, []string{"https", "http"}, fs)
	fs.add(t.ValidateSignature || loopback(t.BaseURL), "twilio.validateSignature",
		"is false, so anybody could pose as Twilio", "leave it true; false is for a loopback twilio.baseUrl only")
	if c.Telephony.Provider != ProviderTwilio {
		return
	}
	fs.add(isAccountSID(t.AccountSID), "twilio.accountSid", "is missing or malformed", "write the account SID: AC and 32 hex digits")
	fs.add(len(t.AuthTokens) > 0, "twilio.authToken", "is missing", "write the account's auth token")
	fs.add(len(t.AuthTokens) <= 2, "twilio.authToken", "holds more than two tokens", "leave the current one and the one being rotated out")
	fs.add(isE164(t.FromNumber), "twilio.fromNumber", "is missing or not E.164", "write your Twilio number as +15551234567")
}

func checkOpenAI(c *Config, fs *Faults) {
	o := c.OpenAI
	checkVendorURL("openai.baseUrl", o.BaseURL, []string{"wss", "https", "ws", "http"}, fs)
	fs.add(!o.APIKey.Empty() || loopback(o.BaseURL), "openai.apiKey", "is missing", "write an OpenAI API key")
	fs.add(o.Model != "", "openai.model", "is empty", "write a realtime model, such as gpt-realtime-2.1")
	fs.add(o.Voice != "", "openai.voice", "is empty", "write a voice, such as marin")
	pcm := o.InputFormat == FormatPCM || o.OutputFormat == FormatPCM
	fs.add(!pcm || o.OutputSampleRate == 24000, "openai.outputSampleRate",
		fmt.Sprintf("is %d, and audio/pcm exists at 24000 only", o.OutputSampleRate), "write 24000, or use audio/pcmu")
}

func checkCalendar(c *Config, fs *Faults) {
	if problem := urlProblem(c.Calendar.BaseURL, "https", "http"); problem != "" {
		fs.add(false, "calendar.baseUrl", problem, "write the calendar bridge's http(s) address")
		return
	}
	fs.add(!c.Cloud || loopback(c.Twilio.BaseURL) || !private(c.Calendar.BaseURL), "calendar.baseUrl",
		"is a loopback or private address, which AWS cannot reach", "write the bridge's public https address")
}

func checkNotify(c *Config, fs *Faults) {
	n := c.Notify
	if n.HooksURL != "" {
		if problem := urlProblem(n.HooksURL, "https", "http"); problem != "" {
			fs.add(false, "notify.hooksUrl", problem, "write the hooks' http(s) address, without /agent")
		}
	}
	fs.add(!c.Cloud || n.HooksURL == "" || loopback(c.Twilio.BaseURL) || !private(n.HooksURL), "notify.hooksUrl",
		"is a loopback or private address, which AWS cannot reach", "write the hooks' public https address")
	fs.add(n.HooksURL == "" || !n.HooksToken.Empty(), "notify.hooksToken", "is missing beside notify.hooksUrl", "set both, or neither")
	fs.add(n.HooksToken.Empty() || n.HooksURL != "", "notify.hooksUrl", "is missing beside notify.hooksToken", "set both, or neither")
}

func checkDefaults(c *Config, fs *Faults) {
	if zone := c.Defaults.Timezone; zone != "" {
		_, err := time.LoadLocation(zone)
		fs.add(err == nil && zone != "Local", "defaults.timezone", fmt.Sprintf("%q is not a time zone", zone),
			"write an IANA name, such as America/Los_Angeles")
	}
	h := c.Defaults.WorkingHours
	fs.add(h.End > h.Start, "defaults.workingHours.end", fmt.Sprintf("%s is not after the start %s", h.End, h.Start), "write a later time, at most 24:00")
	fs.add(len(h.Days) > 0, "defaults.workingHours.days", "has no day", "write days from 0 (Sunday) to 6, such as 1,2,3,4,5")
	days := slices.Clone(h.Days)
	slices.Sort(days)
	fs.add(len(slices.Compact(days)) == len(h.Days), "defaults.workingHours.days", "names a day twice", "name each day once")
}

func checkRetry(c *Config, fs *Faults) {
	r := c.Retry
	fs.add(r.MaxAttempts >= 1 && r.MaxAttempts <= 20, "retry.maxAttempts", fmt.Sprintf("is %d", r.MaxAttempts), "write 1 to 20; 1 means no retry")
	fs.add(r.BackoffFactor >= 1 && r.BackoffFactor <= 100, "retry.backoffFactor", fmt.Sprintf("is %g", r.BackoffFactor), "write 1 to 100")
	fs.add(r.InitialDelay >= time.Second || r.MaxAttempts == 1, "retry.initialDelayMs", fmt.Sprintf("is %v", r.InitialDelay), "write at least 1000 (1s)")
}

func checkTools(c *Config, fs *Faults) {
	tokens := c.Tools.Tokens
	fs.add(len(tokens) > 0, "tools.tokens", "is missing, so nobody could use the tools", "write at least one token: openssl rand -hex 32")
	fs.add(!slices.ContainsFunc(tokens, func(t Token) bool { return t.sample }), "tools.tokens",
		"still holds an example's placeholder", "put the real value in its place")
}

func checkPolicy(c *Config, fs *Faults) {
	for _, code := range c.Policy.AllowedCountries {
		fs.add(isCountry(code), "policy.allowed_countries", fmt.Sprintf("%q is not a country", code), "write two letters, such as US")
	}
}

func checkHost(c *Config, fs *Faults) {
	if c.Remote() {
		problem := urlProblem(c.ControlPlane, "https", "http")
		if problem == "" && !secure(c.ControlPlane) && !loopback(c.ControlPlane) {
			problem = "is http"
		}
		fs.add(problem == "" || c.ControlPlane == ControlPlaneRemote, "control_plane", problem, "write local, remote, or the https URL of the remote one")
	}
	fs.add(c.MaxSessions > 0, "max_sessions", "is 0, so no call could be held", "write at least 1")
	// Twilio refuses a ring time beyond 600 s; under 5 s no phone is picked up.
	fs.add(c.RingTimeout >= 5*time.Second && c.RingTimeout <= 600*time.Second, "ring_timeout", fmt.Sprintf("is %v", c.RingTimeout), "write 5s to 600s")
	fs.add(c.SilencePrompt > 0, "silence_prompt", "is 0", "write a time such as 8s")
	fs.add(c.SilenceHangup > c.SilencePrompt, "silence_hangup", fmt.Sprintf("%v is not longer than silence_prompt %v", c.SilenceHangup, c.SilencePrompt),
		"write a longer time, such as 20s")
	fs.add(c.RetentionDays > 0, "retention_days", "is 0", "write at least 1")
	fs.add(strings.TrimSpace(c.Disclosure) != "", "disclosure", "is empty, and every call begins with it", "leave the default, or write a sentence")
}
