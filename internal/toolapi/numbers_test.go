package toolapi

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestNumbersThatMayBeCalled(t *testing.T) {
	tests := []struct{ to, zone string }{
		{"+14155550123", ""}, // a fictitious number; the US have several zones
		{"+18005550123", ""},
		{"+16135550123", ""}, // Canada, too
		{"+18765550123", "America/Jamaica"},
		{"+4930123456", "Europe/Berlin"},
		{"+442079460958", "Europe/London"},
		{"+447400123456", "Europe/London"}, // by the prefix alone it might be Guernsey's
		{"+390612345678", "Europe/Rome"},
		{"+212522123456", "Africa/Casablanca"},
		{"+81312345678", "Asia/Tokyo"},
		{"+61212345678", ""},
		{"+5511987654321", ""},
	}
	for _, tt := range tests {
		n := Numbers{}.Inspect(tt.to)
		if n.E164 != tt.to || n.Problem != "" || n.Forbidden != "" {
			t.Errorf("%s: %+v", tt.to, n)
		}
		if single := len(n.Zones) == 1; single != (tt.zone != "") || (single && n.Zones[0] != tt.zone) {
			t.Errorf("%s: zones %v, want %q", tt.to, n.Zones, tt.zone)
		}
	}
}

func TestNumbersThatAreNeverCalled(t *testing.T) {
	tests := []struct{ words, numbers string }{
		{sayEmergency, "911 112 999 +911 +112 +1911 +44999 +49110 110"},
		{sayShort, "411 +1411 12345 +49116117 +498001 +14159110123 +19115550123 +12"},
		{sayPremium, "+19005550123 +19001234567 +14159761234 +449012345678 +979123456789 +499001234567"},
		{sayShared, "+49180512345 +80812345678"},
		{saySatellite, "+870773111632 +881612345678 +88213123456 +883510012345"},
	}
	for _, tt := range tests {
		for _, to := range strings.Fields(tt.numbers) {
			if n := (Numbers{}).Inspect(to); n.Forbidden != tt.words || n.Problem != "" {
				t.Errorf("%s: %+v, want %q", to, n, tt.words)
			}
		}
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	for _, to := range []string{"", "+", "hello", "4155550123", "004930123456", "+1 415 555 0123", "+1-415-555-0123", "+1415555012", "+141555501234", "+99912345678", "+14155550123x5", "+1415555012٣", "+14155550123;ext=1", "tel:+14155550123", "sip:a@b"} {
		if n := (Numbers{}).Inspect(to); n.Problem == "" || n.E164 != "" {
			t.Errorf("%q: %+v", to, n)
		}
	}
	if p := (Numbers{}).Inspect("+1 (415) 555-0123").Problem; !strings.Contains(p, "did you mean +14155550123?") {
		t.Errorf("%q says no mend", p)
	}
	if n := (Numbers{}).Inspect(" +4401632960123 "); n.E164 != "+441632960123" {
		t.Errorf("%+v is not canonical", n)
	}
}

func TestTheZonesWeNameExist(t *testing.T) {
	for region, zone := range regionZone {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Errorf("%s: %v", region, err)
		}
	}
}

var anyE164 = regexp.MustCompile(`^\+?[0-9]{1,15}$`)

func TestEveryNumberIsCanonicalOrAProblem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.OneOf(rapid.StringMatching(`\+[0-9]{1,16}`), rapid.String()).Draw(t, "to")
		n := Numbers{}.Inspect(to)
		if (n.Problem == "") == (n.E164 == "") {
			t.Fatalf("%q: %+v", to, n)
		}
		if n.E164 != "" && !anyE164.MatchString(n.E164) {
			t.Fatalf("%q became %q", to, n.E164)
		}
		if n.E164 != "" && n.Forbidden == "" {
			if again := (Numbers{}).Inspect(n.E164); again.E164 != n.E164 || again.Problem != "" || again.Forbidden != "" || !slices.Equal(again.Zones, n.Zones) {
				t.Fatalf("%q: %+v, then %+v", to, n, again)
			}
		}
	})
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"+14155550123", "911", "+881612345678", "+1 (415) 555-0123", "+", "\xff", "+390", "+1900"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, to string) {
		if n := (Numbers{}).Inspect(to); (n.Problem == "") == (n.E164 == "") {
			t.Errorf("%q: %+v", to, n)
		}
	})
}
