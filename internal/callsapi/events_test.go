package callsapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func eventsOf(t testing.TB, w *httptest.ResponseRecorder) eventsAnswer {
	t.Helper()
	var a eventsAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || a.Events == nil {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return a
}

func TestALongPollAnswersWithWhatItHasOrWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		path := "/calls/" + string(id) + "/events"
		a := eventsOf(t, d.listen(t.Context(), "full", path))
		if len(a.Events) != 2 || a.Events[1].Event != call.StageDialing || a.Last != 2 || a.Final {
			t.Errorf("%+v", a)
		}
		go func() { time.Sleep(7 * time.Second); d.ringing(id) }()
		began := time.Now()
		a = eventsOf(t, d.listen(t.Context(), "reader", path+"?after=2&wait=25s"))
		if took := time.Since(began); len(a.Events) != 1 || a.Events[0].Event != call.StageRinging || a.Last != 3 || took < 7*time.Second || took > 8*time.Second {
			t.Errorf("%+v after %s", a, took)
		}
		began = time.Now()
		if a = eventsOf(t, d.listen(t.Context(), "full", path+"?after=3&wait=1h")); len(a.Events) != 0 || a.Last != 3 || time.Since(began) != 25*time.Second {
			t.Errorf("%+v after %s", a, time.Since(began))
		}
		d.end(id)
		if a = eventsOf(t, d.listen(t.Context(), "full", path+"?wait=25s", "Last-Event-ID", "3")); len(a.Events) != 1 || !a.Final || a.Events[0].Status != call.Canceled {
			t.Errorf("%+v", a)
		}
		began = time.Now()
		if a = eventsOf(t, d.listen(t.Context(), "full", path+"?after=4&wait=25s")); len(a.Events) != 0 || !a.Final || time.Since(began) > 0 {
			t.Errorf("nothing more will come, and it was waited for: %+v", a)
		}
	})
}

func TestListeningIsForThoseWhoMaySeeTheCall(t *testing.T) {
	d := newDesk(t)
	path := "/calls/" + string(d.place("full")) + "/events"
	for _, tt := range []struct {
		bearer, target string
		want           int
	}{
		{"nobody", path, 401},
		{"caller", path, 403},
		{"watcher", path, 404}, // another token's call
		{"reader", path, 200},
		{"full", "/calls/nope/events", 404},
		{"full", "/calls/a.b/events", 404},
		{"full", "/calls/%2e%2e/events", 404},
		{"full", "/calls/" + strings.Repeat("x", 65) + "/events", 404},
		{"full", path + "?after=-1", 400},
		{"full", path + "?after=x", 400},
		{"full", path + "?wait=25", 400},
		{"full", path + "?wait=-1s", 400},
		{"full", path + "?after=99999999999999999999", 400},
		{"full", path + "?after=7", 200},
	} {
		if w := d.listen(t.Context(), tt.bearer, tt.target); w.Code != tt.want {
			t.Errorf("%q %s: %d, want %d: %s", tt.bearer, tt.target, w.Code, tt.want, w.Body)
		}
	}
}

// sse is a listener's stream over a real connection.
type sse struct {
	*bufio.Scanner
	body interface{ Close() error }
}

func (d *desk) stream(url, lastID string) (*sse, *http.Response) {
	d.Helper()
	r, _ := http.NewRequest(http.MethodGet, url, nil)
	r.Header.Set("Authorization", "Bearer full")
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = res.Body.Close() })
	return &sse{bufio.NewScanner(res.Body), res.Body}, res
}

// until reads lines up to one that has the prefix; "" where the stream ended before.
func (s *sse) until(prefix string) string {
	for s.Scan() {
		if strings.HasPrefix(s.Text(), prefix) {
			return s.Text()
		}
	}
	return ""
}

func TestAStreamTellsEventsAsTheyComeAndEndsWithTheCall(t *testing.T) {
	d := newDesk(t)
	id := d.place("full")
	srv := httptest.NewServer(d.handler)
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	url := srv.URL + "/calls/" + string(id) + "/events"
	s, res := d.stream(url, "")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || !strings.Contains(res.Header.Get("Cache-Control"), "no-transform") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, want := range []string{"retry: 2000", "id: 1", "event: queued", "id: 2", "event: dialing"} {
		if s.until(want) != want {
			t.Fatalf("no %q", want)
		}
	}
	d.ringing(id)
	if s.until("event: ringing") == "" {
		t.Fatal("no ringing")
	}
	data := strings.TrimPrefix(s.until("data: "), "data: ")
	var e call.StepDocument
	if err := json.Unmarshal([]byte(data), &e); err != nil || e.ID != 3 || e.Attempt != 1 {
		t.Errorf("%s, %v", data, err)
	}
	resumed, _ := d.stream(url, "2")
	if got := resumed.until("id: "); got != "id: 3" {
		t.Errorf("resumed with %q", got)
	}
	d.end(id)
	if s.until("event: ended") == "" || s.until("never") != "" || s.Err() != nil {
		t.Errorf("the stream did not end with the call: %v", s.Err())
	}
	if _, res := d.stream(url, "4"); res.StatusCode != http.StatusNoContent {
		t.Errorf("who has heard the end is answered %d, and would come back", res.StatusCode)
	}
}

// quietly opens a stream to which nothing is told, in a bubble, and returns what it was sent.
func quietly(ctx context.Context, d *desk, id call.ID) <-chan string {
	out := make(chan string, 1)
	go func() {
		w := d.listen(ctx, "full", "/calls/"+string(id)+"/events", "Accept", "text/html;q=0.5, text/event-stream")
		out <- w.Body.String()
	}()
	return out
}

func TestAQuietStreamBeatsAndEndsWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		began := time.Now()
		body := <-quietly(t.Context(), d, id)
		if beats := strings.Count(body, ": still here\n\n"); beats < 59 || beats > 60 || time.Since(began) != 15*time.Minute {
			t.Errorf("%d beats in %s", beats, time.Since(began))
		}
	})
}

func TestAStreamEndsWithItsServerAndWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		ending := make(chan struct{})
		d.serve(listening(Listening{Ending: ending}))
		out := quietly(t.Context(), d, id)
		synctest.Wait()
		close(ending)
		<-out
		d.serve()
		ctx, cancel := context.WithCancel(t.Context())
		out = quietly(ctx, d, id)
		synctest.Wait()
		cancel()
		<-out
	})
}

func TestListenersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		d.serve(listening(Listening{Most: 2}))
		ctx, cancel := context.WithCancel(t.Context())
		first, second := quietly(ctx, d, id), quietly(ctx, d, id)
		synctest.Wait()
		path := "/calls/" + string(id) + "/events"
		if w := d.listen(t.Context(), "full", path+"?after=2&wait=5s"); w.Code != 429 || w.Header().Get("Retry-After") != "2" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if w := d.listen(t.Context(), "full", path); w.Code != 200 {
			t.Errorf("a question that waits for nothing: %d", w.Code)
		}
		cancel()
		<-first
		<-second
		if w := d.listen(t.Context(), "full", path+"?after=2&wait=5s"); w.Code != 200 {
			t.Errorf("the places were not given back: %d", w.Code)
		}
	})
}

// A function's answers are sent whole: it tells what there is, and the client comes back.
func TestABatchEndsAtOnce(t *testing.T) {
	d := newDesk(t)
	id := d.place("full")
	d.serve(listening(Listening{Batch: true}))
	if body := <-quietly(t.Context(), d, id); !strings.HasPrefix(body, "retry: 5000\n\nid: 1\n") || !strings.Contains(body, "event: dialing\n") {
		t.Error(body)
	}
}

func TestAStoreThatFailsCutsAStreamOffAndFailsAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		out := quietly(t.Context(), d, id)
		synctest.Wait()
		reads := 0
		d.Store.FailWith(func(op string, _ call.Call) error {
			if reads++; op == "get" && reads > 1 {
				return errors.New("open /secret: no such file")
			}
			return nil
		})
		if body := <-out; strings.Contains(body, "secret") {
			t.Error(body)
		}
		reads = 0
		if w := d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?after=2&wait=5s"); w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
