package calendarbridge

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func rapidBridge(t *rapid.T, tb *testing.T) *Bridge {
	dir, err := os.MkdirTemp(tb.TempDir(), "cal")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir, Options{Token: "secret", Location: time.UTC, Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConcurrentCreatesNeverOverlap(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		b := rapidBridge(t, tb)
		defer b.Close()
		starts := rapid.SliceOfN(rapid.IntRange(0, 40), 2, 8).Draw(t, "starts")
		lengths := rapid.SliceOfN(rapid.IntRange(1, 12), len(starts), len(starts)).Draw(t, "lengths")
		booked := make([]bool, len(starts))
		var wg sync.WaitGroup
		for i := range starts {
			wg.Go(func() {
				from := testNow.Add(time.Duration(starts[i]) * 5 * time.Minute)
				to := from.Add(time.Duration(lengths[i]) * 5 * time.Minute)
				code, r := post(tb, b, "create-event", createBody(fmt.Sprint("k", i), stamp(from, time.UTC), stamp(to, time.UTC)))
				if code != 200 || r.OK == (len(r.Conflicts) > 0) {
					tb.Errorf("neither booked nor taken: %d %+v", code, r)
				}
				booked[i] = r.OK
			})
		}
		wg.Wait()
		any := false
		for i := range starts {
			any = any || booked[i]
			for j := range i {
				if booked[i] && booked[j] && starts[i] < starts[j]+lengths[j] && starts[j] < starts[i]+lengths[i] {
					t.Fatalf("%d+%d overlaps %d+%d", starts[i], lengths[i], starts[j], lengths[j])
				}
			}
		}
		if !any {
			t.Fatal("nobody was booked")
		}
	})
}

func TestEveryFoundSlotChecksFreeAndBooks(tb *testing.T) {
	zones := []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"}
	days := []time.Time{testNow, time.Date(2027, 3, 13, 0, 0, 0, 0, time.UTC), time.Date(2027, 11, 6, 12, 0, 0, 0, time.UTC), time.Date(2027, 4, 3, 0, 0, 0, 0, time.UTC)}
	rapid.Check(tb, func(t *rapid.T) {
		b := rapidBridge(t, tb)
		defer b.Close()
		zone, day := rapid.SampledFrom(zones).Draw(t, "zone"), rapid.SampledFrom(days).Draw(t, "day")
		for i := range rapid.IntRange(0, 4).Draw(t, "busy") {
			from := day.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "from")) * time.Minute)
			post(tb, b, "create-event", createBody(fmt.Sprint("busy", i), stamp(from, time.UTC), stamp(from.Add(47*time.Minute), time.UTC)))
		}
		before, length := rapid.IntRange(0, 40).Draw(t, "before"), rapid.IntRange(5, 120).Draw(t, "length")
		_, found := post(tb, b, "find-slots", fmt.Sprintf(`{"windowStart":%q,"windowEnd":%q,"durationMinutes":%d,"timezone":%q,"bufferBeforeMinutes":%d}`,
			stamp(day, time.UTC), stamp(day.Add(36*time.Hour), time.UTC), length, zone, before))
		if !found.OK || len(found.Slots) == 0 || len(found.Slots) > maxSlots {
			t.Fatalf("%+v", found)
		}
		s := rapid.SampledFrom(found.Slots).Draw(t, "slot")
		_, free := post(tb, b, "check-slot", fmt.Sprintf(`{"start":%q,"end":%q,"timezone":%q,"bufferBeforeMinutes":%d}`, s.Start, s.End, zone, before))
		if !free.OK || len(free.Conflicts) > 0 {
			t.Fatalf("%v was found, but %+v", s, free)
		}
		start, err := time.Parse(time.RFC3339, s.Start)
		if err != nil || start.Minute()%min(15, defaultGranularity(time.Duration(length)*time.Minute)) != 0 {
			t.Fatalf("%q is not on the clock: %v", s.Start, err)
		}
		if _, r := post(tb, b, "create-event", createBody("mine", s.Start, s.End)); !r.OK {
			t.Fatalf("%v could not be booked: %+v", s, r)
		}
	})
}

func TestWrittenEventsAreReadBackUnchanged(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		k := booking{createRequest: createRequest{
			CalendarID: primary, Timezone: "UTC", IdempotencyKey: rapid.StringMatching(`[!-~]{1,256}`).Draw(t, "key"),
			Attendees: []attendee{{Email: "ann@example.org", Optional: true}},
		}, loc: time.UTC}
		k.Title = oneLine(rapid.String().Draw(t, "title"), 300)
		k.Description, _ = readText("d", rapid.String().Draw(t, "description"), 0, 4000)
		k.from = time.Unix(rapid.Int64Range(0, 7e9).Draw(t, "from"), 0).UTC()
		k.to = k.from.Add(time.Duration(rapid.IntRange(1, 86400).Draw(t, "seconds")) * time.Second)
		data := insert(emptyCalendar(), k.vevent(testNow))
		for _, line := range strings.Split(string(data), "\r\n") {
			if len(line) > 75 {
				t.Fatalf("a line of %d octets", len(line))
			}
		}
		c, err := parseCalendar(data, time.Local)
		if err != nil || len(c.events) != 1 {
			t.Fatalf("%v in %s", err, data)
		}
		e := c.events[0]
		if e.key != k.IdempotencyKey || e.uid != k.eventID() || e.summary != oneLine(k.Title, 200) || e.zone != "UTC" ||
			!e.start.instant().Equal(k.from) || !e.length.end(e.start).Equal(k.to) {
			t.Fatalf("wrote %+v, read %+v", k, e)
		}
	})
}

func FuzzCalendar(f *testing.F) {
	f.Add([]byte(feedText))
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART;VALUE=DATE:20270301\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1\nEXDATE:20270302\nEND:VEVENT\nEND:VCALENDAR"))
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=\"Pacific Standard Time\":20270301T010101\nRDATE;VALUE=PERIOD:20270301T010101Z/P1DT2H\nRECURRENCE-ID:20270301\nEND:VEVENT\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCalendar(data, time.UTC)
		if err != nil {
			return
		}
		watchdog := time.AfterFunc(30*time.Second, func() { panic(fmt.Sprintf("still expanding %q", data)) })
		defer watchdog.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		busy, err := busyBetween(ctx, []*calendar{c}, testNow, testNow.AddDate(0, 0, 14))
		for _, b := range busy {
			if err == nil && (!b.start.Before(b.end) || !b.overlaps(testNow, testNow.AddDate(0, 0, 14))) {
				t.Fatalf("%+v", b)
			}
		}
		if _, err := parseCalendar(insert(data, booking{loc: time.UTC, from: testNow, to: testNow.Add(time.Hour)}.vevent(testNow)), time.UTC); err != nil {
			t.Fatalf("an event made the file unreadable: %v", err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"calendarIds":["primary"],"windowStart":"2027-03-02T00:00:00Z","windowEnd":"2027-03-03T00:00:00Z","durationMinutes":30,"timezone":"UTC","workingHours":{"start":"09:00","end":"17:00","days":[1]}}`))
	f.Add([]byte(createBody("k", "2027-03-02T12:00:00Z", "2027-03-02T13:00:00Z")))
	f.Add([]byte(`{"attendees":[{"email":"a@b.c","optional":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var find findRequest
		if decode(body, findFields, &find) == nil {
			if ids, s, err := find.read(); err == nil && (len(ids) == 0 || !s.from.Before(s.to) || s.granularity < 5) {
				t.Fatalf("%q became %v %+v", body, ids, s)
			}
		}
		var create createRequest
		if decode(body, createFields, &create) == nil {
			if k, err := create.read(); err == nil && (!k.from.Before(k.to) || k.IdempotencyKey == "" || k.Title == "") {
				t.Fatalf("%q became %+v", body, k)
			}
		}
	})
}

func FuzzRule(f *testing.F) {
	for _, rule := range []string{
		"FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "FREQ=MONTHLY;BYDAY=53FR", "FREQ=MONTHLY;BYDAY=-53SU", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "FREQ=WEEKLY;INTERVAL=10000;BYSETPOS=-366", "FREQ=YEARLY;BYYEARDAY=366,-366;COUNT=2",
	} {
		f.Add(rule)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		watchdog := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("still counting %q", rule)) })
		defer watchdog.Stop()
		e := event{start: moment{wall: time.Date(2020, 2, 29, 10, 11, 12, 0, time.UTC), loc: time.UTC}, length: length{exact: time.Hour}, rules: []string{rule}}
		x := &expansion{from: testNow, to: testNow.AddDate(0, 0, 14)}
		if err := x.event(&e, nil); err != nil && !strings.HasPrefix(err.Error(), "RRULE: ") {
			t.Fatal(err)
		}
	})
}
