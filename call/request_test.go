package call

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

type testNumbers struct{}

func (testNumbers) Inspect(to string) Number {
	switch {
	case to == "+112":
		return Number{E164: to, Forbidden: "Emergency numbers are never called."}
	case strings.HasPrefix(to, "+49"):
		return Number{E164: to, Zones: []string{"Europe/Berlin"}}
	case strings.HasPrefix(to, "+1"):
		return Number{E164: to, Zones: []string{"America/New_York", "America/Chicago"}}
	}
	return Number{Problem: "must be in E.164"}
}

var testDefaults = Defaults{
	Timezone: "America/Los_Angeles", OwnNumber: "+14155550100",
	WorkingHours: WorkingHours{Start: "09:00", End: "17:00", Days: []int{1, 2, 3, 4, 5}},
}

// body is a good request with some fields set (or, with nil, left out).
func body(t testing.TB, set map[string]any) []byte {
	t.Helper()
	all := map[string]any{"to": "+14155550123", "goal": "Book a check-up.", "durationMinutes": 30}
	maps.Copy(all, set)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestARequestIsFilledWithDefaults(t *testing.T) {
	r, err := DecodeRequest(body(t, nil), t0, testDefaults, testNumbers{})
	if err != nil {
		t.Fatal(err)
	}
	if r.To != "+14155550123" || r.Timezone != "America/Los_Angeles" || r.CalleeTimezone != r.Timezone || r.CalendarID != "primary" ||
		!r.WindowStart.Equal(t0) || !r.WindowEnd.Equal(t0.AddDate(0, 0, 14)) || r.WorkingHours.Start != "09:00" || len(r.WorkingHours.Days) != 5 {
		t.Errorf("%+v", r)
	}
	if r, _ := DecodeRequest(body(t, map[string]any{"to": "+4930123456"}), t0, testDefaults, testNumbers{}); r.CalleeTimezone != "Europe/Berlin" {
		t.Errorf("the number's one zone is not the callee's: %s", r.CalleeTimezone)
	}
	if r, _ := DecodeRequest(body(t, map[string]any{"to": "+4930123456", "calleeTimezone": "Asia/Tokyo"}), t0, testDefaults, testNumbers{}); r.CalleeTimezone != "Asia/Tokyo" {
		t.Errorf("the caller's word does not count: %s", r.CalleeTimezone)
	}
}

func TestAWindowIsTakenAsWrittenAlsoAcrossTheChangeOfClocks(t *testing.T) {
	r, err := DecodeRequest(body(t, map[string]any{"windowStart": "2026-03-07T09:00:00-08:00", "windowEnd": "2026-03-09T17:00:00-07:00"}), t0, testDefaults, testNumbers{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.WindowEnd.Sub(r.WindowStart); got != 55*time.Hour {
		t.Errorf("the window is %v long", got)
	}
	r, err = DecodeRequest(body(t, map[string]any{"windowEnd": "2026-03-09T17:00:00-07:00"}), t0, testDefaults, testNumbers{})
	if err != nil || !r.WindowStart.Equal(t0) {
		t.Errorf("windowEnd alone: %v, %v", r.WindowStart, err)
	}
	r, err = DecodeRequest(body(t, map[string]any{"windowStart": "2026-02-27T17:00:00Z"}), t0, testDefaults, testNumbers{})
	if err != nil || r.WindowEnd.Sub(r.WindowStart) != defaultWindow {
		t.Errorf("windowStart alone: %v, %v", r.WindowEnd, err)
	}
}

func TestEveryRuleOfTheRequest(t *testing.T) {
	long := strings.Repeat("ü", 121)
	many := map[string]string{}
	for i := range 17 {
		many[strings.Repeat("k", i+1)] = "v"
	}
	slots := slices.Repeat([]any{map[string]any{"start": "2026-03-03T17:00:00Z", "end": "2026-03-03T18:00:00Z"}}, 201)
	hours := func(start, end string, days ...int) map[string]any {
		return map[string]any{"start": start, "end": end, "days": days}
	}
	for _, c := range []struct {
		field string
		value any
		words string
	}{
		{"to", nil, "is required"},
		{"to", "555", "E.164"},
		{"to", 4155550123, "must be a string"},
		{"goal", nil, "is required"},
		{"goal", "", "is required"},
		{"goal", " \n ", "is required"},
		{"goal", strings.Repeat("x", 2001), "2000"},
		{"goal", []int{1}, "must be a string, not array"},
		{"durationMinutes", nil, "is required"},
		{"durationMinutes", 4, "5 to 1,440"},
		{"durationMinutes", 1441, "5 to 1,440"},
		{"durationMinutes", "30", "must be an integer, not string"},
		{"durationMinutes", 7.5, "must be an integer"},
		{"timezone", "Local", "IANA"},
		{"timezone", "PST8", "IANA"},
		{"timezone", "", "IANA"},
		{"timezone", "../etc/passwd", "IANA"},
		{"calleeTimezone", "Mars/Base", "IANA"},
		{"windowStart", "2026-03-02", "RFC 3339"},
		{"windowStart", "2026-03-02T09:00:00", "RFC 3339"},
		{"windowEnd", "tomorrow", "RFC 3339"},
		{"windowEnd", "2026-03-09T17:00:00+24:00", "RFC 3339"},
		{"windowEnd", 7, "must be a string"},
		{"windowEnd", "2026-03-02T17:00:00Z", "after windowStart"},
		{"windowEnd", "2026-03-02T17:10:00Z", "durationMinutes"},
		{"windowEnd", "9999-03-02T17:10:00Z", "9998"},
		{"workingHours", hours("9:00", "17:00", 1), "start"},
		{"workingHours", hours("09:00", "24:30", 1), "end"},
		{"workingHours", hours("17:00", "09:00", 1), "after"},
		{"workingHours", hours("09:00", "17:00"), "day"},
		{"workingHours", hours("09:00", "17:00", 7), "weekday"},
		{"workingHours", map[string]any{"start": "09:00", "end": "17:00", "day": 1}, "unknown field"},
		{"workingHours", "9-5", "must be an object"},
		{"workingHours", hours("09:00", "17:00", 1)["days"], "must be an object, not array"},
		{"occupiedTimeslots", slots, "200"},
		{"occupiedTimeslots", slots[0], "must be an array"},
		{"occupiedTimeslots", []any{map[string]any{"start": "2026-03-03T17:00:00Z", "end": "2026-03-03T17:00:00Z"}}, "entry 0"},
		{"occupiedTimeslots", []any{slots[0], map[string]any{"start": "x", "end": "y"}}, "entry 1"},
		{"occupiedTimeslots", []any{map[string]any{"from": "x"}}, "unknown field"},
		{"calendarId", " ", "primary"},
		{"calendarId", strings.Repeat("c", 513), "512"},
		{"userName", long, "120"},
		{"calleeName", long, "120"},
		{"origin", "signal", "must be an object"},
		{"origin", map[string]any{"chanel": "x"}, "unknown field"},
		{"origin", map[string]any{"channel": strings.Repeat("c", 513)}, "512"},
		{"metadata", many, "16"},
		{"metadata", map[string]any{"k": 1}, "must be a string"},
		{"metadata", map[string]any{"k": strings.Repeat("v", 512)}, "512"},
		{"windowstart", "2026-03-02T09:00:00Z", "did you mean windowStart?"},
		{"duration_minutes", 30, "did you mean durationMinutes?"},
		{"colour", "red", "see GET /tools"},
	} {
		_, err := DecodeRequest(body(t, map[string]any{c.field: c.value}), t0, testDefaults, testNumbers{})
		var e *Error
		if !errors.As(err, &e) || e.Code != InvalidRequest || len(e.Fields) != 1 || !strings.Contains(e.Fields[c.field], c.words) {
			t.Errorf("%s = %.40v: %v", c.field, c.value, err)
		}
	}
}

func TestAWindowInThePastIsRefused(t *testing.T) {
	_, err := DecodeRequest(body(t, map[string]any{"windowStart": "2026-01-01T00:00:00Z", "windowEnd": "2026-02-01T00:00:00Z"}), t0, testDefaults, testNumbers{})
	if err == nil || !strings.Contains(err.Error(), "future") {
		t.Error(err)
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	_, err := DecodeRequest([]byte(`{"to":"x","goal":7,"durationMinutes":1,"timezone":"?","calleeTimezone":"?","windowEnd":"?","workingHours":{},"metadata":[],"Goal":"y"}`), t0, testDefaults, testNumbers{})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(e.Fields))
	want := []string{"Goal", "calleeTimezone", "durationMinutes", "goal", "metadata", "timezone", "to", "windowEnd", "workingHours"}
	if !slices.Equal(got, want) {
		t.Errorf("named %v, want %v", got, want)
	}
	if text := e.Error(); !strings.Contains(text, "; Goal: ") || strings.Index(text, "; goal") > strings.Index(text, "; timezone") {
		t.Errorf("the text is not in the fields' order: %s", text)
	}
}

func TestWithoutAnyZoneTheErrorNamesBothPlaces(t *testing.T) {
	_, err := DecodeRequest(body(t, nil), t0, Defaults{WorkingHours: testDefaults.WorkingHours}, testNumbers{})
	if err == nil || !strings.Contains(err.Error(), "timezone") || !strings.Contains(err.Error(), "defaults.timezone") {
		t.Error(err)
	}
}

func TestNumbersThatMustNotBeCalledAreForbidden(t *testing.T) {
	for _, to := range []string{"+112", testDefaults.OwnNumber} {
		_, err := DecodeRequest(body(t, map[string]any{"to": to}), t0, testDefaults, testNumbers{})
		var e *Error
		if !errors.As(err, &e) || e.Code != Forbidden || e.Fields["to"] == "" {
			t.Errorf("%s: %v", to, err)
		}
		_, err = DecodeRequest(body(t, map[string]any{"to": to, "goal": ""}), t0, testDefaults, testNumbers{})
		if !errors.As(err, &e) || e.Code != InvalidRequest {
			t.Errorf("%s with another fault: %v", to, err)
		}
	}
}

func TestABodyThatIsNoObjectIsRefused(t *testing.T) {
	for _, b := range []string{"", "null", "[]", `"x"`, "7", "{", "{} {}", `{"to":"` + "\xff" + `"}`} {
		_, err := DecodeRequest([]byte(b), t0, testDefaults, testNumbers{})
		var e *Error
		if !errors.As(err, &e) || e.Code != InvalidRequest || e.Message == "" {
			t.Errorf("%q: %v", b, err)
		}
	}
}

// Whatever is taken can be stored, and is the same when it is read again.
func FuzzDecodeRequest(f *testing.F) {
	f.Add(body(f, nil))
	f.Add(body(f, map[string]any{"windowStart": "2026-03-07T09:00:00-08:00", "windowEnd": "2026-03-09T17:00:00-07:00", "metadata": map[string]string{"a": "b"}}))
	f.Add(body(f, map[string]any{"windowStart": "9999-12-25T00:00:00Z"}))
	f.Add(body(f, map[string]any{"windowEnd": "2027-03-09T17:00:00+24:00", "workingHours": map[string]any{"start": "00:00", "end": "24:00", "days": []int{0, 6}}}))
	f.Add(body(f, map[string]any{"occupiedTimeslots": []any{map[string]any{"start": "2026-03-03T17:00:00Z", "end": "2026-03-03T18:00:00Z"}}, "origin": map[string]any{"channel": "x"}}))
	f.Add([]byte(`{"to":null,"metadata":{"a":null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRequest(b, t0, testDefaults, testNumbers{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		stored, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("taken and cannot be stored: %v", err)
		}
		var again Request
		if err := json.Unmarshal(stored, &again); err != nil || !again.WindowEnd.Equal(r.WindowEnd) {
			t.Fatalf("stored and cannot be read: %v", err)
		}
		if r.To == "" || r.Goal == "" || !r.WindowEnd.After(r.WindowStart) || r.WorkingHours.Check() != nil || r.Duration() < 5*time.Minute {
			t.Fatalf("taken against the rules: %+v", r)
		}
	})
}
