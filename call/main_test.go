package call

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests mean these zones, whatever the machine has

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is a Monday morning in California: 09:00, 2 March 2026.
var t0 = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)

func testRules() Rules {
	return Rules{
		MaxAttempts: 3, InitialDelay: time.Minute, BackoffFactor: 2,
		RetryStatuses: []Status{Busy, NoAnswer, Failed}, RingTimeout: 25 * time.Second,
		MaxCall: 10 * time.Minute, StreamPatience: 85 * time.Second, Notify: true, Policy: Policy{Dialling: true},
	}
}

func testRequest() Request {
	return Request{
		To: "+14155550123", Goal: "Book a dental check-up.", DurationMinutes: 30,
		Timezone: "America/Los_Angeles", CalleeTimezone: "America/Los_Angeles",
		WindowStart: t0, WindowEnd: t0.AddDate(0, 0, 14),
		WorkingHours: WorkingHours{Start: "09:00", End: "17:00", Days: []int{1, 2, 3, 4, 5}},
		CalendarID:   "primary", UserName: "Ann Lee", CalleeName: "Bright Dental",
		Origin: &Origin{Channel: "signal", To: "ann"}, Metadata: map[string]string{"ticket": "7"},
	}
}

// newCall is a call as Place stores it.
func newCall() Call {
	now := t0
	return Call{
		Schema: SchemaVersion, Version: 1, ID: "call-1", Owner: "clawdbot", Request: testRequest(),
		Status: Queued, Outcome: Pending, MaxAttempts: 3, NextAttemptAt: &now, Due: &now, CreatedAt: now, UpdatedAt: now,
	}
}

func testBooking() Booking {
	s := Slot{Start: t0.Add(24 * time.Hour), End: t0.Add(24*time.Hour + 30*time.Minute)}
	return Booking{Key: BookingKey("call-1", "primary", s), CalendarID: "primary", Start: s.Start, End: s.End, Timezone: "America/Los_Angeles", Title: "Check-up"}
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}
