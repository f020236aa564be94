package call

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTheBookingKeyDependsOnWhatIsBookedAndOnNothingElse(t *testing.T) {
	s := Slot{Start: t0, End: t0.Add(time.Hour)}
	key := BookingKey("call-1", "primary", s)
	zone := mustZone(t, "Asia/Tokyo")
	if key != BookingKey("call-1", "primary", Slot{Start: s.Start.In(zone), End: s.End.In(zone)}) {
		t.Error("the zone in which a slot is written changes the key")
	}
	for name, other := range map[string]string{
		"call": BookingKey("call-2", "primary", s), "calendar": BookingKey("call-1", "work", s),
		"start": BookingKey("call-1", "primary", Slot{Start: t0.Add(time.Second), End: s.End}), "end": BookingKey("call-1", "primary", Slot{Start: t0, End: t0.Add(2 * time.Hour)}),
		"shifted fields": BookingKey("call-1p", "rimary", s),
	} {
		if other == key {
			t.Errorf("another %s has the same key", name)
		}
	}
}

func TestPlainTextIsOneLineWithoutURL(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  two\n\tlines\r\n": "two lines", "see https://evil.example/x now": "see now", "HTTP://X.EXAMPLE": "", "(www.evil.example)": "",
		"www.evil.example": "", "mailto:a@b.example": "", "JavaScript:alert(1)": "", "bell\x07 \x1b[31mred": "bell [31mred", "a\u2028b\u0085c": "a b c",
		"Dr. Lee at 3 p.m.": "Dr. Lee at 3 p.m.", "https:\xff//evil.example": "", "w\xffww.evil.example": "", "\u202egnirts": "gnirts", "naïve ☎": "naïve ☎",
	} {
		if got := PlainText(in, 100); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := PlainText("abcdef", 4); got != "abc…" {
		t.Errorf("cut to %q", got)
	}
}

func TestPlainTextHoldsForAnyText(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"https://", "www.", "\xff", "\n", " ", "mailto:", "\u2029", "\u202e"}))
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(word, 0, 8).Draw(t, "text"), "")
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		out := PlainText(in, limit)
		if utf8.RuneCountInString(out) > limit || !utf8.ValidString(out) {
			t.Fatalf("%q is longer than %d, or no UTF-8", out, limit)
		}
		low := strings.ToLower(out)
		if strings.Contains(low, "://") || strings.Contains(low, "www.") || strings.HasPrefix(low, "mailto:") {
			t.Fatalf("%q holds a URL", out)
		}
		for _, r := range out {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q holds control character %U", out, r)
			}
		}
		if PlainText(out, limit) != out {
			t.Fatalf("%q is not plain to itself", out)
		}
	})
}
