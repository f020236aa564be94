package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what values a key takes.
type Kind string

// The kinds of keys.
const (
	KindString   Kind = "string"
	KindURL      Kind = "url"      // a string whose trailing slashes are dropped
	KindInt      Kind = "int"      // a whole number, 0 or more
	KindFloat    Kind = "float"    // a number
	KindBool     Kind = "bool"     // true, false, on, off
	KindDuration Kind = "duration" // "25s", "2m", or a number of the key's unit
	KindClock    Kind = "clock"    // HH:MM
	KindHours    Kind = "hours"    // HH:MM-HH:MM
	KindList     Kind = "list"     // any number of words, also comma separated
	KindTokens   Kind = "tokens"   // any number of tool tokens, see ParseToken
)

// Key describes one configuration key.
type Key struct {
	Path    string // as in contract section 5, such as "openai.baseUrl"
	Kind    Kind
	Secret  bool     // in a Caddyfile only {env.*} or {file.*}, never a literal
	Choices []string // the only values taken; empty: any
	Default string   // as one would write it; empty: none
	Doc     string   // one line

	set func(*Config, []string) error
}

// Many says whether the key takes more than one value.
func (k Key) Many() bool { return k.Kind == KindList || k.Kind == KindTokens }

// Env is the environment variable that overrides the key, see EnvName.
func (k Key) Env() string { return EnvName(k.Path) }

func (k Key) secret() Key { k.Secret = true; return k }

func (k Key) oneOf(choices ...string) Key {
	k.Choices = choices
	inner := k.set
	k.set = func(c *Config, values []string) error {
		for _, v := range values {
			if !slices.Contains(choices, v) {
				return fmt.Errorf("%q is not among its values; use one of %s", v, strings.Join(choices, ", "))
			}
		}
		return inner(c, values)
	}
	return k
}

// scalar makes a key of one value out of a parser and the field it fills.
func scalar[T any](path string, kind Kind, def, doc string, parse func(string) (T, error), field func(*Config) *T) Key {
	return Key{Path: path, Kind: kind, Default: def, Doc: doc, set: func(c *Config, values []string) error {
		if len(values) != 1 {
			return fmt.Errorf("takes one value, %d were given; leave one", len(values))
		}
		v, err := parse(strings.TrimSpace(values[0]))
		if err == nil {
			*field(c) = v
		}
		return err
	}}
}

// list makes a key of many values; each may itself be a comma-separated list.
func list[T any](path, def, doc string, parse func(string) (T, error), field func(*Config) *[]T) Key {
	return Key{Path: path, Kind: KindList, Default: def, Doc: doc, set: func(c *Config, values []string) error {
		out := []T{}
		for _, v := range strings.Split(strings.Join(values, ","), ",") {
			if v = strings.TrimSpace(v); v == "" {
				continue
			}
			parsed, err := parse(v)
			if err != nil {
				return err
			}
			out = append(out, parsed)
		}
		*field(c) = out
		return nil
	}}
}

func asString(s string) (string, error) { return s, nil }
func asURL(s string) (string, error)    { return strings.TrimRight(s, "/"), nil }
func asSecret(s string) (Secret, error) { return NewSecret(s), nil }
func asUpper(s string) (string, error)  { return strings.ToUpper(s), nil }

func asInt(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%q is not a whole number; write digits, such as 3", s)
	}
	return n, nil
}

func asFloat(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%q is not a number; write one such as 2 or 1.5", s)
	}
	return f, nil
}

func asBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "yes":
		return true, nil
	case "false", "off", "no":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false; write true or false", s)
}

// asDuration reads a Go duration, or a plain number of the key's own unit.
func asDuration(unit time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if n, numErr := strconv.ParseInt(s, 10, 32); numErr == nil {
			d, err = time.Duration(n)*unit, nil
		}
		if err != nil || d < 0 || d > 365*24*time.Hour {
			return 0, fmt.Errorf("%q is not a duration; write one such as 25s or 2m, or a number of %v", s, unitName(unit))
		}
		return d, nil
	}
}

func unitName(unit time.Duration) string {
	if unit == time.Millisecond {
		return "milliseconds"
	}
	return "seconds"
}

func asStatus(s string) (string, error) {
	// The owner writes no-answer, the contract's status is no_answer: both mean the same (contract section 5).
	status := strings.ReplaceAll(s, "-", "_")
	if !slices.Contains([]string{"busy", "no_answer", "failed"}, status) {
		return "", fmt.Errorf("%q cannot be retried; use busy, no-answer, failed", s)
	}
	return status, nil
}

func asWeekday(s string) (time.Weekday, error) {
	if len(s) != 1 || s[0] < '0' || s[0] > '6' {
		return 0, fmt.Errorf("%q is not a day; write 0 (Sunday) to 6 (Saturday)", s)
	}
	return time.Weekday(s[0] - '0'), nil
}
