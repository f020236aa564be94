package stream

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/media"
)

// shelf is a keeper in memory with faults. Its entries are read under mu.
type shelf struct {
	mu        sync.Mutex
	full      error         // what every write meets, if anything
	stuck     chan struct{} // closed when a write that waits may go on; nil where none waits
	begun     int
	lines     []call.Line
	unshown   []call.Line // taken, and not shown
	sound     int
	end       *archive.End
	abandoned bool
}

func (s *shelf) Begin(_ context.Context, _ call.ID, _ int, _ time.Time, _ archive.What) (archive.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return s, s.full
}

func (s *shelf) wait() {
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
}

func (s *shelf) Append(_ context.Context, lines []call.Line) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lines {
		l.Callee, l.Agent = slices.Clone(l.Callee), slices.Clone(l.Agent)
		s.unshown = append(s.unshown, l)
	}
	if s.full == nil {
		s.lines, s.unshown = append(s.lines, s.unshown...), nil
	}
	return s.full
}

func (s *shelf) Record(stereo []byte) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full == nil {
		s.sound += len(stereo)
	}
	return s.full
}

func (s *shelf) Complete(ctx context.Context, end archive.End) error {
	err := s.Append(ctx, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = &end
	return err
}

func (s *shelf) Abandon(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = true
	return nil
}

func (s *shelf) set(full error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = full
}

// writing is a diary on a shelf, and a call on record that it belongs to.
type writing struct {
	*diary
	shelf    *shelf
	world    *calltest.World
	sessions *Sessions
	began    time.Time
}

func newWriting(t *testing.T, what archive.What) *writing {
	t.Helper()
	w := &writing{shelf: &shelf{}, world: calltest.NewWorld(), sessions: NewSessions(), began: time.Now()}
	h := New(Options{Service: w.world.Service, Sessions: w.sessions, Log: w.world.Service.Log, Keep: Keep{To: w.shelf, What: what}})
	a, err := w.world.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.diary = h.newDiary(t.Context(), call.StreamToken{CallID: a.CallID, Attempt: 1}, h.o.Log)
	return w
}

func (w *writing) happens(kinds ...media.MomentKind) {
	for _, k := range kinds {
		w.observe(media.Moment{At: time.Now(), Kind: k})
	}
}

func (w *writing) over() {
	w.close(media.Outcome{StartedAt: w.began, EndedAt: time.Now()})
}

func kindsOf(lines []call.Line) (kinds []string) {
	for _, l := range lines {
		if l.Kind != call.LineLevels {
			kinds = append(kinds, l.Kind)
		}
	}
	return kinds
}

var both = archive.What{Timeline: true, Recording: true}

func TestWhatHappensIsShownWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.happens(media.MomentReady) // the model was sooner than the phone
		w.happens(media.MomentStarted, media.MomentCalleeStarted)
		time.Sleep(writeEvery)
		synctest.Wait()
		w.shelf.mu.Lock()
		if got := kindsOf(w.shelf.lines); !reflect.DeepEqual(got, []string{"ready", "started", "callee_started"}) {
			t.Errorf("%v", got)
		}
		w.shelf.mu.Unlock()
		w.happens(media.MomentEnded)
		w.over()
		if e := w.shelf.end; e == nil || e.DurationMS != 1000 || e.Cut || !e.Recorded || w.shelf.abandoned {
			t.Errorf("%+v", e)
		}
	})
}

func TestManyCallsWriteLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		shown := func() int {
			synctest.Wait()
			w.shelf.mu.Lock()
			defer w.shelf.mu.Unlock()
			return len(kindsOf(w.shelf.lines))
		}
		w.sessions.calls = writesMost
		w.happens(media.MomentStarted)
		time.Sleep(writeStep)
		w.happens(media.MomentMark)
		time.Sleep(writeEvery)
		if n := shown(); n != 2 {
			t.Fatalf("%d moments are shown with %d calls, want 2", n, writesMost)
		}
		w.sessions.mu.Lock()
		w.sessions.calls = 2*writesMost + 1
		w.sessions.mu.Unlock()
		for beat, want := range []int{2, 4, 4, 4, 7} {
			w.happens(media.MomentMark)
			time.Sleep(writeEvery)
			if n := shown(); n != want {
				t.Errorf("at beat %d of three times as many calls %d moments are shown, want %d", beat, n, want)
			}
		}
		w.over()
	})
}

// TestAFullDiskIsNotTheCalls: it is said once, and what the disk takes later is whole.
func TestAFullDiskIsNotTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.happens(media.MomentStarted)
		time.Sleep(5 * time.Second)
		w.shelf.set(errors.New("no space left on device"))
		w.happens(media.MomentBargeIn)
		time.Sleep(20 * time.Second)
		w.shelf.set(nil)
		w.happens(media.MomentEnded)
		time.Sleep(5 * time.Second)
		w.over()
		if got := kindsOf(w.shelf.lines); !reflect.DeepEqual(got, []string{"started", "barge_in", "ended"}) {
			t.Errorf("%v", got)
		}
		if n := strings.Count(w.world.Log.String(), "no space left"); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

func TestADiskThatStaysFullLeavesNoRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.happens(media.MomentStarted)
		session := tapeOf(t, w.hears())
		session.talk(2 * time.Second)
		time.Sleep(time.Second)
		w.shelf.set(errors.New("no space left on device"))
		session.talk(time.Minute)
		w.over()
		if e := w.shelf.end; e == nil || e.Recorded {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(w.world.Log.String(), "there is no recording of the call") {
			t.Error("and nobody is told")
		}
	})
}

// TestNobodyWaitsForADiskThatHangs: the session least of all, and what waits
// has a bound.
func TestNobodyWaitsForADiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.happens(media.MomentStarted)
		time.Sleep(writeEvery + time.Millisecond)
		w.shelf.mu.Lock()
		w.shelf.stuck = make(chan struct{})
		w.shelf.mu.Unlock()
		time.Sleep(2 * writeEvery)
		before := time.Now()
		for range mostUnkept + 100 {
			w.happens(media.MomentMark)
		}
		if took := time.Since(before); took != 0 {
			t.Errorf("the session waited %v", took)
		}
		close(w.shelf.stuck)
		w.happens(media.MomentEnded)
		w.over()
		if n := len(kindsOf(w.shelf.lines)); n != 1+mostUnkept {
			t.Errorf("%d lines", n)
		}
		if !w.shelf.end.Cut {
			t.Error("nobody is told that lines are missing")
		}
	})
}

func TestWhereNothingCanBeBegunNothingIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.shelf.set(errors.New("read-only file system"))
		w.happens(media.MomentStarted)
		time.Sleep(writeStep)
		synctest.Wait()
		for range 100 {
			w.happens(media.MomentMark)
		}
		if len(w.moments) != 0 {
			t.Errorf("%d moments are held", len(w.moments))
		}
		w.over()
		if !strings.Contains(w.world.Log.String(), "read-only file system") {
			t.Error("and nobody is told")
		}
	})
}

func TestWhatIsKeptOfADeletedCallIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		w.token.CallID = "deleted"
		w.happens(media.MomentStarted, media.MomentEnded)
		w.over()
		if !w.shelf.abandoned {
			t.Error("it is still there")
		}
	})
}

func TestNothingIsKeptWhereNothingIsWanted(t *testing.T) {
	w := newWriting(t, archive.What{})
	if w.diary != nil {
		t.Fatal("there is a diary")
	}
	if w.hears() != nil {
		t.Error("and a tape")
	}
	w.happens(media.MomentStarted)
	w.over()
	if w.shelf.begun != 0 {
		t.Error("something was begun")
	}
	never := newWriting(t, both)
	never.over()
	if never.shelf.begun != 0 {
		t.Error("a session without a stream was kept")
	}
}

func TestAMomentIsALineOfTheTimeline(t *testing.T) {
	began := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	at := began.Add(1500 * time.Millisecond)
	for _, c := range []struct {
		m    media.Moment
		want call.Line
	}{
		{media.Moment{Kind: media.MomentTranscript, Name: "item", MS: 700, Speaker: media.SpeakerCallee, Text: "<b>כן</b>"}, call.Line{AtMS: 700, Item: "item", Speaker: "callee", Text: "<b>כן</b>"}},
		{media.Moment{Kind: media.MomentTruncate, Name: "item", MS: 640}, call.Line{AtMS: 1500, Item: "item", MS: 640}},
		{media.Moment{Kind: media.MomentFiller, Name: "filler_3", Text: "Just a second."}, call.Line{AtMS: 1500, Item: "filler_3", Text: "Just a second."}},
		{media.Moment{Kind: media.MomentDTMF, Name: "5"}, call.Line{AtMS: 1500}},
		{media.Moment{Kind: media.MomentAgentStopped, Name: media.HeardCut, Item: "item", MS: 3}, call.Line{AtMS: 1500, Name: "cut", Item: "item", MS: 3}},
		{media.Moment{Kind: media.MomentToolCalled, Name: "calendar_find_slots", Item: "call_1", Data: `{"a": 1}`}, call.Line{AtMS: 1500, Name: "calendar_find_slots", Item: "call_1", Data: json.RawMessage(`{"a": 1}`)}},
		{media.Moment{Kind: media.MomentToolCalled, Data: `{"a": `}, call.Line{AtMS: 1500, Data: json.RawMessage(`"{\"a\": "`)}},
		{media.Moment{Kind: media.MomentToolAnswered, Data: `"` + strings.Repeat("ä", mostData) + `"`}, call.Line{AtMS: 1500, Data: json.RawMessage(`"\"` + strings.Repeat("ä", mostData/2-1) + `"`)}},
		{media.Moment{Kind: media.MomentReady, At: began.Add(-time.Second)}, call.Line{}},
		{media.Moment{Kind: media.MomentTranscript, Text: strings.Repeat("ü", mostText)}, call.Line{Text: strings.Repeat("ü", mostText/2)}},
	} {
		if c.m.At.IsZero() {
			c.m.At = at
		}
		c.want.Kind = string(c.m.Kind)
		if got := lineOf(c.m, began); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v is\n%+v, want\n%+v", c.m.Kind, got, c.want)
		}
	}
}
