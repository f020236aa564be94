package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// EnvPrefix begins every environment variable of ours.
const EnvPrefix = "CALLAGENT_"

// EnvName is the environment variable of a key: the prefix and the path in upper snake case, so that openai.baseUrl
// becomes CALLAGENT_OPENAI_BASE_URL.
func EnvName(path string) string {
	var b strings.Builder
	b.WriteString(EnvPrefix)
	for i, r := range path {
		switch {
		case r == '.':
			b.WriteByte('_')
			continue
		case unicode.IsUpper(r) && i > 0:
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// ApplyEnv overrides keys by environment variables; lookup is os.LookupEnv. A variable that is set but empty counts as
// not set, as compose files leave many so. Lists are separated by commas; tools.tokens may also be a JSON array, the
// only way to write its objects there. The error is a Faults.
func (c *Config) ApplyEnv(lookup func(string) (string, bool)) error {
	var faults Faults
	for _, k := range table {
		value, found := lookup(k.Env())
		if !found || strings.TrimSpace(value) == "" {
			continue
		}
		values := []string{value}
		if k.Kind == KindTokens {
			var err error
			if values, err = tokensFromEnv(value); err != nil {
				faults = append(faults, faultOf(k, err))
				continue
			}
		}
		faults = faults.with(c.Set(k.Path, values))
	}
	return faults.err()
}

// processVariables begin with our prefix and are no keys: the shipped Caddyfile reads LISTEN and ADMIN itself, and
// template.yaml gives the others to what runs on AWS (package cloud).
var processVariables = []string{
	EnvPrefix + "URL", EnvPrefix + "TOKEN", // of the commands call, status, cancel and tail
	EnvPrefix + "LISTEN", EnvPrefix + "ADMIN", EnvPrefix + "PARAMETER", EnvPrefix + "TABLE", EnvPrefix + "ARCHIVE_BUCKET",
	EnvPrefix + "SCHEDULE_GROUP", EnvPrefix + "SCHEDULE_ROLE", EnvPrefix + "SCHEDULE_TARGET", EnvPrefix + "SCHEDULE_DLQ",
}

// UnknownEnv warns of every variable in environ (os.Environ's form) that begins with our prefix and is no key's, each
// with the name that may have been meant: a misspelt variable would otherwise do nothing, silently. No value is
// repeated.
func UnknownEnv(environ []string) []string {
	var out []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		known := slices.Contains(processVariables, name) ||
			slices.ContainsFunc(table, func(k Key) bool { return k.Env() == name })
		if strings.HasPrefix(name, EnvPrefix) && !known {
			out = append(out, fmt.Sprintf("%s: no key has this variable, so it does nothing; did you mean %s?", name, nearestEnv(name)))
		}
	}
	return out
}

func nearestEnv(name string) string {
	best, bestDistance := "", 1<<30
	candidates := slices.Clone(processVariables)
	for _, k := range table {
		candidates = append(candidates, k.Env())
	}
	for _, c := range candidates {
		if d := distance(plain(name), plain(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

func tokensFromEnv(value string) ([]string, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "[") {
		return tokenElements([]byte(value))
	}
	return strings.Split(value, ","), nil
}
