// Package documenttest makes configuration documents for tests.
package documenttest

import (
	"encoding/json"
	"strings"
	"testing"
)

// New is a document that functions take; change replaces its top-level keys.
func New(t testing.TB, change map[string]any) []byte {
	t.Helper()
	d := map[string]any{
		"telephony": map[string]any{"provider": "twilio"},
		"stream":    map[string]any{"hosts": []string{"wss://a.example.org", "wss://b.example.org"}, "secret": strings.Repeat("s", 32)},
		"twilio":    map[string]any{"accountSid": "AC" + strings.Repeat("0", 32), "authToken": "token", "fromNumber": "+14155550100"},
		"openai":    map[string]any{"apiKey": "sk-hidden"},
		"calendar":  map[string]any{"baseUrl": "https://calendar.example.org"},
		"tools":     map[string]any{"tokens": []any{"a tool token of sufficient length"}},
		"defaults":  map[string]any{"timezone": "Europe/Berlin"},
	}
	for k, v := range change {
		d[k] = v
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
