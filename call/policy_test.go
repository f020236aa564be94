package call

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCallingHoursGoByTheCalleesWallClock(t *testing.T) {
	day, night, always := CallingHours{8 * 60, 21 * 60}, CallingHours{22 * 60, 6 * 60}, CallingHours{0, 24 * 60}
	for _, c := range []struct {
		name       string
		hours      CallingHours
		zone, t, w string // w is when to dial
	}{
		{"inside", day, "America/Los_Angeles", "2026-03-02T10:00:00-08:00", "2026-03-02T10:00:00-08:00"},
		{"at the very start", day, "America/Los_Angeles", "2026-03-02T08:00:00-08:00", "2026-03-02T08:00:00-08:00"},
		{"a second before it", day, "America/Los_Angeles", "2026-03-02T07:59:59-08:00", "2026-03-02T08:00:00-08:00"},
		{"at the very end", day, "America/Los_Angeles", "2026-03-02T21:00:00-08:00", "2026-03-03T08:00:00-08:00"},
		{"it is day for us and night there", day, "Asia/Tokyo", "2026-03-02T10:00:00-08:00", "2026-03-03T08:00:00+09:00"},
		{"across midnight, before it", night, "Europe/Berlin", "2026-03-02T23:00:00+01:00", "2026-03-02T23:00:00+01:00"},
		{"across midnight, after it", night, "Europe/Berlin", "2026-03-02T05:59:00+01:00", "2026-03-02T05:59:00+01:00"},
		{"across midnight, outside", night, "Europe/Berlin", "2026-03-02T06:00:00+01:00", "2026-03-02T22:00:00+01:00"},
		{"always", always, "Europe/Berlin", "2026-03-02T03:00:00+01:00", "2026-03-02T03:00:00+01:00"},
		{"the zero value is always", CallingHours{}, "Europe/Berlin", "2026-03-02T03:00:00+01:00", "2026-03-02T03:00:00+01:00"},
		{"the night when clocks go forward", day, "America/Los_Angeles", "2026-03-07T22:00:00-08:00", "2026-03-08T08:00:00-07:00"},
		{"the night when clocks go back", day, "America/Los_Angeles", "2026-10-31T22:00:00-07:00", "2026-11-01T08:00:00-08:00"},
		{"an opening that the change skips", CallingHours{2*60 + 30, 12 * 60}, "America/Los_Angeles", "2026-03-07T22:00:00-08:00", "2026-03-08T03:00:00-07:00"},
		{"hours that the change skips whole", CallingHours{2*60 + 10, 2*60 + 50}, "America/Los_Angeles", "2026-03-07T22:00:00-08:00", "2026-03-09T02:10:00-07:00"},
	} {
		at, err1 := time.Parse(time.RFC3339, c.t)
		want, err2 := time.Parse(time.RFC3339, c.w)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got := c.hours.Next(at, location(c.zone)); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

func TestTheNextOpeningIsTheFirstOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := CallingHours{rapid.IntRange(0, dayMinutes-1).Draw(t, "start"), rapid.IntRange(0, dayMinutes).Draw(t, "end")}
		zone := location(rapid.SampledFrom([]string{"America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Berlin", "UTC"}).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "at"), 0)
		next := h.Next(at, zone)
		if next.Before(at) || !h.Contain(next, zone) {
			t.Fatalf("%v from %v: %v", h, at, next)
		}
		for m := at; m.Before(next) && next.Sub(at) < 49*time.Hour; m = m.Add(time.Minute) {
			if m != at && m.Truncate(time.Minute).Before(next) && h.Contain(m.Truncate(time.Minute), zone) && m.Truncate(time.Minute).After(at) {
				t.Fatalf("%v from %v: open at %v, before %v", h, at, m.Truncate(time.Minute), next)
			}
		}
	})
}

func TestARetryWaitsForCallingHours(t *testing.T) {
	r := testRules() // t0 is 09:00 in the callee's zone
	r.Policy.Hours = CallingHours{8 * 60, 9*60 + 1}
	p := start(t, r).claimed().intended().do("busy", Bound{Attempt: 1, ProviderCallID: ca1, At: t0},
		Reported{Attempt: 1, Report: ProviderReport{ProviderCallID: ca1, Status: Busy, Sequence: 1}, At: t0.Add(30 * time.Second)})
	want := time.Date(2026, 3, 3, 8, 0, 0, 0, location("America/Los_Angeles"))
	if p.call.NextAttemptAt == nil || !p.call.NextAttemptAt.Equal(want) || p.call.Status != Queued {
		t.Errorf("%s, next at %v, want %v", p.call.Status, p.call.NextAttemptAt, want)
	}
	if _, claimed := r.Next(p.call, Claimed{ClaimID: "x", At: want.Add(-time.Second)}); claimed {
		t.Error("claimed outside calling hours")
	}
}

func TestAMissedAttemptWaitsForTheNextOpening(t *testing.T) {
	r := testRules()
	r.Policy.Hours = CallingHours{8 * 60, 21 * 60}
	night := time.Date(2026, 3, 2, 23, 0, 0, 0, location("America/Los_Angeles")) // nobody was there all day
	if _, claimed := r.Next(newCall(), Claimed{ClaimID: "x", At: night}); claimed {
		t.Fatal("claimed at night")
	}
	c, changed := r.Next(newCall(), Ticked{At: night})
	want := time.Date(2026, 3, 3, 8, 0, 0, 0, location("America/Los_Angeles"))
	if !changed || !c.NextAttemptAt.Equal(want) || !c.Due.Equal(want) {
		t.Errorf("next %v, due %v", c.NextAttemptAt, c.Due)
	}
	if _, again := r.Next(c, Ticked{At: night.Add(time.Minute)}); again {
		t.Error("a second tick changes it again")
	}
}

func TestACountryThatIsNoLongerAllowedEndsTheCall(t *testing.T) {
	r := testRules()
	r.Policy.Countries = []string{"DE", "US"}
	r.Policy.Home = func() []string { t.Error("countries are set: our own number's do not matter"); return nil }
	c := newCall()
	c.Request.Country = "FR"
	if _, claimed := r.Next(c, Claimed{ClaimID: "x", At: t0}); claimed {
		t.Error("claimed")
	}
	c, _ = r.Next(c, Ticked{At: t0})
	if !c.Final() || c.Status != Failed || c.Outcome != NotBooked || c.Notice == nil || !strings.Contains(c.LastError, "FR; policy.allowed_countries has DE, US") {
		t.Errorf("%s %s: %s", c.Status, c.Outcome, c.LastError)
	}
	if words := r.Policy.destination(Request{}); !strings.Contains(words, "cannot be told") {
		t.Errorf("a number without a country: %q", words)
	}
}

func TestWithoutAListOnlyOurOwnCountryIsCalled(t *testing.T) {
	p := Policy{Home: func() []string { return []string{"US"} }}
	if words := p.destination(Request{Country: "US"}); words != "" {
		t.Errorf("our own: %q", words)
	}
	if words := p.destination(Request{Country: "FR"}); !strings.Contains(words, "FR; policy.allowed_countries has US") {
		t.Errorf("another: %q", words)
	}
}

func TestAProvidersWishToWaitIsRespected(t *testing.T) {
	p := start(t, testRules()).claimed().intended().do("rate limited", Refused{Attempt: 1, RetryAfter: time.Hour, Words: "Too many requests.", At: t0.Add(time.Second)})
	if want := t0.Add(time.Second + time.Hour); !p.call.NextAttemptAt.Equal(want) {
		t.Errorf("next at %v, want %v", p.call.NextAttemptAt, want)
	}
}

func TestAPostponedAttemptWaitsAndSaysWhatFor(t *testing.T) {
	r := testRules()
	c, _ := r.Next(newCall(), Postponed{Until: t0.Add(time.Minute), Words: "The model does not answer.", At: t0})
	if !c.NextAttemptAt.Equal(t0.Add(time.Minute)) || c.trouble() != "The model does not answer." {
		t.Errorf("%v %q", c.NextAttemptAt, c.trouble())
	}
	c, claimed := r.Next(c, Claimed{ClaimID: "x", At: t0.Add(time.Minute)})
	if !claimed || c.trouble() != "" {
		t.Errorf("claimed %t, still says %q", claimed, c.trouble())
	}
	c = newCall()
	c.Request.WindowEnd = t0.Add(time.Minute)
	c, _ = r.Next(c, Postponed{Until: t0.Add(2 * time.Minute), Words: "no place is free", At: t0})
	if !c.Final() || !strings.Contains(c.LastError, "window ends") || !strings.Contains(c.LastError, "no place is free") {
		t.Errorf("%s: %q", c.Status, c.LastError)
	}
}

func TestTheDayIsThatOfItsZone(t *testing.T) {
	p := Policy{Day: location("America/Los_Angeles")}
	at := time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC) // 23:30 on the day before the clocks go back
	if p.day(at) != "2026-10-31" || p.tomorrow(at).Sub(at) != 30*time.Minute {
		t.Errorf("%s, %v", p.day(at), p.tomorrow(at))
	}
	at = at.Add(time.Hour)
	if p.day(at) != "2026-11-01" || p.tomorrow(at).Sub(at) != 24*time.Hour+30*time.Minute {
		t.Errorf("a day of 25 hours: %s, %v", p.day(at), p.tomorrow(at))
	}
	if (Policy{}).day(at) != "2026-11-01" {
		t.Error("without a zone it is UTC's")
	}
}
