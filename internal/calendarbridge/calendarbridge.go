// Package calendarbridge is a calendar bridge of our own: contract section 3 over .ics files, for owners who have none.
//
// It owns a folder with one iCalendar file per calendar, answers POST /calendar/find-slots, /calendar/check-slot and
// /calendar/create-event, and serves each file at GET /calendar/<calendarId>.ics, to which any calendar program can
// subscribe (token in the Authorization header or as ?token=, since calendar programs send no header). Busy are the
// events of those files and of the subscribed ICS files and URLs. An event and its idempotency key are one property
// list in one file, written atomically, so that no crash separates them.
//
// It never calls "free" what it could not read: an unreadable source is an answer with ok:false. It invites nobody,
// rewrites no line that it did not write, and knows nothing of calls.
//
// Instants are kept to the second. Time zones are Go's: binaries import time/tzdata.
package calendarbridge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options of Open; the zero value is usable.
type Options struct {
	// Token is the bearer token every request must carry; empty: none is asked for, which is fine on loopback only.
	Token string
	// Location is the zone of all-day events and floating times in files that name none (X-WR-TIMEZONE); default
	// time.Local.
	Location *time.Location
	// Subscriptions are ICS files (paths) or URLs (https, or http on loopback; webcal is read as https) whose events
	// are busy in every calendar.
	Subscriptions []string
	// RefreshAfter is the age at which a subscription is read again; default one minute.
	RefreshAfter time.Duration
	// MaxAge is the age up to which the last copy serves while a subscription cannot be read; default 15 minutes.
	MaxAge time.Duration
	// FetchTimeout bounds one reading of a URL; default 3 s.
	FetchTimeout time.Duration
	// Transport carries the requests to URLs; default http.DefaultTransport's settings.
	Transport http.RoundTripper
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger gets one line per event created and per source that fails; default discards.
	Logger *slog.Logger
}

// Bridge is the handler of one folder. All methods may be called concurrently; it starts no goroutine that outlives a
// request.
type Bridge struct {
	opts    Options
	store   *store
	sources []*source
	mux     *http.ServeMux
	log     *slog.Logger

	create sync.Mutex // held from the look at the calendar to the write: check and create are one step
}

// Open takes the folder for this process until Close, creating it if needed. A folder that another process holds is
// refused with ErrInUse.
func Open(dir string, o Options) (*Bridge, error) {
	setDefaults(&o)
	b := &Bridge{opts: o, log: o.Logger}
	for i, where := range o.Subscriptions {
		s, err := newSource(i, where, o)
		if err != nil {
			return nil, err
		}
		b.sources = append(b.sources, s)
	}
	st, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	b.store = st
	b.mux = b.routes()
	return b, nil
}

func setDefaults(o *Options) {
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.RefreshAfter <= 0 {
		o.RefreshAfter = time.Minute
	}
	if o.MaxAge <= 0 {
		o.MaxAge = 15 * time.Minute
	}
	if o.FetchTimeout <= 0 {
		o.FetchTimeout = 3 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Close waits for a creation under way and gives the folder free. Requests that come later are answered with ok:false.
func (b *Bridge) Close() error {
	b.create.Lock()
	defer b.create.Unlock()
	for _, s := range b.sources {
		s.close()
	}
	return b.store.close()
}

// ErrInUse is returned by Open when another process serves the folder.
var ErrInUse = errors.New("the calendar folder is in use by another process; stop it, or choose another folder")

var errClosed = errors.New("the calendar bridge is closed; start it again")

// now is the clock to the second, the grain of iCalendar.
func (b *Bridge) now() time.Time { return b.opts.Now().Truncate(time.Second) }

// unavailable is a source of busy times that could not be read; its text may be shown to the caller.
type unavailable struct {
	source string
	cause  error
}

func (u unavailable) Error() string {
	return fmt.Sprintf("%s cannot be read, so nothing can be called free: %v", u.source, u.cause)
}

func (u unavailable) Unwrap() error { return u.cause }

// tidyPathError drops the path from a file error: it would show this machine's folders to the caller.
func tidyPathError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
