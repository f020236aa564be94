package callsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// watched is what a stream of the list is sent while something happens.
func watched(t *testing.T, d *desk, target string, happen func()) [][2]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan string, 1)
	go func() { out <- d.listen(ctx, "full", target, "Accept", eventStream).Body.String() }()
	synctest.Wait()
	time.Sleep(listEvery / 2) // what happens between two looks, and not in the instant of one, is seen whole
	happen()
	time.Sleep(2 * listEvery)
	cancel()
	return sent(<-out)
}

// words are the events in short: what came of whom.
func words(t *testing.T, events [][2]string) (all []string) {
	t.Helper()
	for _, e := range events[1:] {
		var s call.Summary
		if err := json.Unmarshal([]byte(e[1]), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(e[0], " ", s.CallID, " ", s.Status))
	}
	return all
}

func TestAListIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		first := d.place("full")
		var second, others call.ID
		events := watched(t, d, "/calls", func() {
			d.ringing(first)
			time.Sleep(2 * listEvery)
			second, others = d.place("full"), d.place("somebody")
			time.Sleep(2 * listEvery)
			d.end(second)
			time.Sleep(2 * listEvery)
			if w := d.ask("DELETE", "full", "/calls/"+string(second)); w.Code != 200 {
				t.Error(w.Body)
			}
		})
		var page listAnswer
		if err := json.Unmarshal([]byte(events[0][1]), &page); err != nil || events[0][0] != "page" || !page.OK || !slices.Equal(idsOf(page), []call.ID{first}) {
			t.Fatalf("it begins with %v, %v", events[0], err)
		}
		want := []string{
			fmt.Sprint("call ", first, " ringing"), fmt.Sprint("call ", second, " dialing"),
			fmt.Sprint("call ", second, " canceled"), fmt.Sprint("gone ", second, " "),
		}
		if got := words(t, events); !slices.Equal(got, want) {
			t.Errorf("%q, want %q (%s is another's)", got, want, others)
		}
	})
}

// A call that has become what was not asked for is told as that, once.
func TestWhoLeavesTheQuestionIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		events := watched(t, d, "/calls?status=dialing", func() {
			d.ringing(id)
			time.Sleep(2 * listEvery)
			d.end(id) // nobody asked
		})
		if got := words(t, events); !slices.Equal(got, []string{fmt.Sprint("call ", id, " ringing")}) {
			t.Errorf("%q", got)
		}
	})
}

// Whom newer calls push from the page has not changed.
func TestWhoIsPushedOutIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.place("full")
		var newer call.ID
		events := watched(t, d, "/calls?limit=1", func() { time.Sleep(time.Second); newer = d.place("full") })
		if got := words(t, events); !slices.Equal(got, []string{fmt.Sprint("call ", newer, " dialing")}) {
			t.Errorf("%q", got)
		}
	})
}

func TestALiveListBeatsAndEndsWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		began := time.Now()
		w := d.listen(t.Context(), "full", "/calls", "Accept", eventStream)
		if beats := strings.Count(w.Body.String(), ": still here\n\n"); beats < 59 || beats > 60 || time.Since(began) != listenLimit {
			t.Errorf("%d beats in %s", beats, time.Since(began))
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store, no-transform" {
			t.Error(got)
		}
	})
}

func TestALiveListOfAFunctionIsItsPage(t *testing.T) {
	d := newDesk(t, listening(Listening{Batch: true}))
	d.place("full")
	if events := sent(d.listen(t.Context(), "full", "/calls", "Accept", eventStream).Body.String()); len(events) != 1 || events[0][0] != "page" {
		t.Error(events)
	}
}

func TestALiveListEndsWithItsServerItsClientAndItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		d := newDesk(t, listening(Listening{Ending: ending, Most: 1}))
		watch := func(ctx context.Context) <-chan string {
			out := make(chan string, 1)
			go func() { out <- d.listen(ctx, "full", "/calls", "Accept", eventStream).Body.String() }()
			synctest.Wait()
			return out
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := watch(ctx)
		if w := d.listen(t.Context(), "full", "/calls", "Accept", eventStream); w.Code != 429 || w.Header().Get("Retry-After") != "2" {
			t.Errorf("one too many: %d", w.Code)
		}
		if w := d.ask("GET", "full", "/calls"); w.Code != 200 {
			t.Errorf("a page, while all places to listen are taken: %d", w.Code)
		}
		cancel()
		<-first
		second := watch(t.Context())
		d.Store.FailWith(func(string, call.Call) error { return errors.New("secret") })
		if body := <-second; strings.Contains(body, "secret") || !strings.Contains(d.log.String(), "cut off") {
			t.Errorf("%s, logged %s", body, d.log.String())
		}
		d.Store.FailWith(nil)
		third := watch(t.Context())
		close(ending)
		<-third
	})
}
