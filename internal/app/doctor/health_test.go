package doctor

import (
	"strings"
	"testing"
	"unicode"
)

func TestReadingHealth(t *testing.T) {
	for body, want := range map[string]struct {
		ours bool
		h    health
		why  string
	}{
		`{"ok":true}`:                {true, health{OK: true}, ""},
		`{"ok":true,"config":"abc"}`: {true, health{OK: true, Config: "abc"}, ""},
		`{"ok":false,"reasons":{"b":"no room","a":"x\u001b[2J"}}`: {true, health{}, "a: x [2J; b: no room"},
		`{"ok":false}`: {true, health{}, ""},
		`{}`:           {}, `null`: {}, `[]`: {}, ``: {}, `<html>ok</html>`: {}, `{"ok":"true"}`: {}, `{"ok":true,"reasons":["x"]}`: {},
	} {
		h, ours := readHealth([]byte(body))
		if ours != want.ours || h.OK != want.h.OK || h.Config != want.h.Config || h.why() != want.why {
			t.Errorf("%s: %+v, ours %t, %q", body, h, ours, h.why())
		}
	}
}

// Whatever answers at the public address, what is printed of it is one short line.
func FuzzHealth(f *testing.F) {
	f.Add([]byte(`{"ok":false,"config":"h","reasons":{"model":"the model\u0007 does not answer","\u202e":"\r\n"}}`))
	f.Add([]byte(`{"ok":true}`))
	f.Add([]byte(`{"ok":null}`))
	f.Add([]byte(`{"ok":false,"reasons":{"a":"` + strings.Repeat("x", 5000) + `"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, ours := readHealth(body)
		if !ours && (h.OK || h.Config != "" || h.Reasons != nil) {
			t.Errorf("of what is not ours it knows %+v", h)
		}
		line := h.why()
		if len([]rune(line)) > (mostReasons+1)*(longReason+2) {
			t.Errorf("%d characters", len([]rune(line)))
		}
		for _, r := range line {
			if unicode.IsControl(r) {
				t.Errorf("%q holds %U", line, r)
			}
		}
	})
}
