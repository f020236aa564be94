package config

import "time"

// The values of keys that code compares with.
const (
	ProviderTwilio = "twilio"
	ProviderMock   = "mock"

	FormatPCMU = "audio/pcmu"
	FormatPCMA = "audio/pcma"
	FormatPCM  = "audio/pcm"

	StreamSignatureWarn    = "warn"
	StreamSignatureRequire = "require"

	ControlPlaneLocal = "local"
	// ControlPlaneRemote: the functions on AWS are the control plane.
	ControlPlaneRemote = "remote"

	// DefaultOpenAIBaseURL and DefaultTwilioBaseURL are the vendors' own.
	DefaultOpenAIBaseURL = "wss://api.openai.com/v1"
	DefaultTwilioBaseURL = "https://api.twilio.com"

	// DefaultDisclosure is said first on every call; DisclosureWithoutName is what it becomes where no user is named
	// (contract section 5).
	DefaultDisclosure     = "Hello, this is an AI assistant calling on behalf of {userName}."
	DisclosureWithoutName = "Hello, this is an AI assistant."
)

// table is contract section 5, in its order, with the keys that are ours alone. It is the only list of keys.
var table = slicesOf(serverKeys(), vendorKeys(), callKeys(), policyKeys(), priceKeys(), hostKeys())

func slicesOf(groups ...[]Key) (all []Key) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

func serverKeys() []Key {
	return []Key{
		scalar("telephony.provider", KindString, ProviderMock, "who places the calls", asString,
			func(c *Config) *string { return &c.Telephony.Provider }).oneOf(ProviderTwilio, ProviderMock),
		scalar("server.publicBaseUrl", KindURL, "", "public base of webhooks and tools; default the site address", asURL,
			func(c *Config) *string { return &c.Server.PublicBaseURL }),
		scalar("server.port", KindInt, "4545", "port to listen on", asInt,
			func(c *Config) *int { return &c.Server.Port }),
		list("stream.hosts", "", "wss bases of media hosts; default from publicBaseUrl", asURL,
			func(c *Config) *[]string { return &c.Stream.Hosts }),
		scalar("stream.secret", KindString, "", "key of the stream tokens; openssl rand -hex 32", asSecret,
			func(c *Config) *Secret { return &c.Stream.Secret }).secret(),
	}
}

func vendorKeys() []Key {
	formats := []string{FormatPCMU, FormatPCMA, FormatPCM}
	return []Key{
		scalar("twilio.accountSid", KindString, "", "Twilio account, AC and 32 hex digits", asString,
			func(c *Config) *string { return &c.Twilio.AccountSID }),
		list("twilio.authToken", "", "Twilio auth token; two while rotating, the current one first", asSecret,
			func(c *Config) *[]Secret { return &c.Twilio.AuthTokens }).secret(),
		scalar("twilio.fromNumber", KindString, "", "our number, E.164", asString,
			func(c *Config) *string { return &c.Twilio.FromNumber }),
		scalar("twilio.validateSignature", KindBool, "true", "check X-Twilio-Signature; false only with a loopback twilio.baseUrl", asBool,
			func(c *Config) *bool { return &c.Twilio.ValidateSignature }),
		scalar("twilio.validateStreamSignature", KindString, StreamSignatureWarn, "what a stream without a valid signature meets", asString,
			func(c *Config) *string { return &c.Twilio.ValidateStreamSignature }).oneOf(StreamSignatureWarn, StreamSignatureRequire),
		scalar("twilio.baseUrl", KindURL, DefaultTwilioBaseURL, "Twilio's REST API", asURL,
			func(c *Config) *string { return &c.Twilio.BaseURL }),
		scalar("openai.apiKey", KindString, "", "OpenAI API key; not needed with a loopback openai.baseUrl", asSecret,
			func(c *Config) *Secret { return &c.OpenAI.APIKey }).secret(),
		scalar("openai.model", KindString, "gpt-realtime-2.1", "realtime model", asString,
			func(c *Config) *string { return &c.OpenAI.Model }),
		scalar("openai.voice", KindString, "marin", "the agent's voice", asString,
			func(c *Config) *string { return &c.OpenAI.Voice }),
		scalar("openai.inputFormat", KindString, FormatPCMU, "audio sent to the model", asString,
			func(c *Config) *string { return &c.OpenAI.InputFormat }).oneOf(formats...),
		scalar("openai.outputFormat", KindString, FormatPCMU, "audio received from the model", asString,
			func(c *Config) *string { return &c.OpenAI.OutputFormat }).oneOf(formats...),
		scalar("openai.outputSampleRate", KindInt, "24000", "hertz of audio/pcm; pcm has no other rate", asInt,
			func(c *Config) *int { return &c.OpenAI.OutputSampleRate }),
		scalar("openai.baseUrl", KindURL, DefaultOpenAIBaseURL, "base of the Realtime API; /realtime?model= is appended", asURL,
			func(c *Config) *string { return &c.OpenAI.BaseURL }),
	}
}

func callKeys() []Key {
	return []Key{
		scalar("calendar.baseUrl", KindURL, "http://127.0.0.1:9100", "the calendar bridge", asURL,
			func(c *Config) *string { return &c.Calendar.BaseURL }),
		scalar("calendar.token", KindString, "", "bearer token of the calendar bridge", asSecret,
			func(c *Config) *Secret { return &c.Calendar.Token }).secret(),
		scalar("notify.hooksUrl", KindURL, "", "Clawdbot's hooks; /agent is appended", asURL,
			func(c *Config) *string { return &c.Notify.HooksURL }),
		scalar("notify.hooksToken", KindString, "", "bearer token of the hooks", asSecret,
			func(c *Config) *Secret { return &c.Notify.HooksToken }).secret(),
		scalar("notify.sessionKey", KindString, "", "session that gets the notification", asString,
			func(c *Config) *string { return &c.Notify.SessionKey }),
		scalar("defaults.timezone", KindString, "", "IANA zone of a request that names none", asString,
			func(c *Config) *string { return &c.Defaults.Timezone }),
		scalar("defaults.workingHours.start", KindClock, "09:00", "first minute of working hours", ParseClock,
			func(c *Config) *Clock { return &c.Defaults.WorkingHours.Start }),
		scalar("defaults.workingHours.end", KindClock, "17:00", "end of working hours", ParseClock,
			func(c *Config) *Clock { return &c.Defaults.WorkingHours.End }),
		list("defaults.workingHours.days", "1,2,3,4,5", "working days, 0 = Sunday", asWeekday,
			func(c *Config) *[]time.Weekday { return &c.Defaults.WorkingHours.Days }),
		scalar("retry.maxAttempts", KindInt, "3", "attempts per call, the first included", asInt,
			func(c *Config) *int { return &c.Retry.MaxAttempts }),
		scalar("retry.initialDelayMs", KindDuration, "60000", "delay before the second attempt, in milliseconds", asDuration(time.Millisecond),
			func(c *Config) *time.Duration { return &c.Retry.InitialDelay }),
		scalar("retry.backoffFactor", KindFloat, "2", "each further delay is this many times longer", asFloat,
			func(c *Config) *float64 { return &c.Retry.BackoffFactor }),
		list("retry.retryStatuses", "busy,no-answer,failed", "statuses after which another attempt follows", asStatus,
			func(c *Config) *[]string { return &c.Retry.Statuses }),
		{
			Path: "tools.tokens", Kind: KindTokens, Secret: true, Doc: "who may use the tools: a token (openssl rand -hex 32), or {name, sha256, scopes}",
			set: setTokens,
		},
	}
}

func policyKeys() []Key {
	return []Key{
		list("policy.allowed_countries", "", "countries that may be called; default that of twilio.fromNumber", asUpper,
			func(c *Config) *[]string { return &c.Policy.AllowedCountries }),
		scalar("policy.calling_hours", KindHours, "08:00-21:00", "hours in the callee's zone in which to dial", ParseCallingHours,
			func(c *Config) *CallingHours { return &c.Policy.CallingHours }),
		scalar("policy.max_calls_per_day", KindInt, "20", "calls placed per day; 0 = unlimited", asInt,
			func(c *Config) *int { return &c.Policy.MaxCallsPerDay }),
		scalar("policy.max_attempts_per_number_per_day", KindInt, "4", "attempts per number and day; 0 = unlimited", asInt,
			func(c *Config) *int { return &c.Policy.MaxAttemptsPerNumberPerDay }),
		scalar("policy.max_concurrent", KindInt, "5", "calls at the same time; 0 = unlimited", asInt,
			func(c *Config) *int { return &c.Policy.MaxConcurrent }),
		scalar("policy.max_call_seconds", KindInt, "600", "longest call; 0 = unlimited", asInt,
			func(c *Config) *int { return &c.Policy.MaxCallSeconds }),
		scalar("policy.dialling", KindBool, "on", "off: no call is placed", asBool,
			func(c *Config) *bool { return &c.Policy.Dialling }),
	}
}

func hostKeys() []Key {
	return []Key{
		scalar("disclosure", KindString, DefaultDisclosure, "first sentence of every call", asString,
			func(c *Config) *string { return &c.Disclosure }),
		scalar("control_plane", KindString, ControlPlaneLocal, "local, remote, or the https URL of the remote one", asURL,
			func(c *Config) *string { return &c.ControlPlane }),
		scalar("data_dir", KindString, "", "folder of the local store; default the user's data folder", asString,
			func(c *Config) *string { return &c.DataDir }),
		scalar("max_sessions", KindInt, "250", "live calls per process", asInt,
			func(c *Config) *int { return &c.MaxSessions }),
		scalar("ring_timeout", KindDuration, "25s", "how long the phone may ring", asDuration(time.Second),
			func(c *Config) *time.Duration { return &c.RingTimeout }),
		scalar("silence_prompt", KindDuration, "8s", "silence before the agent asks again", asDuration(time.Second),
			func(c *Config) *time.Duration { return &c.SilencePrompt }),
		scalar("silence_hangup", KindDuration, "20s", "silence before the agent hangs up", asDuration(time.Second),
			func(c *Config) *time.Duration { return &c.SilenceHangup }),
		scalar("backchannel_guard", KindBool, "off", "on: a short, quiet \"mm-hmm\" does not stop the agent", asBool,
			func(c *Config) *bool { return &c.BackchannelGuard }),
		scalar("drain_timeout", KindDuration, "2m", "how long live calls may last at exit", asDuration(time.Second),
			func(c *Config) *time.Duration { return &c.DrainTimeout }),
		scalar("retention_days", KindInt, "30", "days until a final call, its transcript and its recording are deleted", asInt,
			func(c *Config) *int { return &c.RetentionDays }),
		scalar("transcript.enabled", KindBool, "true", "keep what was said in calls, and what happened when", asBool,
			func(c *Config) *bool { return &c.Transcript.Enabled }),
		scalar("recording.enabled", KindBool, "false", "keep the audio of calls", asBool,
			func(c *Config) *bool { return &c.Recording.Enabled }),
		scalar("tunnel.provider", KindString, "", "accepted and ignored: Caddy's automatic TLS replaced tunnels", asString,
			func(c *Config) *string { return &c.Tunnel.Provider }),
	}
}
