package stream

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/folder"
	"github.com/clawdbot/call-agent/media"
)

// TestACallIsReadWhileItIsHeld over real sockets: its timeline grows, and is complete with
// its recording when the line is down.
func TestACallIsReadWhileItIsHeld(t *testing.T) {
	t.Parallel()
	kept, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	r := newRig(t, func(o *Options) {
		o.Keep = Keep{To: kept, What: archive.What{Timeline: true, Recording: true}}
	})
	p := r.dial("/" + r.token)
	p.start(calltest.Account, r.call.Attempts[0].ProviderCallID, nil)
	read := func() call.Timeline {
		tl, err := kept.Timeline(t.Context(), r.call.ID, 1, 0)
		if err != nil && !errors.Is(err, call.ErrNotFound) {
			t.Fatal(err)
		}
		return tl
	}
	r.await("what the agent says is read while the call goes on", func() bool {
		has := map[string]bool{}
		for _, l := range read().Lines {
			has[l.Kind] = true
		}
		return has["started"] && has["agent_started"] && has["transcript"] && has[call.LineLevels]
	})
	if tl := read(); tl.Complete || tl.DurationMS < 1000 {
		t.Errorf("%+v", tl)
	}
	if _, err := kept.Recording(t.Context(), r.call.ID, 1); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("a recording of a call that goes on: %v", err)
	}
	p.hangUp()
	r.await("the timeline is complete", func() bool { return read().Complete })
	tl := read()
	rec, err := kept.Recording(t.Context(), r.call.ID, 1)
	if err != nil || tl.Cut {
		t.Fatalf("%v, cut %v", err, tl.Cut)
	}
	defer rec.Close()
	if ms := (rec.Size - archive.HeaderSize) / archive.BytesPerMS; ms < tl.DurationMS-1 || ms > tl.DurationMS+1 {
		t.Errorf("%d ms are recorded of %d", ms, tl.DurationMS)
	}
	if log := r.world.Log.String(); strings.Contains(log, "AI assistant") {
		t.Error("words of the call stand in the log")
	}
}

// TestWhatAToolWasGivenIsNotToldToThePage: it is for whoever may read the call.
func TestWhatAToolWasGivenIsNotToldToThePage(t *testing.T) {
	got := string(momentMessage(media.Moment{At: time.Now(), Kind: media.MomentToolCalled, Name: "calendar_find_slots", Item: "call_1", Data: `{"secret":1}`}))
	if want := `{"event":"moment","moment":{"kind":"tool_called","name":"calendar_find_slots","ms":0}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, kind := range []media.MomentKind{media.MomentMark, media.MomentAgentStarted, media.MomentAgentStopped} {
		if told[kind] {
			t.Errorf("%s is told", kind)
		}
	}
}
