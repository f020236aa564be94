package callsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func said(text string) call.Line {
	return call.Line{Kind: "transcript", Speaker: "callee", Text: text}
}

// texts are the lines in short.
func texts(lines []lineEvent) (all []string) {
	for _, l := range lines {
		all = append(all, fmt.Sprintf("%d.%d %s", l.Attempt, l.N, l.Text))
	}
	return all
}

func linesOf(t testing.TB, w *httptest.ResponseRecorder) (eventsAnswer, []lineEvent) {
	t.Helper()
	a := eventsOf(t, w)
	if a.Lines == nil || *a.Lines == nil {
		t.Fatalf("no lines in %s", w.Body)
	}
	return a, *a.Lines
}

func TestALongPollTellsLinesWhereTheyAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		path := "/calls/" + string(id) + "/events"
		if body := d.listen(t.Context(), "full", path).Body.String(); strings.Contains(body, "lines") {
			t.Error(body)
		}
		if _, lines := linesOf(t, d.listen(t.Context(), "full", path+"?lines=1.0")); len(lines) != 0 {
			t.Errorf("%v", lines)
		}
		d.archive.Say(id, 1, time.Now(), said("one"), said("two"))
		if _, lines := linesOf(t, d.listen(t.Context(), "full", path+"?lines=1.1")); !slices.Equal(texts(lines), []string{"1.2 two"}) {
			t.Errorf("%v", texts(lines))
		}
		began := time.Now()
		go func() { time.Sleep(3 * time.Second); d.archive.Say(id, 1, began, said("three")) }()
		a, lines := linesOf(t, d.listen(t.Context(), "full", path+"?after=2&lines=1.2&wait=25s"))
		if took := time.Since(began); !slices.Equal(texts(lines), []string{"1.3 three"}) || len(a.Events) != 0 || took < 3*time.Second || took > 4*time.Second {
			t.Errorf("%v after %s", texts(lines), took)
		}
		d.end(id) // its last line is not written yet
		if a, _ = linesOf(t, d.listen(t.Context(), "full", path+"?after=2&lines=1.3")); a.Final || len(a.Events) != 1 {
			t.Errorf("%+v", a)
		}
		d.archive.Say(id, 1, began, said("bye"))
		d.archive.Complete(id, 1)
		if a, lines = linesOf(t, d.listen(t.Context(), "full", path+"?after=3&lines=1.3&wait=25s")); !a.Final || !slices.Equal(texts(lines), []string{"1.4 bye"}) {
			t.Errorf("%+v %v", a, texts(lines))
		}
	})
}

// Lines of later attempts follow by themselves; an attempt in which nobody spoke has none.
func TestLinesGoOnInTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		c, _ := d.Store.Get(t.Context(), id)
		for n := 2; n <= 3; n++ {
			c.Attempts = append(c.Attempts, call.Attempt{Number: n, Status: call.Busy})
		}
		if err := d.Store.Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for attempt, text := range map[int]string{1: "first", 3: "third"} {
			d.archive.Say(id, attempt, time.Now(), said(text))
			d.archive.Complete(id, attempt)
		}
		for after, want := range map[string][]string{"1.0": {"1.1 first", "3.1 third"}, "1.1": {"3.1 third"}, "2.7": {"3.1 third"}, "3.1": nil, "9.0": nil, "1.99": {"3.1 third"}} {
			if _, lines := linesOf(t, d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines="+after)); !slices.Equal(texts(lines), want) {
				t.Errorf("after %s: %v", after, texts(lines))
			}
		}
	})
}

// The last lines of an attempt may come when the next one has begun: they are waited for,
// in their order, though not for good.
func TestTheLastLinesOfAnAttemptComeBeforeThoseOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		c, _ := d.Store.Get(t.Context(), id)
		ended := time.Now()
		c.Attempts[0].Status, c.Attempts[0].EndedAt = call.Failed, &ended
		c.Attempts = append(c.Attempts, call.Attempt{Number: 2, Status: call.InProgress})
		if err := d.Store.Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		d.archive.Say(id, 1, ended, said("one"))
		d.archive.Say(id, 2, ended, said("again"))
		want := func(after string, lines ...string) {
			t.Helper()
			if _, got := linesOf(t, d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines="+after)); !slices.Equal(texts(got), lines) {
				t.Errorf("after %s: %v, want %v", after, texts(got), lines)
			}
		}
		want("1.0", "1.1 one")
		d.archive.Say(id, 1, ended, said("bye"))
		want("1.1", "1.2 bye")
		want("1.2")
		time.Sleep(lateLines)
		want("1.2", "2.1 again")
		want("1.0", "1.1 one", "1.2 bye", "2.1 again")
	})
}

func TestAStreamTellsLinesWithoutANumberAndEndsAfterTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		d.archive.Say(id, 1, time.Now(), said("hello"), call.Line{Kind: "tool_called", Name: "find_slots", Data: json.RawMessage(`{"a":1}`)})
		out := make(chan string, 1)
		go func() {
			out <- d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines=1.0", "Accept", eventStream).Body.String()
		}()
		time.Sleep(2 * time.Second)
		d.end(id)
		time.Sleep(2 * time.Second)
		d.archive.Say(id, 1, time.Now(), said("</script>\u202e"))
		d.archive.Complete(id, 1)
		ended := time.Now()
		body := <-out
		if took := time.Since(ended); took > time.Second {
			t.Errorf("it ended %s after the last line", took)
		}
		var names []string
		for _, e := range sent(body) {
			names = append(names, e[0])
		}
		if want := []string{"queued", "dialing", "line", "line", "ended", "line"}; !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
		if !strings.Contains(body, "\n\nevent: line\ndata: {\"attempt\":1,\"n\":2,") || !strings.Contains(body, `"data":{"a":1}`) || strings.Count(body, "id: ") != 3 {
			t.Error(body)
		}
	})
}

// Whoever wrote the lines may be lost with its host: nobody waits for it for good.
func TestLinesThatNeverCompleteAreNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.ended("full")
		d.archive.Say(id, 1, time.Now(), said("hello"))
		began := time.Now()
		d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines=1.0", "Accept", eventStream)
		if took := time.Since(began); took < lateLines || took > lateLines+2*time.Second {
			t.Errorf("the stream lasted %s", took)
		}
	})
}

func TestALongTimelineComesInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.ended("full")
		lines := make([]call.Line, 2*mostLines+mostLines/2)
		d.archive.Say(id, 1, time.Now(), lines...)
		d.archive.Complete(id, 1)
		after := 0
		for _, want := range []int{mostLines, mostLines, mostLines / 2} {
			a, got := linesOf(t, d.listen(t.Context(), "full", fmt.Sprintf("/calls/%s/events?lines=1.%d", id, after)))
			if len(got) != want || got[0].N != after+1 || a.Final != (want < mostLines) {
				t.Fatalf("%d lines from %d on, final %v", len(got), got[0].N, a.Final)
			}
			after += want
		}
		body := d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines=1.0", "Accept", eventStream).Body.String()
		if n := strings.Count(body, "event: line\n"); n != len(lines) {
			t.Errorf("the stream told %d lines", n)
		}
	})
}

func TestBadPlacesInATimelineAreRefused(t *testing.T) {
	d := newDesk(t)
	id := d.place("full")
	for _, lines := range []string{"", "1", "0.0", "1.", ".1", "1.-1", "-1.0", "1.x", "1.0.0", "1,0", "99999.0", "1.99999999999", "%2B1.0"} {
		if w := d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines="+lines); w.Code != 400 || failure(t, w).Error.Fields["lines"] == "" {
			t.Errorf("%q: %d", lines, w.Code)
		}
	}
}

func TestAnArchiveThatFailsIsSaidAndCutsAStreamOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.place("full")
		path := "/calls/" + string(id)
		out := make(chan string, 1)
		go func() {
			out <- d.listen(t.Context(), "full", path+"/events?lines=1.0", "Accept", eventStream).Body.String()
		}()
		synctest.Wait()
		d.archive.FailWith(func(string, call.ID) error { return errors.New("read /secret: input/output error") })
		if body := <-out; strings.Contains(body, "secret") {
			t.Error(body)
		}
		for _, target := range []string{path, path + "/events?lines=1.0", path + "/recording"} {
			if w := d.listen(t.Context(), "full", target); w.Code != 503 || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
		if w := d.listen(t.Context(), "full", path+"/events"); w.Code != 200 {
			t.Errorf("events alone need no archive: %d", w.Code)
		}
	})
}

// Where nothing is kept, lines are none, and nobody waits for them.
func TestWithoutAnArchiveThereAreNoLines(t *testing.T) {
	d := newDesk(t)
	d.Service.Archive = nil
	id := d.ended("full")
	if a, lines := linesOf(t, d.listen(t.Context(), "full", "/calls/"+string(id)+"/events?lines=1.0&wait=25s")); len(lines) != 0 || !a.Final {
		t.Errorf("%+v", a)
	}
}
