package call

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestHoursContainASlotByTheClockOnTheWall(t *testing.T) {
	la := mustZone(t, "America/Los_Angeles")
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04:05", s, la)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	all := []int{0, 1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name, hours, start string
		length             time.Duration
		days               []int
		want               bool
	}{
		{"first slot of the day", "09:00-17:00", "2026-03-02 09:00:00", time.Hour, all, true},
		{"last slot of the day", "09:00-17:00", "2026-03-02 16:00:00", time.Hour, all, true},
		{"a second too early", "09:00-17:00", "2026-03-02 08:59:59", time.Hour, all, false},
		{"a second too long", "09:00-17:00", "2026-03-02 16:00:01", time.Hour, all, false},
		{"a moment too long", "09:00-17:00", "2026-03-02 16:00:00", time.Hour + time.Millisecond, all, false},
		{"wrong weekday", "09:00-17:00", "2026-03-01 10:00:00", time.Hour, []int{1, 2, 3, 4, 5}, false},
		{"until midnight", "20:00-24:00", "2026-03-02 23:00:00", time.Hour, all, true},
		{"past midnight", "20:00-24:00", "2026-03-02 23:30:00", time.Hour, all, false},
		{"a whole day", "00:00-24:00", "2026-03-02 00:00:00", 24 * time.Hour, all, true},
		{"two days", "00:00-24:00", "2026-03-02 00:00:00", 48 * time.Hour, all, false},
		{"the 23-hour day", "00:00-24:00", "2026-03-08 00:00:00", 23 * time.Hour, all, true},
		{"24 hours on the 23-hour day", "00:00-24:00", "2026-03-08 00:00:00", 24 * time.Hour, all, false},
		{"across the lost hour", "01:00-04:00", "2026-03-08 01:30:00", time.Hour, all, true},
		{"too long across the lost hour", "01:00-04:00", "2026-03-08 01:30:00", 2 * time.Hour, all, false},
		{"the 25-hour day", "00:00-24:00", "2026-11-01 00:00:00", 25 * time.Hour, all, true},
		{"within the hour that comes twice", "01:00-02:00", "2026-11-01 01:30:00", time.Hour, all, true},
	} {
		from, to, _ := strings.Cut(c.hours, "-")
		s := Slot{Start: at(c.start), End: at(c.start).Add(c.length)}
		if got := (WorkingHours{Start: from, End: to, Days: c.days}).Contain(s, la); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if (WorkingHours{Start: "9", End: "17:00", Days: all}).Contain(Slot{Start: t0, End: t0.Add(time.Hour)}, la) {
		t.Error("hours that nobody can read contain a slot")
	}
}

// What the hours contain begins and ends, on the wall, within them.
func TestHoursNeverContainWhatTheWallClockExcludes(t *testing.T) {
	zone := mustZone(t, "Europe/Berlin")
	h := WorkingHours{Start: "08:30", End: "18:00", Days: []int{1, 3, 6, 0}}
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(rapid.Int64Range(1_760_000_000, 1_800_000_000).Draw(t, "start"), 0)
		s := Slot{Start: start, End: start.Add(time.Duration(rapid.IntRange(5, 1440).Draw(t, "minutes")) * time.Minute)}
		from, to := s.Start.In(zone), s.End.In(zone)
		want := from.Format("15:04:05") >= "08:30:00" && to.Format("15:04:05") <= "18:00:00" &&
			from.Format(time.DateOnly) == to.Format(time.DateOnly) && strings.Contains("Sun Mon Wed Sat", from.Format("Mon"))
		if got := h.Contain(s, zone); got != want {
			t.Fatalf("%v to %v: %v", from, to, got)
		}
	})
}

func TestASlotThatMustNotBeBookedIsRefusedInUsableWords(t *testing.T) {
	r := testRequest()
	busy := t0.Add(26 * time.Hour)
	r.Occupied = []Slot{{Start: busy, End: busy.Add(time.Hour)}}
	slot := func(start time.Time) Slot { return Slot{Start: start, End: start.Add(30 * time.Minute)} }
	day := t0.Add(24 * time.Hour)
	for _, c := range []struct {
		name string
		slot Slot
		want string
	}{
		{"free", slot(day), ""},
		{"right after a busy time", slot(busy.Add(time.Hour)), ""},
		{"right before one", slot(busy.Add(-30 * time.Minute)), ""},
		{"past", slot(t0.Add(-time.Hour)), "past"},
		{"now", slot(t0), "past"},
		{"wrong length", Slot{Start: day, End: day.Add(time.Hour)}, "30 minutes"},
		{"after the window", slot(t0.AddDate(0, 0, 14)), "window"},
		{"outside the hours", slot(day.Add(-time.Hour)), "hours"},
		{"weekend", slot(t0.Add(6 * 24 * time.Hour)), "hours"},
		{"occupied", slot(busy.Add(45 * time.Minute)), "busy"},
	} {
		if got := r.checkSlot(c.slot, t0); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	r.WindowStart = day.Add(time.Hour)
	if got := r.checkSlot(slot(day), t0); !strings.Contains(got, "window") {
		t.Errorf("before the window: %q", got)
	}
}

func TestHoursAreReadStrictly(t *testing.T) {
	for s, want := range map[string]int{"00:00": 0, "09:30": 570, "24:00": 1440} {
		if got, err := ClockMinutes(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "9:00", "25:00", "24:01", "09:60", "09:00:00", "noon"} {
		if _, err := ClockMinutes(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	if location("Not/AZone") != time.UTC {
		t.Error("a lost zone must leave the process alive")
	}
}
