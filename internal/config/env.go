package config

import (
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

func tokensFromEnv(value string) ([]string, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "[") {
		return tokenElements([]byte(value))
	}
	return strings.Split(value, ","), nil
}
