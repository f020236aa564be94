// Package calltest holds the domain's ports in memory, with the semantics that the
// real adapters promise: a store with conditional writes, a provider of phone lines, a
// calendar that books once per key, and what surrounds them. It is for tests, of this
// package and of others; it never sleeps, reads time from the clock it is given, and
// every fake is safe for concurrent use.
package calltest

import (
	"bytes"
	"log/slog"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// World is a service with everything around it in memory.
type World struct {
	Service   *call.Service
	Store     *Store
	Telephony *Telephony
	Calendar  *Calendar
	Notifier  *Notifier
	Scheduler *Scheduler
	Numbers   *Numbers
	Media     *Media
	Log       *Log
}

// Account is the provider account that a stream's start must name.
const Account = "ACcalltest"

// NewWorld builds a world on the real clock, which testing/synctest replaces.
func NewWorld() *World {
	w := &World{
		Store: NewStore(time.Now), Telephony: NewTelephony(time.Now), Calendar: NewCalendar(),
		Notifier: &Notifier{}, Scheduler: &Scheduler{}, Numbers: &Numbers{}, Media: &Media{}, Log: &Log{},
	}
	w.Service = w.Another()
	return w
}

// Another builds a second service over the same ports, as another process would.
func (w *World) Another() *call.Service {
	return &call.Service{
		Store: w.Store, Telephony: w.Telephony, Calendar: w.Calendar, Notifier: w.Notifier,
		Scheduler: w.Scheduler, Numbers: w.Numbers, Media: w.Media, Rules: Rules(),
		Defaults:     call.Defaults{Timezone: "America/Los_Angeles", WorkingHours: Hours()},
		PublicURL:    "https://agent.example",
		StreamSecret: []byte("calltest stream secret"), StreamAccount: Account,
		Disclosure: "Hello, this is an AI assistant calling on behalf of {userName}.",
		Now:        time.Now, Log: slog.New(slog.NewJSONHandler(w.Log, nil)),
	}
}

// Rules are the contract's defaults, with notification on and no limits.
func Rules() call.Rules {
	return call.Rules{
		MaxAttempts: 3, InitialDelay: time.Minute, BackoffFactor: 2,
		RetryStatuses: []call.Status{call.Busy, call.NoAnswer, call.Failed},
		RingTimeout:   25 * time.Second, MaxCall: 10 * time.Minute,
		StreamPatience: 85 * time.Second, Notify: true,
		Policy: call.Policy{Dialling: true},
	}
}

// Hours are the contract's default working hours.
func Hours() call.WorkingHours {
	return call.WorkingHours{Start: "09:00", End: "17:00", Days: []int{1, 2, 3, 4, 5}}
}

// Request is a request for half an hour within two weeks of now, in one zone.
func Request(now time.Time) call.Request {
	return call.Request{
		To: "+14155550123", Goal: "Book a dental check-up.", DurationMinutes: 30,
		Timezone: "America/Los_Angeles", CalleeTimezone: "America/Los_Angeles",
		WindowStart: now, WindowEnd: now.Add(14 * 24 * time.Hour), WorkingHours: Hours(),
		CalendarID: "primary", UserName: "Ann Lee", CalleeName: "Bright Dental",
		Origin: &call.Origin{Channel: "signal", To: "ann"},
	}
}

// Log keeps what was logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
