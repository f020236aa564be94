package calendarbridge

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const feedText = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:f\r\nDTSTART:20270302T100000Z\r\nDTEND:20270302T110000Z\r\nSUMMARY:Flight\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

const checkFeed = `{"start":"2027-03-02T10:30:00Z","end":"2027-03-02T11:30:00Z","timezone":"UTC"}`

// roundTrip stands in for the network, so that the cache's clock and the feed are both ours.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(code int, body string) *http.Response {
	rec := httptest.NewRecorder()
	rec.WriteHeader(code)
	_, _ = rec.WriteString(body)
	return rec.Result()
}

func TestSubscriptionServesUntilMaxAgeAndThenFailsClosed(t *testing.T) {
	now, down, reads := testNow, false, 0
	b := open(t, t.TempDir(), func(o *Options) {
		o.Subscriptions = []string{"webcal://cal.example/private-token/basic.ics"}
		o.Now = func() time.Time { return now }
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if reads++; down {
				return nil, errors.New("connection refused")
			}
			if r.URL.Scheme != "https" {
				t.Error("webcal was not read over https")
			}
			return respond(200, feedText), nil
		})
	})
	expect := func(step string, ok bool, wantReads int) {
		t.Helper()
		code, r := post(t, b, "check-slot", checkFeed)
		if r.OK != ok || ok && len(r.Conflicts) != 1 || !ok && code != http.StatusFailedDependency || reads != wantReads {
			t.Errorf("%s: %d %+v after %d reads", step, code, r, reads)
		}
		if strings.Contains(r.Error, "private-token") {
			t.Errorf("%s: the feed's secret address is in %q", step, r.Error)
		}
		if !ok && !strings.Contains(r.Error, "cal.example") {
			t.Errorf("%s: %q does not say which", step, r.Error)
		}
	}
	expect("first", true, 1)
	expect("cached", true, 1)
	now = now.Add(2 * time.Minute)
	expect("read again", true, 2)
	down, now = true, now.Add(2*time.Minute)
	expect("down, copy young enough", true, 3)
	now = now.Add(16 * time.Minute)
	expect("down, copy too old", false, 4)
	down = false
	expect("back", true, 5)
}

func TestFeedsThatCannotBeTrustedAreRefused(t *testing.T) {
	for name, res := range map[string]func() *http.Response{
		"redirect": func() *http.Response {
			r := respond(302, "")
			r.Header.Set("Location", "https://other.example")
			return r
		},
		"error":     func() *http.Response { return respond(500, feedText) },
		"too long":  func() *http.Response { return respond(200, feedText+strings.Repeat(" ", maxFeedBytes)) },
		"not ics":   func() *http.Response { return respond(200, "<html>log in</html>") },
		"truncated": func() *http.Response { return respond(200, feedText[:90]) },
	} {
		reads := 0
		b := open(t, t.TempDir(), func(o *Options) {
			o.Subscriptions = []string{"https://cal.example/a.ics"}
			o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { reads++; return res(), nil })
		})
		if code, r := post(t, b, "check-slot", checkFeed); code != http.StatusFailedDependency || r.OK || reads != 1 {
			t.Errorf("%s: %d %+v, %d reads", name, code, r, reads)
		}
	}
}

func TestRepeatedKeyIsAnsweredWhileASubscriptionIsDown(t *testing.T) {
	down := false
	b := open(t, t.TempDir(), func(o *Options) {
		o.Subscriptions, o.MaxAge, o.RefreshAfter = []string{"https://cal.example/a.ics"}, time.Nanosecond, time.Nanosecond
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			if down {
				return nil, errors.New("refused")
			}
			return respond(200, feedText), nil
		})
	})
	body := createBody("k", "2027-03-02T12:00:00Z", "2027-03-02T13:00:00Z")
	_, first := post(t, b, "create-event", body)
	down = true
	_, again := post(t, b, "create-event", body)
	if !first.OK || !again.OK || first.EventID != again.EventID {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestSubscribedFilesAndLoopbackURLsAreBusy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, feedText) }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "other.ics")
	putFile(t, file, "BEGIN:VFREEBUSY", "FREEBUSY;FBTYPE=BUSY:20270302T110000Z/PT15M", "FREEBUSY;FBTYPE=FREE:20270302T113000Z/PT30M", "END:VFREEBUSY")
	b := open(t, t.TempDir(), func(o *Options) { o.Subscriptions = []string{server.URL + "/a.ics", file} })
	if _, r := post(t, b, "check-slot", checkFeed); !r.OK || len(r.Conflicts) != 2 {
		t.Errorf("%+v", r)
	}
	if _, err := Open(t.TempDir(), Options{Subscriptions: []string{"http://cal.example/a.ics"}}); err == nil {
		t.Error("plain http to another host was accepted")
	}
}
