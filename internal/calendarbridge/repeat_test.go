package calendarbridge

import (
	"context"
	"strings"
	"testing"
	"time"
)

func expandLines(t testing.TB, zone string, from, to time.Time, lines ...string) []string {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCalendar([]byte("BEGIN:VCALENDAR\r\n"+strings.Join(lines, "\r\n")+"\r\nEND:VCALENDAR"), loc)
	if err != nil {
		t.Fatal(err)
	}
	busy, err := busyBetween(context.Background(), []*calendar{c}, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range busy {
		out = append(out, b.start.UTC().Format("0102T1504")+"-"+b.end.UTC().Format("0102T1504"))
	}
	return out
}

func TestRepetitionsStandWhereTheWallClockPutsThem(t *testing.T) {
	day := func(m time.Month, d int) time.Time { return time.Date(2027, m, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name     string
		from, to time.Time
		event    string
		want     string
	}{
		{
			"daily over the spring change (14 March, New York)", day(3, 13), day(3, 16),
			"DTSTART;TZID=Eastern Standard Time:20270301T090000|DURATION:PT1H|RRULE:FREQ=DAILY", "0313T1400-0313T1500 0314T1300-0314T1400 0315T1300-0315T1400",
		},
		{
			"a repetition in the skipped hour", day(3, 14), day(3, 15),
			"DTSTART;TZID=America/New_York:20270310T023000|DURATION:PT30M|RRULE:FREQ=DAILY", "0314T0730-0314T0800",
		},
		{
			"hourly through the repeated hour (7 November)", time.Date(2027, 11, 7, 4, 30, 0, 0, time.UTC), time.Date(2027, 11, 7, 7, 30, 0, 0, time.UTC),
			"DTSTART;TZID=America/New_York:20271106T000000|DURATION:PT10M|RRULE:FREQ=HOURLY", "1107T0500-1107T0510 1107T0600-1107T0610 1107T0700-1107T0710",
		},
		{"all day of 23 hours in the calendar's zone", day(3, 13), day(3, 16), "DTSTART;VALUE=DATE:20270314", "0314T0500-0315T0400"},
		{"two all days to an exclusive end", day(11, 6), day(11, 10), "DTSTART;VALUE=DATE:20271107|DTEND;VALUE=DATE:20271109", "1107T0400-1109T0500"},
		{"floating in the calendar's zone", day(3, 2), day(3, 3), "DTSTART:20270302T100000|DTEND:20270302T110000", "0302T1500-0302T1600"},
		{
			"UNTIL in UTC is inclusive", day(3, 1), day(3, 9), "DTSTART;TZID=America/New_York:20270301T200000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20270303T010000Z",
			"0302T0100-0302T0200 0303T0100-0303T0200",
		},
		{
			"UNTIL as a date takes the whole day", day(3, 1), day(3, 9), "DTSTART;TZID=America/New_York:20270301T120000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20270302",
			"0301T1700-0301T1800 0302T1700-0302T1800",
		},
		{
			"COUNT, EXDATE and RDATE", day(3, 1), day(3, 20), "DTSTART:20270301T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|EXDATE:20270302T100000Z|RDATE:20270310T100000Z,20270301T100000Z",
			"0301T1000-0301T1100 0303T1000-0303T1100 0310T1000-0310T1100",
		},
		{"EXDATE as a date", day(3, 1), day(3, 4), "DTSTART:20270301T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|EXDATE;VALUE=DATE:20270302", "0301T1000-0301T1100 0303T1000-0303T1100"},
		{
			"an override moves one", day(3, 1), day(3, 20), "DTSTART:20270301T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20270302T100000Z|DTSTART:20270305T100000Z|DURATION:PT2H",
			"0301T1000-0301T1100 0305T1000-0305T1200",
		},
		{
			"a cancelled override frees one", day(3, 1), day(3, 20), "DTSTART:20270301T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20270302T100000Z|DTSTART:20270302T100000Z|STATUS:CANCELLED",
			"0301T1000-0301T1100",
		},
		{"transparent is free", day(3, 1), day(3, 9), "DTSTART:20270302T100000Z|DURATION:PT1H|TRANSP:TRANSPARENT", ""},
		{"cancelled is free", day(3, 1), day(3, 9), "DTSTART:20270302T100000Z|DURATION:PT1H|STATUS:CANCELLED", ""},
		{"a point in time takes none", day(3, 1), day(3, 9), "DTSTART:20270302T100000Z", ""},
	} {
		lines := append([]string{"BEGIN:VEVENT", "UID:u"}, strings.Split(c.event, "|")...)
		if got := strings.Join(expandLines(t, "America/New_York", c.from, c.to, append(lines, "END:VEVENT")...), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheFilesOwnZoneGoesFirst(t *testing.T) {
	from := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	got := expandLines(t, "America/New_York", from, from.AddDate(0, 0, 5), "X-WR-TIMEZONE:Asia/Tokyo", "BEGIN:VEVENT", "UID:u", "DTSTART:20270302T090000", "DURATION:PT1H", "END:VEVENT")
	if len(got) != 1 || got[0] != "0302T0000-0302T0100" {
		t.Error(got)
	}
}

func TestEveryWindowsZoneIsOneOfGos(t *testing.T) {
	for name := range windowsZones {
		if _, err := zoneByID(name); err != nil {
			t.Error(err)
		}
	}
	for id, want := range map[string]string{"/freeassociation.sourceforge.net/Europe/Berlin": "Europe/Berlin", "Etc/UTC": "UTC", "/x/y/America/Indiana/Knox": "America/Indiana/Knox"} {
		if loc, err := zoneByID(id); err != nil || loc.String() != want {
			t.Error(id, loc, err)
		}
	}
	for _, id := range []string{"", "Local", "Berlin", "../../etc/passwd", "Customized Time Zone"} {
		if loc, err := zoneByID(id); err == nil {
			t.Errorf("%q became %v", id, loc)
		}
	}
}

func TestAnHourThatIsNeverReachedIsRefused(t *testing.T) {
	start := moment{wall: testNow, loc: time.UTC} // 12:00
	for rule, fine := range map[string]bool{
		"FREQ=HOURLY;INTERVAL=24;BYHOUR=5": false, "FREQ=HOURLY;INTERVAL=2;BYHOUR=5,7": false,
		"FREQ=HOURLY;INTERVAL=5;BYHOUR=5": true, "FREQ=HOURLY;INTERVAL=2;BYHOUR=6": true,
	} {
		if _, err := readRule(rule, start); (err == nil) != fine {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestRulesThatNeverEndAreStopped(t *testing.T) {
	c, err := parseCalendar([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART:19000101T000000Z\nRRULE:FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50\nEND:VEVENT\nEND:VCALENDAR"), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busyBetween(context.Background(), []*calendar{c}, testNow, testNow.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "too many repetitions") {
		t.Error(err)
	}
}
