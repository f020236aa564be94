package callsapi

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func idsOf(a listAnswer) (all []call.ID) {
	for _, c := range a.Calls {
		all = append(all, c.CallID)
	}
	return all
}

func TestAListIsPagedNewestFirstAndMasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		var want []call.ID
		for range 5 {
			want = append([]call.ID{d.ended("full")}, want...)
			time.Sleep(time.Second)
		}
		d.place("somebody")
		var got []call.ID
		cursor, pages := "", 0
		for {
			a := read[listAnswer](t, d.ask("GET", "full", "/calls?limit=2"+cursor))
			got, pages = append(got, idsOf(a)...), pages+1
			if a.Next == "" {
				break
			}
			cursor = "&cursor=" + url.QueryEscape(a.Next)
		}
		if !slices.Equal(got, want) || pages != 3 {
			t.Errorf("%v in %d pages, want %v", got, pages, want)
		}
		all := d.ask("GET", "reader", "/calls")
		if a := read[listAnswer](t, all); len(a.Calls) != 6 || a.Next != "" {
			t.Errorf("who may read all sees %d", len(a.Calls))
		}
		if body := all.Body.String(); strings.Contains(body, "+1415555") || !strings.Contains(body, `"to":"+1******0006"`) {
			t.Error(body)
		}
		if a := d.ask("GET", "watcher", "/calls"); strings.TrimSpace(a.Body.String()) != `{"ok":true,"calls":[]}` {
			t.Error(a.Body)
		}
	})
}

func TestAListIsFiltered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		began := time.Now()
		first := d.ended("full")
		time.Sleep(time.Minute)
		second := d.place("full")
		at := func(d time.Duration) string {
			return url.QueryEscape(began.Add(d).In(time.FixedZone("", 7200)).Format(time.RFC3339))
		}
		for query, want := range map[string][]call.ID{
			"":                                   {second, first},
			"status=canceled":                    {first},
			"status=dialing":                     {second},
			"outcome=pending":                    {second},
			"outcome=booked":                     nil,
			"to=%2B14155550002":                  {second},
			"to=+14155550002":                    {second}, // a plus sign that nobody escaped
			"to=%2B1415555000":                   nil,
			"from=" + at(time.Second):            {second},
			"from=" + began.Format(time.RFC3339): {second, first},
			"until=" + at(time.Minute):           {first},
			"from=" + at(0) + "&until=" + at(time.Hour) + "&status=dialing&outcome=pending": {second},
		} {
			if got := idsOf(read[listAnswer](t, d.ask("GET", "full", "/calls?"+query))); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	})
}

func TestBadQuestionsAreNamedByTheirFields(t *testing.T) {
	d := newDesk(t)
	for range 3 {
		d.place("full")
	}
	next := read[listAnswer](t, d.ask("GET", "full", "/calls?limit=1")).Next
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"q":"x","t":"2026-03-02T09:00:00Z","i":"../../x"}`))
	for query, field := range map[string]string{
		"status=done": "status", "status=": "status", "status=BOOKED": "status", "outcome=booked,pending": "outcome",
		"to=4155550123": "to", "to=": "to", "to=%2B1415*": "to", "to=%2B0123456789": "to", "to=%2B12345678901234567": "to",
		"from=yesterday": "from", "from=2026-03-02": "from", "until=2026-03-02T09:00:00": "until", "from=": "from", "from=0000-01-01T00:00:00Z": "from", "until=0001-01-01T00:00:00Z": "until", "until=9999-12-31T23:00:00-02:00": "until",
		"from=2026-03-02T09:00:00Z&until=2026-03-02T09:00:00Z": "until",
		"limit=0": "limit", "limit=101": "limit", "limit=-1": "limit", "limit=ten": "limit", "limit=": "limit", "limit=1e2": "limit", "limit=%2B5": "limit",
		"limit=5&limit=6": "limit", "page=2": "page", "Status=busy": "Status", "token=full": "token",
		"cursor=": "cursor", "cursor=%00": "cursor", "cursor=AAAA": "cursor", "cursor=" + forged: "cursor", "cursor=" + strings.Repeat("A", 1000): "cursor",
		"cursor=" + next + "&status=busy": "cursor", "cursor=" + next + "=": "cursor", "cursor=" + next[1:]: "cursor",
		"limit=5;status=busy": "query", "to=%2B1415555012%3&limit=1": "query", "limit=1&status=%": "query", "limit=1&%zz": "query", "to=%2B14155550001%": "query",
	} {
		w := d.ask("GET", "full", "/calls?"+query)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
			continue
		}
		if e := failure(t, w); len(e.Error.Fields) == 0 || e.Error.Fields[field] == "" || strings.Contains(w.Body.String(), "141555") {
			t.Errorf("%s: %v", query, e)
		}
	}
	for bearer, want := range map[string]int{"full": 200, "watcher": 400, "reader": 400} {
		if w := d.ask("GET", bearer, "/calls?cursor="+next); w.Code != want {
			t.Errorf("%s with full's cursor: %d", bearer, w.Code)
		}
	}
	if w := d.ask("GET", "full", "/calls?cursor="+next, "Accept", eventStream); w.Code != 400 {
		t.Errorf("a stream of another page: %d", w.Code)
	}
	for _, path := range []string{"/calls/k3?lines=1.0", "/calls/k3/recording?range=1", "/calls/k3/events?x=1"} {
		if w := d.ask("GET", "full", path); w.Code != 400 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := d.ask("DELETE", "full", "/calls/k3?force=true"); w.Code != 400 {
		t.Errorf("a deletion with a parameter: %d", w.Code)
	}
}

func TestAStoreThatFailsIsSaid(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	d.Store.FailWith(func(string, call.Call) error { return errors.New("open /secret: no such file") })
	for _, route := range [][2]string{{"GET", "/calls"}, {"GET", "/calls/" + string(id)}, {"DELETE", "/calls/" + string(id)}, {"GET", "/calls/" + string(id) + "/recording"}} {
		w := d.ask(route[0], "full", route[1])
		if w.Code != 503 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d %s", route, w.Code, w.Body)
		}
	}
	if w := d.ask("GET", "full", "/calls", "Accept", eventStream); w.Code != 503 {
		t.Errorf("a stream: %d", w.Code)
	}
}

func FuzzCursor(f *testing.F) {
	q := call.Query{Owner: "full"}
	good, _ := cursorOf(q, call.Place{CreatedAt: time.Unix(1, 5), ID: "k3"})
	f.Add(good)
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		at, problem := placeOf(q, text)
		if (at == nil) == (problem == "") {
			t.Errorf("%q: %v, %q", text, at, problem)
		}
		if at != nil && !at.ID.Valid() {
			t.Errorf("%q leads to %q", text, at.ID)
		}
	})
}
