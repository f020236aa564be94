package calendarbridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNow is a Monday.
var testNow = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, change func(*Options)) *Bridge {
	t.Helper()
	o := Options{Token: "secret", Location: time.UTC, Now: func() time.Time { return testNow }}
	if change != nil {
		change(&o)
	}
	b, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

type reply struct {
	OK                                               bool
	Error, EventID, CalendarID, Start, End, Timezone string
	WindowStart, WindowEnd                           string
	Slots, Alternatives                              []slotJSON
	Conflicts                                        []conflictJSON
}

func post(t testing.TB, b *Bridge, call, body string) (int, reply) {
	t.Helper()
	req := httptest.NewRequest("POST", "/calendar/"+call, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	rec := httptest.NewRecorder()
	b.ServeHTTP(rec, req)
	var r reply
	if err := json.Unmarshal(rec.Body.Bytes(), &r); err != nil {
		t.Fatalf("%s answered %d %q: %v", call, rec.Code, rec.Body, err)
	}
	return rec.Code, r
}

func createBody(key, start, end string) string {
	return fmt.Sprintf(`{"calendarId":"primary","start":%q,"end":%q,"timezone":"America/Los_Angeles","title":"Haircut; with, Ann\\n","idempotencyKey":%q}`, start, end, key)
}

func putFile(t testing.TB, path string, lines ...string) {
	t.Helper()
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCreatedEventIsBusyInTheFeedAndSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	body := createBody("k1", "2027-03-02T10:00:00-08:00", "2027-03-02T10:30:00-08:00")
	code, first := post(t, b, "create-event", body)
	if code != 200 || !first.OK || first.EventID == "" || first.Start != "2027-03-02T10:00:00-08:00" || first.CalendarID != "primary" || first.Timezone != "America/Los_Angeles" {
		t.Fatalf("got %d %+v", code, first)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second process got the folder: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tempPrefix+"crash"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir, nil)
	if _, err := os.Stat(filepath.Join(dir, tempPrefix+"crash")); !os.IsNotExist(err) {
		t.Error("the left-over of a crash is still there")
	}
	// The same instants in another zone are the same request.
	code, again := post(t, b, "create-event", createBody("k1", "2027-03-02T18:00:00Z", "2027-03-02T18:30:00Z"))
	if code != 200 || again.EventID != first.EventID || again.Start != first.Start {
		t.Fatalf("got %d %+v", code, again)
	}
	if code, r := post(t, b, "create-event", createBody("k1", "2027-03-02T19:00:00Z", "2027-03-02T19:30:00Z")); code != 409 || r.OK {
		t.Errorf("key at another time: %d %+v", code, r)
	}
	if code, r := post(t, b, "create-event", createBody("k2", "2027-03-02T18:29:00Z", "2027-03-02T19:00:00Z")); code != 200 || r.OK || len(r.Conflicts) != 1 || r.Conflicts[0].Summary == "" {
		t.Errorf("taken slot: %d %+v", code, r)
	}
	_, chk := post(t, b, "check-slot", `{"calendarIds":["primary"],"start":"2027-03-02T10:00:00-08:00","end":"2027-03-02T10:30:00-08:00","timezone":"America/Los_Angeles"}`)
	if !chk.OK || len(chk.Conflicts) != 1 || len(chk.Alternatives) != 3 || chk.Alternatives[0].Start != "2027-03-02T09:00:00-08:00" && chk.Alternatives[0].Start != "2027-03-02T09:30:00-08:00" {
		t.Errorf("check-slot: %+v", chk)
	}
	data, err := os.ReadFile(filepath.Join(dir, "primary.ics"))
	if err != nil || strings.Count(string(data), "BEGIN:VEVENT") != 1 || !strings.Contains(string(data), "DTSTART:20270302T180000Z") {
		t.Errorf("file: %s %v", data, err)
	}
}

func TestConcurrentCreatesWithOneKeyMakeOneEvent(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			_, r := post(t, b, "create-event", createBody("same", "2027-03-02T18:00:00Z", "2027-03-02T18:30:00Z"))
			ids[i] = r.EventID
		})
	}
	wg.Wait()
	data, _ := b.store.read(primary)
	if n := bytes.Count(data, []byte("BEGIN:VEVENT")); n != 1 {
		t.Errorf("%d events", n)
	}
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids differ: %q", ids)
		}
	}
}

func TestRefusalsSayHowToMend(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	find := func(extra string) string {
		return `{"windowStart":"2027-03-02T00:00:00Z","windowEnd":"2027-03-03T00:00:00Z","durationMinutes":30,"timezone":"UTC"` + extra + `}`
	}
	for _, c := range []struct {
		call, body string
		code       int
		want       string
	}{
		{"find-slots", find(`,"windowstart":"x"`), 400, `unknown field "windowstart"; the fields are calendarIds`},
		{"find-slots", find(`,"timezone":"UTC"`), 400, "stands twice"},
		{"find-slots", find(`,"calendarIds":["../etc"]`), 400, "not a calendar name"},
		{"find-slots", find(`,"calendarIds":["work"]`), 404, "does not exist"},
		{"find-slots", find(`,"granularityMinutes":1`), 400, "5 to 1440"},
		{"find-slots", find(`,"bufferBeforeMinutes":-1`), 400, "bufferBeforeMinutes"},
		{"find-slots", find(`,"workingHours":{"start":"17:00","end":"09:00","days":[1]}`), 400, "after workingHours.start"},
		{"find-slots", find(`,"workingHours":{"start":"09:00","end":"17:00","days":[7]}`), 400, "0 (Sunday)"},
		{"find-slots", find(`,"workingHours":{"from":"09:00"}`), 400, `"workingHours.from"`},
		{"find-slots", find(`,"attendees":[{"email":"nobody"}]`), 400, "not an address"},
		{"find-slots", find(`,"bufferAfterMinutes":"5"`), 400, "bufferAfterMinutes has the wrong type"},
		{"find-slots", find("") + "{}", 400, "nothing after it"},
		{"find-slots", "[]", 400, "one JSON object"},
		{"find-slots", strings.Repeat(" ", maxBody+1), 413, "shorten"},
		{"check-slot", `{"start":"2027-03-02T10:00:00","end":"2027-03-02T11:00:00Z","timezone":"UTC"}`, 400, "with offset"},
		{"check-slot", `{"start":"2027-03-02T10:00:00Z","end":"2027-03-02T10:00:00Z","timezone":"UTC"}`, 400, "end must be after start"},
		{"check-slot", `{"start":"2027-03-02T10:00:00.5Z","end":"2027-03-02T11:00:00Z","timezone":"UTC"}`, 400, "whole second"},
		{"check-slot", `{"start":"2027-03-02T10:00:00Z","end":"2027-03-02T11:00:00Z","timezone":"Mars/Base"}`, 400, "IANA"},
		{"create-event", `{"start":"2027-03-02T10:00:00Z","end":"2027-03-02T11:00:00Z","timezone":"UTC","title":"x"}`, 400, "idempotencyKey"},
		{"create-event", `{"start":"2027-03-02T10:00:00Z","end":"2027-03-02T11:00:00Z","timezone":"UTC","title":"","idempotencyKey":"k"}`, 400, "title"},
		{"move-event", `{}`, 404, "is not served"},
	} {
		if code, r := post(t, b, c.call, c.body); code != c.code || r.OK || !strings.Contains(r.Error, c.want) {
			t.Errorf("%s %s: got %d %q, want %d %q", c.call, clip(c.body, 200), code, r.Error, c.code, c.want)
		}
	}
}

func TestTokenIsAskedForAndTheFeedTakesItInTheQuery(t *testing.T) {
	b := open(t, t.TempDir(), nil)
	for _, c := range []struct {
		method, path, bearer string
		code                 int
	}{
		{"POST", "/calendar/find-slots", "", 401},
		{"POST", "/calendar/find-slots", "wrong", 401},
		{"POST", "/calendar/find-slots?token=secret", "", 401},
		{"POST", "/calendar/find-slots", "secret", 415},
		{"GET", "/calendar/primary.ics", "", 401},
		{"GET", "/calendar/primary.ics?token=wrong", "", 401},
		{"GET", "/calendar/primary.ics?token=secret", "", 200},
		{"GET", "/calendar/primary.ics", "secret", 200},
		{"GET", "/calendar/.lock", "secret", 404},
		{"GET", "/calendar/work.ics", "secret", 404},
		{"GET", "/calendar/..%2f..%2fetc%2fpasswd.ics", "secret", 404},
	} {
		req := httptest.NewRequest(c.method, c.path, strings.NewReader("{}"))
		if c.bearer != "" {
			req.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		rec := httptest.NewRecorder()
		b.ServeHTTP(rec, req)
		if rec.Code != c.code {
			t.Errorf("%s %s %q: %d, want %d", c.method, c.path, c.bearer, rec.Code, c.code)
		}
		if c.code == 200 && (!strings.HasPrefix(rec.Header().Get("Content-Type"), "text/calendar") || !strings.HasPrefix(rec.Body.String(), "BEGIN:VCALENDAR")) {
			t.Errorf("%s: %v %q", c.path, rec.Header(), rec.Body)
		}
	}
}

func TestFoundSlotsKeepWorkingHoursBuffersAndTheClock(t *testing.T) {
	dir := t.TempDir()
	putFile(t, filepath.Join(dir, "primary.ics"), "BEGIN:VEVENT", "UID:a", "DTSTART;TZID=America/Los_Angeles:20270301T100000",
		"DTEND;TZID=America/Los_Angeles:20270301T110000", "SUMMARY:Dentist", "END:VEVENT")
	b := open(t, dir, func(o *Options) { o.Now = func() time.Time { return time.Date(2027, 3, 1, 17, 10, 0, 0, time.UTC) } }) // 09:10
	_, r := post(t, b, "find-slots", `{"calendarIds":["primary"],"windowStart":"2027-02-20T00:00:00-08:00","windowEnd":"2027-03-02T00:00:00-08:00",
		"durationMinutes":30,"timezone":"America/Los_Angeles","bufferAfterMinutes":15,"bufferBeforeMinutes":10,
		"workingHours":{"start":"09:00","end":"12:30","days":[1]}}`)
	var starts []string
	for _, s := range r.Slots {
		starts = append(starts, s.Start)
	}
	// 09:30 would end at 10:00, within the buffer of the dentist; 11:00 begins within it.
	if got := fmt.Sprint(starts); got != "[2027-03-01T11:30:00-08:00 2027-03-01T12:00:00-08:00]" {
		t.Error(got, r.Error)
	}
	if r.WindowStart != "2027-03-01T09:10:00-08:00" {
		t.Error("window searched from", r.WindowStart)
	}
	_, r = post(t, b, "find-slots", `{"windowStart":"2027-03-02T09:00:00-08:00","windowEnd":"2027-03-02T10:00:00-08:00","durationMinutes":15,"timezone":"America/Los_Angeles"}`)
	if len(r.Slots) != 4 {
		t.Errorf("default granularity of a short appointment: %+v", r.Slots)
	}
	_, r = post(t, b, "find-slots", `{"windowStart":"2026-03-02T09:00:00-08:00","windowEnd":"2026-03-03T10:00:00-08:00","durationMinutes":15,"timezone":"America/Los_Angeles"}`)
	if !r.OK || len(r.Slots) != 0 {
		t.Errorf("a window that is over: %+v", r)
	}
}

func TestUnreadableSourcesAreNeverFree(t *testing.T) {
	check := `{"start":"2027-03-02T10:00:00Z","end":"2027-03-02T11:00:00Z","timezone":"UTC"}`
	for name, text := range map[string]string{
		"empty": "", "cut off": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "html": "<html>",
		"cut between events": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n",
		"unknown zone":       "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=Custom Zone:20270302T100000\r\nEND:VEVENT\r\nEND:VCALENDAR",
		"no start":           "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nEND:VEVENT\r\nEND:VCALENDAR",
		"every second":       "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:20270302T100000Z\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "primary.ics"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b := open(t, dir, nil)
		if code, r := post(t, b, "check-slot", check); code != http.StatusFailedDependency || r.OK || r.Error == "" {
			t.Errorf("%s: %d %+v", name, code, r)
		}
		if code, r := post(t, b, "create-event", createBody("k", "2027-03-02T10:00:00Z", "2027-03-02T11:00:00Z")); code != http.StatusFailedDependency || r.OK {
			t.Errorf("%s: create: %d %+v", name, code, r)
		}
	}
}
