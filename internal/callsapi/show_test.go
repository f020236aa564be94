package callsapi

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func TestACallIsShownWithWhatIsKeptOfIt(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	text := "<img src=x onerror=alert(1)> \u202egnp.exe & \"quotes\""
	d.archive.Say(id, 1, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), said(text), call.Line{Kind: call.LineLevels, Callee: []int{0, 100}, Agent: []int{3, 4}})
	d.archive.Complete(id, 1)
	d.archive.Record(id, 1, make([]byte, wavHeader+16_000))
	w := d.ask("GET", "full", "/calls/"+string(id))
	a := read[callAnswer](t, w)
	if a.Call.CallID != id || a.Call.Request.To != "+14155550001" || len(a.Steps) != 3 || a.Keeps != (Keeps{true, true, 30}) {
		t.Errorf("%s", w.Body)
	}
	if len(a.Timelines) != 1 || !a.Timelines[0].Complete || a.Timelines[0].Lines[0].Text != text || len(a.Timelines[0].Lines) != 2 {
		t.Errorf("%+v", a.Timelines)
	}
	if len(a.Recordings) != 1 || a.Recordings[0] != (recordingDocument{1, wavHeader + 16_000, 1000}) {
		t.Errorf("%+v", a.Recordings)
	}
}

func TestACallOfWhichNothingIsKeptIsShown(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Keeps = Keeps{} })
	id := d.place("full")
	for range 2 {
		body := d.ask("GET", "full", "/calls/"+string(id)).Body.String()
		if !strings.Contains(body, `"timelines":[],"recordings":[],"keeps":{"transcript":false,"recording":false,"days":0}`) {
			t.Error(body)
		}
		d.Service.Archive = nil
	}
}

// A function's answer has a bound: what does not fit of a timeline is asked for as lines.
func TestAnAnswerWithABoundSaysWhereATimelineGoesOn(t *testing.T) {
	const bound = 100_000
	d := newDesk(t, func(o *Options) { o.MostBytes = bound })
	id := d.ended("full")
	lines := make([]call.Line, 5000)
	for i := range lines {
		lines[i] = said(`"` + strings.Repeat("x", 50) + `"`)
	}
	d.archive.Say(id, 1, time.Now(), lines...)
	d.archive.Complete(id, 1)
	w := d.ask("GET", "full", "/calls/"+string(id))
	a := read[callAnswer](t, w)
	got := len(a.Timelines[0].Lines)
	if a.Timelines[0].Complete || got < 500 || got >= len(lines) {
		t.Errorf("%d lines, complete %v", got, a.Timelines[0].Complete)
	}
	quoted, err := json.Marshal(w.Body.String())
	if err != nil || len(quoted) > bound+10_000 {
		t.Errorf("%d bytes in a function's answer", len(quoted))
	}
}

func TestADeletedCallIsGone(t *testing.T) {
	d := newDesk(t)
	id, other := d.ended("full"), d.ended("full")
	for _, c := range []call.ID{id, other} {
		d.archive.Say(c, 1, time.Now(), said("hello"))
		d.archive.Record(c, 1, make([]byte, 100))
	}
	path := "/calls/" + string(id)
	if w := d.ask("DELETE", "full", path); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"ok":true,"callId":"`+string(id)+`"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, route := range [][2]string{{"DELETE", path}, {"GET", path}, {"GET", path + "/events?lines=1.0"}, {"GET", path + "/recording"}} {
		if w := d.ask(route[0], "full", route[1]); w.Code != 404 {
			t.Errorf("%v: %d %s", route, w.Code, w.Body)
		}
	}
	if a := read[listAnswer](t, d.ask("GET", "full", "/calls")); len(a.Calls) != 1 || a.Calls[0].CallID != other {
		t.Errorf("%v", idsOf(a))
	}
	if _, err := d.archive.Timeline(t.Context(), id, 1, 0); !errors.Is(err, call.ErrNotFound) {
		t.Error(err)
	}
	if w := d.ask("GET", "full", "/calls/"+string(other)+"/recording"); w.Code != 200 {
		t.Errorf("another call's recording: %d", w.Code)
	}
}

func TestACallThatIsNotOverIsNotDeleted(t *testing.T) {
	d := newDesk(t)
	id := d.place("full")
	d.archive.Say(id, 1, time.Now(), said("hello"))
	w := d.ask("DELETE", "full", "/calls/"+string(id))
	if e := failure(t, w); w.Code != 409 || e.Error.Code != call.Conflict || !strings.Contains(e.Error.Message, "call_agent_cancel") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := d.archive.Timeline(t.Context(), id, 1, 0); err != nil {
		t.Error("what is kept of it was deleted")
	}
}

// A record never goes before what is kept of the call: the deletion can be asked for again.
func TestADeletionThatFailsCanBeRepeated(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	d.archive.Say(id, 1, time.Now(), said("hello"))
	d.archive.FailWith(func(string, call.ID) error { return errors.New("secret") })
	if w := d.ask("DELETE", "full", "/calls/"+string(id)); w.Code != 503 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.archive.FailWith(nil)
	d.Store.FailWith(func(op string, _ call.Call) error {
		if op == "delete" {
			return errors.New("secret")
		}
		return nil
	})
	if w := d.ask("DELETE", "full", "/calls/"+string(id)); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.Store.FailWith(nil)
	if w := d.ask("DELETE", "full", "/calls/"+string(id)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A host may be writing its last lines while the call is deleted.
func TestWhatIsWrittenDuringADeletionIsDeletedToo(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	d.Service.Store = late{d.Service.Store, func() { d.archive.Say(id, 1, time.Now(), said("late")) }}
	if w := d.ask("DELETE", "full", "/calls/"+string(id)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if _, err := d.archive.Timeline(t.Context(), id, 1, 0); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("it is left: %v", err)
	}
}

// late is a store before whose deletions something happens.
type late struct {
	call.Store
	first func()
}

func (l late) Delete(ctx context.Context, id call.ID) error {
	l.first()
	return l.Store.Delete(ctx, id)
}

func TestDeletingEndsAllListening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		id := d.ended("full")
		d.archive.Say(id, 1, time.Now(), said("hello")) // more is awaited
		path := "/calls/" + string(id) + "/events?lines=1.1&after=3"
		stream, poll := make(chan string, 1), make(chan int, 1)
		go func() { stream <- d.listen(t.Context(), "full", path, "Accept", eventStream).Body.String() }()
		go func() { poll <- d.listen(t.Context(), "full", path+"&wait=25s").Code }()
		synctest.Wait()
		began := time.Now()
		if w := d.ask("DELETE", "full", "/calls/"+string(id)); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		<-stream
		if code := <-poll; code != 404 || time.Since(began) > time.Second {
			t.Errorf("%d after %s", code, time.Since(began))
		}
		if strings.Contains(d.log.String(), "cut off") {
			t.Errorf("logged %s", d.log.String())
		}
	})
}
