package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would.
const redacted = "redacted"

// Secret is a string that prints as "redacted" through fmt (every verb), slog and JSON. The zero value is the empty
// secret. It is held behind a pointer, because fmt ignores methods of values in unexported fields and would print a
// plain string there.
type Secret struct {
	value *string
}

// NewSecret wraps s; the empty string gives the empty secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the secret itself: for a header or a key, never for a message.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.value == nil }

// String is "redacted".
func (Secret) String() string { return redacted }

// GoString is "redacted".
func (Secret) GoString() string { return redacted }

// Format writes "redacted" for every verb and flag; without it %d or %x would reach into the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON is "redacted" in quotes.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "redacted", for encoders that prefer text.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is "redacted", for slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
