package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	berlin = time.FixedZone("", 3600)
	slot   = call.Slot{Start: time.Date(2026, 3, 5, 11, 0, 0, 0, berlin), End: time.Date(2026, 3, 5, 11, 30, 0, 0, berlin)}
	asked  = call.Booking{Key: "key", CalendarID: "primary", Start: slot.Start, End: slot.End, Timezone: "Europe/Berlin", Title: "Check-up"}
)

const (
	times    = `"start":"2026-03-05T11:00:00+01:00","end":"2026-03-05T11:30:00+01:00"`
	busy     = `"conflicts":[{"summary":"SECRET appointment",` + times + `}]`
	jsonType = "application/json"
)

// bridge answers every request alike.
func bridge(t *testing.T, status int, contentType, body string) *Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "/calendar/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func serve(t *testing.T, handle http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return client(t, Options{BaseURL: server.URL})
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// verdict names what came of a request, and checks the error's promises.
func verdict(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var failed *call.CalendarError
	if !errors.As(err, &failed) {
		t.Fatalf("%T is no CalendarError: %v", err, err)
	}
	if text := err.Error(); len(text) > 4*maxLine+50 || strings.ContainsAny(text, "\r\n\x00") || strings.Contains(text, "SECRET") {
		t.Errorf("the error's text is long, of several lines, or tells: %.400q", text)
	}
	return map[call.CalendarKind]string{call.CalendarDown: "down", call.CalendarTaken: "taken", call.CalendarRefused: "refused"}[failed.Kind]
}

func find(t *testing.T, c *Client) (string, []call.Slot) {
	t.Helper()
	slots, err := c.FindSlots(t.Context(), call.FindSlots{CalendarIDs: []string{"primary"}, WindowStart: slot.Start, WindowEnd: slot.End, DurationMinutes: 30, Timezone: "Europe/Berlin"})
	if err != nil && slots != nil {
		t.Error("slots come with an error")
	}
	return verdict(t, err), slots
}

func check(t *testing.T, c *Client) string {
	t.Helper()
	answer, err := c.CheckSlot(t.Context(), call.CheckSlot{CalendarIDs: []string{"primary"}, Slot: slot, Timezone: "Europe/Berlin"})
	switch {
	case err != nil && answer.Free:
		t.Error("free comes with an error")
	case err == nil && answer.Free:
		return "free"
	case err == nil:
		return "busy"
	}
	return verdict(t, err)
}

func create(t *testing.T, c *Client) string {
	t.Helper()
	id, err := c.CreateEvent(t.Context(), asked)
	if err == nil {
		return "booked " + id
	}
	if id != "" {
		t.Error("an event comes with an error")
	}
	return verdict(t, err)
}

func TestAnswersToCheckSlot(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"free":                            {200, `{"ok":true}`, "free"},
		"free, said at length":            {200, `{"ok":true,"conflicts":[],"alternatives":[],"error":null,"new":1}`, "free"},
		"conflicts null":                  {200, `{"ok":true,"conflicts":null}`, "free"},
		"conflicts with ok":               {200, `{"ok":true,` + busy + `}`, "busy"},
		"conflicts without ok":            {200, `{"ok":false,` + busy + `}`, "busy"},
		"conflicts and no ok at all":      {200, `{` + busy + `}`, "busy"},
		"conflicts with 409":              {409, `{"ok":false,` + busy + `}`, "busy"},
		"a conflict nobody can read":      {200, `{"ok":true,"conflicts":["SECRET"]}`, "busy"},
		"conflicts of a wrong type":       {200, `{"ok":true,"conflicts":"SECRET"}`, "down"},
		"failed":                          {200, `{"ok":false,"error":"boom"}`, "refused"},
		"ok missing":                      {200, `{}`, "down"},
		"ok null":                         {200, `{"ok":null}`, "down"},
		"ok is a word":                    {200, `{"ok":"true"}`, "down"},
		"ok is resembled":                 {200, `{"OK":true}`, "down"},
		"ok with a client's error status": {400, `{"ok":true}`, "down"},
		"conflicts in a broken answer":    {500, `{"ok":true,` + busy + `}`, "down"},
		"alternatives in local time":      {200, `{"ok":false,` + busy + `,"alternatives":[{"start":"2026-03-05T11:00:00","end":"2026-03-05T11:30:00"}]}`, "down"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(t, bridge(t, c.status, jsonType, c.body)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestAnswersToCreateEvent(t *testing.T) {
	long := strings.Repeat("line\n", 1000)
	complaint, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"booked":                         {200, `{"ok":true,"eventId":"e1",` + times + `}`, "booked e1"},
		"booked with 201":                {201, `{"ok":true,"eventId":"e1",` + times + `}`, "booked e1"},
		"booked, told in another zone":   {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T10:00:00Z","end":"2026-03-05T05:30:00-05:00"}`, "booked e1"},
		"booked, told in milliseconds":   {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T10:00:00.000Z","end":"2026-03-05T10:30:00.000Z"}`, "booked e1"},
		"an hour later":                  {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T12:00:00+01:00","end":"2026-03-05T12:30:00+01:00"}`, "down"},
		"same wall clock, other offset":  {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T11:00:00Z","end":"2026-03-05T11:30:00Z"}`, "down"},
		"longer":                         {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T11:00:00+01:00","end":"2026-03-05T11:31:00+01:00"}`, "down"},
		"without an offset":              {200, `{"ok":true,"eventId":"e1","start":"2026-03-05T11:00:00","end":"2026-03-05T11:30:00"}`, "down"},
		"without times":                  {200, `{"ok":true,"eventId":"e1"}`, "down"},
		"without an event":               {200, `{"ok":true,` + times + `}`, "down"},
		"with an empty event":            {200, `{"ok":true,"eventId":"",` + times + `}`, "down"},
		"with a numbered event":          {200, `{"ok":true,"eventId":7,` + times + `}`, "down"},
		"an event but no ok":             {200, `{"eventId":"e1",` + times + `}`, "down"},
		"an event but not ok":            {200, `{"ok":false,"eventId":"e1",` + times + `}`, "refused"},
		"refused":                        {200, `{"ok":false,"error":"read-only"}`, "refused"},
		"refused with 400":               {400, `{"ok":false}`, "refused"},
		"refused with 409":               {409, `{"ok":false,"error":"no"}`, "refused"},
		"refused at length":              {403, `{"ok":false,"error":` + string(complaint) + `}`, "refused"},
		"refused without words":          {422, `{"ok":false,"error":{"code":1}}`, "refused"},
		"taken":                          {200, `{"ok":false,` + busy + `}`, "taken"},
		"taken with 409":                 {409, `{"ok":false,` + busy + `}`, "taken"},
		"not ok, but of a gateway":       {502, `{"ok":false}`, "down"},
		"not ok, but timed out":          {408, `{"ok":false}`, "down"},
		"booked, but with an error code": {404, `{"ok":true,"eventId":"e1",` + times + `}`, "down"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := create(t, bridge(t, c.status, jsonType, c.body)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestAnswersToFindSlots(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
		slots      int
	}{
		"two":             {200, `{"ok":true,"timezone":"Europe/Berlin","slots":[{` + times + `},{"start":"2026-03-05T10:30:00Z","end":"2026-03-05T11:00:00Z","x":1}]}`, "", 2},
		"none":            {200, `{"ok":true,"slots":[]}`, "", 0},
		"null":            {200, `{"ok":true,"slots":null}`, "", 0},
		"missing":         {200, `{"ok":true}`, "down", 0},
		"failed":          {200, `{"ok":false,"slots":[{` + times + `}]}`, "refused", 0},
		"ok missing":      {200, `{"slots":[{` + times + `}]}`, "down", 0},
		"one is no time":  {200, `{"ok":true,"slots":[{` + times + `},{"start":"SECRET","end":"2026-03-05T11:00:00Z"}]}`, "down", 0},
		"one is backward": {200, `{"ok":true,"slots":[{"end":"2026-03-05T10:00:00Z","start":"2026-03-05T11:00:00Z"}]}`, "down", 0},
		"not a list":      {200, `{"ok":true,"slots":{}}`, "down", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, slots := find(t, bridge(t, c.status, jsonType, c.body))
			if got != c.want || len(slots) != c.slots {
				t.Errorf("%q with %d slots, want %q with %d", got, len(slots), c.want, c.slots)
			}
			if len(slots) > 0 && !slots[0].Equal(slot) {
				t.Errorf("the first is %v", slots[0])
			}
		})
	}
}

// What is no answer of a bridge means nothing, whatever was asked.
func TestWhatIsNoAnswerIsDown(t *testing.T) {
	good := `{"ok":true,"slots":[],"eventId":"e1",` + times + `}`
	for name, c := range map[string]struct {
		status            int
		contentType, body string
	}{
		"500":                     {500, jsonType, good},
		"500 that says no":        {500, jsonType, `{"ok":false}`},
		"503 in HTML":             {503, "text/html", "<h1>SECRET</h1>"},
		"HTML":                    {200, "text/html; charset=utf-8", "<!doctype html><p>sign in"},
		"HTML that says JSON":     {200, jsonType, "<!doctype html><p>sign in"},
		"JSON that says HTML":     {200, "text/html", good},
		"JSON that says text":     {200, "text/plain", `{"ok":false}`},
		"no type":                 {200, "", good},
		"a type nobody can parse": {200, ";;;", good},
		"empty":                   {200, jsonType, ""},
		"204":                     {204, jsonType, ""},
		"cut off":                 {200, jsonType, good[:len(good)-1]},
		"two objects":             {200, jsonType, good + good},
		"a list":                  {200, jsonType, "[" + good + "]"},
		"null":                    {200, jsonType, "null"},
		"2 MB":                    {200, jsonType, good[:len(good)-1] + `,"pad":"` + strings.Repeat("x", 2<<20) + `"}`},
		"2 MB of blanks":          {200, jsonType, good + strings.Repeat(" ", 2<<20)},
		"redirect":                {302, jsonType, good},
		"lasting redirect":        {308, jsonType, good},
	} {
		t.Run(name, func(t *testing.T) {
			b := bridge(t, c.status, c.contentType, c.body)
			found, _ := find(t, b)
			if got := []string{found, check(t, b), create(t, b)}; !slices.Equal(got, []string{"down", "down", "down"}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestJSONOfAVendorsTypeIsJSON(t *testing.T) {
	if got := check(t, bridge(t, 200, "application/problem+json; charset=utf-8", `{"ok":true}`)); got != "free" {
		t.Errorf("got %q", got)
	}
}

func TestRequestsAreTheContracts(t *testing.T) {
	type request struct{ path, auth, body string }
	got := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %s, %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		got <- request{r.URL.Path, r.Header.Get("Authorization"), string(body)}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true,"slots":[],"eventId":"e1",`+times+`}`)
	}))
	defer server.Close()
	expect := func(want request) {
		t.Helper()
		if r := <-got; r != want {
			t.Errorf("got  %+v\nwant %+v", r, want)
		}
	}
	c := client(t, Options{BaseURL: server.URL + "/base/", Token: "secret"})
	if _, err := c.FindSlots(t.Context(), call.FindSlots{
		CalendarIDs: []string{"primary"}, WindowStart: slot.Start.Add(time.Nanosecond), WindowEnd: slot.End.Add(time.Nanosecond), DurationMinutes: 30,
		GranularityMinutes: 15, Timezone: "Europe/Berlin", WorkingHours: &call.WorkingHours{Start: "09:00", End: "17:00", Days: []int{1}},
	}); err != nil {
		t.Error(err)
	}
	expect(request{"/base/calendar/find-slots", "Bearer secret", `{"calendarIds":["primary"],"windowStart":"2026-03-05T11:00:01+01:00","windowEnd":"2026-03-05T11:30:00+01:00","durationMinutes":30,"timezone":"Europe/Berlin","granularityMinutes":15,"workingHours":{"start":"09:00","end":"17:00","days":[1]}}`})
	check(t, c)
	expect(request{"/base/calendar/check-slot", "Bearer secret", `{"calendarIds":["primary"],` + times + `,"timezone":"Europe/Berlin"}`})
	c = client(t, Options{BaseURL: server.URL})
	create(t, c)
	expect(request{"/calendar/create-event", "", `{"calendarId":"primary",` + times + `,"timezone":"Europe/Berlin","title":"Check-up","idempotencyKey":"key"}`})
}

func TestNewNamesTheKeyAtFault(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:9100", "ftp://host", "http://", "http://h\x00"} {
		if _, err := New(Options{BaseURL: base}); err == nil || !strings.Contains(err.Error(), "calendar.baseUrl") {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestABrokenConnectionIsTriedOnceMoreButNeverForAnEvent(t *testing.T) {
	for broken, want := range map[int64][]string{1: {"", "free", "down"}, 2: {"down", "down", "down"}} {
		var tries atomic.Int64
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if tries.Add(1) <= broken {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, `{"ok":`)
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, `{"ok":true,"slots":[]}`)
		})
		found, _ := find(t, c)
		asked := []int64{tries.Swap(0)}
		checked := check(t, c)
		asked = append(asked, tries.Swap(0))
		created := create(t, c)
		asked = append(asked, tries.Load())
		if got := []string{found, checked, created}; !slices.Equal(got, want) || !slices.Equal(asked, []int64{2, 2, 1}) {
			t.Errorf("%d broken: %q after %v tries", broken, got, asked)
		}
	}
}

func TestABridgeThatIsNotThereIsDown(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := client(t, Options{BaseURL: server.URL})
	if got := create(t, c); got != "down" {
		t.Errorf("create: %q", got)
	}
	_, err := c.CreateEvent(t.Context(), asked)
	if strings.Contains(err.Error(), server.URL) || !strings.Contains(err.Error(), "calendar.baseUrl") {
		t.Errorf("the error must say which key, not which address: %v", err)
	}
}

// slow is a bridge that takes its time; it counts what it was asked.
type slow struct {
	after time.Duration
	tries atomic.Int64
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.tries.Add(1)
	select {
	case <-time.After(s.after):
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"ok":true}`))}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestASlowBridgeIsDownAfterTheTimeLimitAndNotAskedAgain(t *testing.T) {
	for name, c := range map[string]struct{ bridge, ctx, want time.Duration }{
		"in time":              {9 * time.Second, time.Minute, 9 * time.Second},
		"past our own limit":   {time.Minute, time.Minute, 10 * time.Second},
		"past the caller's":    {time.Minute, 6 * time.Second, 6 * time.Second},
		"the caller has none":  {time.Minute, time.Hour, 10 * time.Second},
		"the caller went away": {time.Minute, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &slow{after: c.bridge}
			b := client(t, Options{BaseURL: "http://bridge", Transport: transport})
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
			defer cancel()
			_, err := b.CheckSlot(ctx, call.CheckSlot{Slot: slot})
			want := "down"
			if name == "in time" {
				want = ""
			}
			if got := verdict(t, err); got != want || time.Since(start) != c.want || transport.tries.Load() > 1 {
				t.Errorf("%s: %q after %v and %d tries", name, got, time.Since(start), transport.tries.Load())
			}
			if want != "" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: the cause is lost: %v", name, err)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"ok":true,"slots":[{`+times+`}],"eventId":"e1",`+times+`}`)
	f.Add(409, `{"ok":false,`+busy+`,"error":"a\nb"}`)
	f.Add(200, `{"ok":true,"conflicts":"x"}`)
	f.Add(500, `{"ok":false}`)
	f.Add(200, `{"OK":true,"ok":null}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		a, err := readAnswer(status, "application/json", []byte(body))
		if err != nil {
			return
		}
		if status < 200 || status >= 500 || (status >= 300 && status < 400) {
			t.Fatalf("status %d was an answer", status)
		}
		checked, _ := a.checked()
		if checked.Free && (!a.ok || a.conflicts > 0) {
			t.Errorf("%s is free", body)
		}
		id, err := a.created(slot)
		if (err == nil) != (id != "") || (err == nil && !strings.Contains(body, "true")) {
			t.Errorf("%s booked %q, %v", body, id, err)
		}
		if err != nil {
			verdictText(t, err)
		}
		slots, _ := a.found()
		for _, s := range slots {
			if !s.End.After(s.Start) {
				t.Errorf("slot %v", s)
			}
		}
	})
}

func verdictText(t *testing.T, err error) {
	if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 4*maxLine+50 {
		t.Errorf("the error's text is %q", text)
	}
}
