package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
)

// checkConfiguration names every fault at once, then what is allowed but unwise.
func checkConfiguration(_ context.Context, p *patient) Check {
	var keys, mends []string
	for _, f := range p.Faults {
		keys = append(keys, f.Key)
		mends = append(mends, fmt.Sprintf("%s %s; %s%s", f.Key, f.Problem, f.Mend, orVariable(f)))
	}
	mends = append(mends, p.Warnings...)
	switch {
	case len(keys) > 0:
		return failed(fmt.Sprintf("%s: %s", p.Source, many(len(keys), "fault")+": "+strings.Join(keys, ", ")), strings.Join(mends, "\n"))
	case p.config == nil:
		return failed(p.Source+" could not be read", "mend the file")
	case len(mends) > 0:
		return warning(p.Source+": complete, with "+many(len(mends), "warning"), strings.Join(mends, "\n"))
	}
	return fine(p.Source + ": complete")
}

// orVariable names the variable that sets a key, unless the mend does, and what the key is
// where the mend only says that a variable is missing.
func orVariable(f config.Fault) string {
	k, known := config.Lookup(f.Key)
	switch {
	case !known:
		return ""
	case !strings.Contains(f.Problem+f.Mend, k.Env()):
		return " (or set " + k.Env() + ")"
	case !strings.Contains(f.Mend, "write "):
		return " (" + k.Doc + ")"
	}
	return ""
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func checkTokens(_ context.Context, p *patient) Check {
	var names, weak []string
	for _, t := range p.config.Tools.Tokens {
		scopes := make([]string, len(t.Scopes))
		for i, s := range t.Scopes {
			scopes[i] = string(s)
		}
		names = append(names, fmt.Sprintf("%s (%s)", t.Name, strings.Join(scopes, " ")))
		if t.Weak() {
			weak = append(weak, t.Name)
		}
	}
	finding := many(len(names), "token") + ": " + strings.Join(names, ", ")
	if len(weak) > 0 {
		return warning(finding+"; too short to resist guessing: "+strings.Join(weak, ", "),
			"replace each by the output of openssl rand -hex 32: whoever guesses one places calls in your name")
	}
	return fine(finding)
}

func checkPolicy(_ context.Context, p *patient) Check {
	policy := p.config.EffectivePolicy()
	countries := strings.Join(policy.AllowedCountries, " ")
	switch {
	case countries != "":
	case p.mock():
		countries = "any country"
	default:
		countries = "the country of twilio.fromNumber"
	}
	hours := policy.CallingHours.String() + " in the callee's zone"
	if policy.CallingHours.Always() {
		hours = "at any hour"
	}
	finding := fmt.Sprintf("calls %s, %s; %s", countries, hours, caps(policy))
	if !policy.Dialling {
		return warning("policy.dialling is off, so no call is placed; otherwise: "+finding, "set policy.dialling on (CALLAGENT_POLICY_DIALLING=on)")
	}
	return fine(finding)
}

// caps are the limits that are set.
func caps(p config.Policy) string {
	var all []string
	for _, limit := range []struct {
		n          int
		what, when string
	}{
		{p.MaxCallsPerDay, "call", "a day"},
		{p.MaxAttemptsPerNumberPerDay, "attempt", "a day to one number"},
		{p.MaxConcurrent, "call", "at once"},
		{p.MaxCallSeconds, "second", "each"},
	} {
		if limit.n > 0 {
			all = append(all, many(limit.n, limit.what)+" "+limit.when)
		}
	}
	if len(all) == 0 {
		return "without limits"
	}
	return "at most " + strings.Join(all, ", ")
}

// someZones are spread over the rules that zone data must know: both hemispheres, half hours, no DST.
var someZones = []string{"America/Los_Angeles", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"}

func checkZones(_ context.Context, p *patient) Check {
	zones := someZones
	if z := p.config.Defaults.Timezone; z != "" {
		zones = append([]string{z}, zones...)
	}
	for _, z := range zones {
		if _, err := time.LoadLocation(z); err != nil {
			return failed("there is no data of the zone "+z, "install the system's time zone data (package tzdata), or use the callagent binary, which carries it")
		}
	}
	if p.config.Defaults.Timezone == "" {
		return warning("zone data is there; defaults.timezone is not set, so every request must name its time zone",
			"set defaults.timezone to yours, such as America/Los_Angeles (or set CALLAGENT_DEFAULTS_TIMEZONE)")
	}
	return fine("zone data is there; requests that name no time zone mean " + p.config.Defaults.Timezone)
}
