// Package calendar asks the calendar bridge: find free slots, check one, create an event
// (contract section 3).
//
// It owns what an answer of the bridge means: free, taken, booked, refused, or nothing
// that can be relied on. It never decides what may be booked, never repeats a request
// that creates an event (the record's intent does), and lets no word of other
// appointments out; what a bridge says of its errors leaves as one bounded line of an
// error's text, for the log.
package calendar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

const (
	// maxAnswer is the longest answer that is read (contract section 5).
	maxAnswer = 1 << 20
	// defaultTimeout is shorter than the 30 s after which an unanswered booking is repeated.
	defaultTimeout = 10 * time.Second
)

// Options of New.
type Options struct {
	// BaseURL is calendar.baseUrl.
	BaseURL string
	// Token is calendar.token; empty: no Authorization is sent.
	Token string
	// Timeout bounds each call of a method, its repeat included, beside its context; 0 means 10 s.
	Timeout time.Duration
	// Transport carries the requests; nil means one of our own.
	Transport http.RoundTripper
}

// Client is a call.Calendar. All methods may be called concurrently; all errors are
// *call.CalendarError.
type Client struct {
	base    *url.URL
	token   string
	timeout time.Duration
	http    *http.Client
}

var _ call.Calendar = (*Client)(nil)

// New makes a client; its error says which key of the configuration is at fault.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("calendar.baseUrl must be an http or https address, such as http://127.0.0.1:9100")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Client{base: u, token: o.Token, timeout: o.Timeout, http: &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// CloseIdleConnections ends connections that wait for reuse.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// FindSlots implements call.Calendar.
func (c *Client) FindSlots(ctx context.Context, q call.FindSlots) ([]call.Slot, error) {
	a, err := c.look(ctx, "find-slots", findRequest{
		CalendarIDs: q.CalendarIDs, WindowStart: wire(ceilSecond(q.WindowStart)), WindowEnd: wire(q.WindowEnd.Truncate(time.Second)),
		DurationMinutes: q.DurationMinutes, Timezone: q.Timezone,
		GranularityMinutes: q.GranularityMinutes, WorkingHours: q.WorkingHours,
	})
	if err != nil {
		return nil, err
	}
	return a.found()
}

// CheckSlot implements call.Calendar.
func (c *Client) CheckSlot(ctx context.Context, q call.CheckSlot) (call.CheckAnswer, error) {
	a, err := c.look(ctx, "check-slot", checkRequest{
		CalendarIDs: q.CalendarIDs, Start: wire(q.Slot.Start), End: wire(q.Slot.End), Timezone: q.Timezone,
	})
	if err != nil {
		return call.CheckAnswer{}, err
	}
	return a.checked()
}

// CreateEvent implements call.Calendar. CalendarTaken and CalendarRefused come only from
// a bridge that said in so many words that it did nothing; whatever else is not a booking
// is CalendarDown, and the event may exist.
func (c *Client) CreateEvent(ctx context.Context, b call.Booking) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, _, err := c.post(ctx, "create-event", createRequest{
		CalendarID: b.CalendarID, Start: wire(b.Start), End: wire(b.End), Timezone: b.Timezone,
		Title: b.Title, Description: b.Description, IdempotencyKey: b.Key,
	})
	if err != nil {
		return "", err
	}
	return a.created(b.Slot())
}

// look makes a request that changes nothing, and makes it once more where the
// connection, not the bridge, failed.
func (c *Client) look(ctx context.Context, method string, request any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, broken, err := c.post(ctx, method, request)
	if broken && ctx.Err() == nil {
		a, _, err = c.post(ctx, method, request)
	}
	return a, err
}

// post makes one request. Broken says that there was no whole answer.
func (c *Client) post(ctx context.Context, method string, request any) (a answer, broken bool, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer{}, false, down("encode %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("calendar", method).String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, false, down("make request %s: %w", method, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, true, down("%s: no answer (is the bridge at calendar.baseUrl running?): %w", method, unaddressed(err))
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return answer{}, true, down("%s: the answer broke off: %w", method, err)
	}
	a, err = readAnswer(res.StatusCode, res.Header.Get("Content-Type"), raw)
	if err != nil {
		return answer{}, false, down("%s: %w", method, err)
	}
	return a, false, nil
}

// readAnswer refuses what is not an answer of a bridge: another status than 2xx and 4xx,
// another type than JSON, or too long.
func readAnswer(status int, contentType string, raw []byte) (answer, error) {
	switch kind, _, err := mime.ParseMediaType(contentType); {
	case status < 200 || status >= 500 || (status >= 300 && status < 400):
		return answer{}, fmt.Errorf("the bridge answered %d", status)
	case status == http.StatusRequestTimeout: // of whatever took too long: it says nothing about the event
		return answer{}, fmt.Errorf("the bridge answered %d", status)
	case err != nil || (kind != "application/json" && !strings.HasSuffix(kind, "+json")):
		return answer{}, fmt.Errorf("the bridge answered %d with %q instead of JSON", status, contentType)
	case len(raw) > maxAnswer:
		return answer{}, fmt.Errorf("the bridge answered more than %d bytes", maxAnswer)
	}
	a, err := decodeAnswer(raw)
	if err != nil {
		return answer{}, fmt.Errorf("the bridge answered %d: %w", status, err)
	}
	if status >= 400 && a.ok {
		return answer{}, fmt.Errorf("the bridge answered %d and ok at once", status)
	}
	a.status = status
	return a, nil
}

// unaddressed takes the address, which may hold credentials, out of a client error.
func unaddressed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
