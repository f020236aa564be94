package realtime

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzUpgradeRefusal: whatever a service answers to the upgrade, its code is short text
// that a log or a metric can hold.
func FuzzUpgradeRefusal(f *testing.F) {
	for _, body := range []string{
		`{"error":{"code":"invalid_api_key"}}`, `{"error":{"code":7}}`, `{"error":"x"}`, `<html>`, ``, `{"error":{"code":"`,
		`{"error":{"code":"` + strings.Repeat("x", 5000) + `"}}`, `{"error":{"code":"` + strings.Repeat("x", 63) + `ü"}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if code := bodyCode(strings.NewReader(body)); len(code) > 64 || !utf8.ValidString(code) {
			t.Errorf("%q gives the code %q", body, code)
		}
	})
}
