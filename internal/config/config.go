// Package config is the typed configuration of a call agent: contract section 5 as Go values.
//
// It owns the one table of keys (their defaults, kinds and documentation), the three ways to fill it (JSON, environment,
// and Set for a Caddyfile), and the rules that make a configuration complete. Every way ends in the same setter, so a
// key means the same wherever it is written. It opens no file, no socket and no store, and never logs; secrets are held
// as Secret, which prints as "redacted".
//
// Reading order: Config (the values), table.go (the keys), validate.go (the rules), warn.go (what is allowed but unwise).
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Config holds every key of contract section 5. Start from New, fill it with DecodeJSON, ApplyEnv or Set, then call
// Validate. It is not safe for concurrent writes; once filled it may be read from anywhere.
type Config struct {
	Telephony  Telephony
	Server     Server
	Stream     Stream
	Twilio     Twilio
	OpenAI     OpenAI
	Calendar   Calendar
	Notify     Notify
	Defaults   Defaults
	Retry      Retry
	Tools      Tools
	Policy     Policy // as written; EffectivePolicy has what applies
	Prices     Prices
	Recording  Recording
	Transcript Transcript
	Tunnel     Tunnel

	Disclosure    string        // first sentence of every call; {userName} is replaced
	ControlPlane  string        // "local", "remote", or the https URL of the remote one, with which the doctor compares notes
	DataDir       string        // folder of the local store; empty: DataDirectory chooses
	MaxSessions   int           // live media sessions per process
	RingTimeout   time.Duration // how long the callee's phone may ring
	SilencePrompt time.Duration // silence of the callee before the agent asks whether they are there
	SilenceHangup time.Duration // silence of the callee before the agent says goodbye
	// BackchannelGuard lets a short, quiet word of the callee's not stop the agent.
	BackchannelGuard bool
	DrainTimeout     time.Duration // how long live calls may last once the process is told to end
	RetentionDays    int           // days until a final call, and what is kept of it, is deleted

	// Cloud is set by the compositions that belong to AWS, never by a key: a calendar bridge or hooks on a loopback or
	// private address cannot be reached from there and is a fault, unless twilio.baseUrl shows that all this is a test.
	Cloud bool

	given map[string]bool // keys set by anyone but New
}

// Telephony selects the phone provider.
type Telephony struct {
	Provider string // "twilio" or "mock"
}

// Server is where webhooks and tools live.
type Server struct {
	PublicBaseURL string // no trailing slash; empty: the site address, which the Caddy module fills in
	Port          int
}

// Stream describes the media hosts.
type Stream struct {
	Hosts  []string // ws(s) bases without trailing slash; empty: derived from Server.PublicBaseURL
	Secret Secret   // key of the HMAC in stream tokens
}

// Twilio is the account that places calls.
type Twilio struct {
	AccountSID              string
	AuthTokens              []Secret // one, or two while rotating; the first signs REST requests, each verifies webhooks
	FromNumber              string   // E.164
	ValidateSignature       bool
	ValidateStreamSignature string // "warn" or "require"
	BaseURL                 string // no trailing slash
}

// OpenAI is the realtime model.
type OpenAI struct {
	APIKey           Secret
	Model            string
	Voice            string
	InputFormat      string // "audio/pcmu", "audio/pcma" or "audio/pcm"
	OutputFormat     string // as InputFormat
	OutputSampleRate int    // hertz; used with audio/pcm only
	BaseURL          string // "/realtime?model=" is appended; no trailing slash
}

// Calendar is the calendar bridge of contract section 3.
type Calendar struct {
	BaseURL string // no trailing slash
	Token   Secret // bearer token; empty: none is sent
}

// Notify is Clawdbot's hook of contract section 4; both URL and token empty: notifications are off.
type Notify struct {
	HooksURL   string // no trailing slash
	HooksToken Secret
	SessionKey string
}

// Enabled says whether notifications are sent.
func (n Notify) Enabled() bool { return n.HooksURL != "" && !n.HooksToken.Empty() }

// Defaults apply to a request that leaves the field out.
type Defaults struct {
	Timezone     string // IANA name; empty: a request must name one
	WorkingHours WorkingHours
}

// WorkingHours are the hours of the day, in a request's time zone, in which an appointment may lie.
type WorkingHours struct {
	Start, End Clock
	Days       []time.Weekday // sorted, without repeats; 0 = Sunday
}

// Retry is the schedule of further attempts.
type Retry struct {
	MaxAttempts   int
	InitialDelay  time.Duration // key retry.initialDelayMs
	BackoffFactor float64
	Statuses      []string // of "busy", "no_answer", "failed", always with underscore
}

// Tools are the callers that may use the tools.
type Tools struct {
	Tokens Tokens
}

// Transcript keeps the timeline of calls: what was said, and what happened when.
type Transcript struct {
	Enabled bool
}

// Recording keeps the audio of calls.
type Recording struct {
	Enabled bool
}

// Tunnel is accepted for the owner's sake and does nothing: Caddy's automatic TLS replaced it.
type Tunnel struct {
	Provider string
}

// New returns a configuration with the default of every key.
func New() *Config {
	c := &Config{given: map[string]bool{}}
	for _, k := range table {
		if k.Default == "" {
			continue
		}
		if err := k.set(c, []string{k.Default}); err != nil {
			// A default that its own setter refuses is a mistake in table.go; the tests construct every one.
			panic(fmt.Sprintf("config: default of %s: %v", k.Path, err)) //nolint:forbidigo // cannot happen, as said
		}
	}
	return c
}

// Load is New, DecodeJSON, ApplyEnv and Validate in that order. document may be empty; lookup is os.LookupEnv, or nil
// for none. The error, if any, is a Faults with everything that was found at once; the configuration is returned with
// it, so that a caller can still show Warnings.
func Load(document []byte, lookup func(string) (string, bool)) (*Config, error) {
	c := New()
	var all Faults
	if len(document) > 0 {
		all = all.with(c.DecodeJSON(document))
	}
	if lookup != nil {
		all = all.with(c.ApplyEnv(lookup))
	}
	all = all.with(c.Validate())
	return c, all.err()
}

// Remote says whether the control plane is elsewhere, and this host holds streams only.
func (c *Config) Remote() bool { return c.ControlPlane != ControlPlaneLocal }

// Given says whether the key at path was set by somebody, rather than left at its default.
func (c *Config) Given(path string) bool { return c.given[path] }

// DataDirectory is DataDir, or the user's data folder: $XDG_DATA_HOME/callagent, else ~/.local/share/callagent. It
// creates nothing.
func (c *Config) DataDirectory() (string, error) {
	if c.DataDir != "" {
		return c.DataDir, nil
	}
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "callagent"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.Join(Fault{Key: "data_dir", Problem: "no home folder is known", Mend: "set data_dir"}, err)
	}
	return filepath.Join(home, ".local", "share", "callagent"), nil
}
