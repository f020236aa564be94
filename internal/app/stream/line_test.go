package stream

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// newLine is a line whose session is never run: what the session would call is called by the test.
func newLine(r *rig) *line {
	r.Helper()
	token, err := r.world.Service.CheckStream(r.Context(), r.token)
	if err != nil {
		r.Fatal(err)
	}
	h := &Handler{o: Options{Service: r.world.Service, Log: r.world.Service.Log}}
	l := &line{h: h, token: token, ctx: r.Context()}
	r.Cleanup(l.wait)
	return l
}

var ours = twiliostream.Start{AccountSID: calltest.Account, CallSID: "CA0001"}

func TestASessionThatEndedWhileItsStreamWasOpenedIsOnRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	l := newLine(r)
	l.settle(media.Outcome{Reason: media.EndHostLost})
	if err := l.admit(t.Context(), ours); !errors.Is(err, errOverBeforeStart) {
		t.Errorf("admitted: %v", err)
	}
	if a := r.get(r.call.ID).Attempts[0]; a.EndReason != call.EndHostLost {
		t.Errorf("the attempt's end is %q, %s", a.EndReason, a.Status)
	}
	l.wait()
}

func TestASettledLineWritesNothingMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	l := newLine(r)
	l.Observe(media.Moment{Kind: media.MomentGreetingHeard}) // not admitted yet
	if err := l.admit(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	l.settle(media.Outcome{Reason: media.EndRefused, GreetingHeard: true})
	if a := r.get(r.call.ID).Attempts[0]; a.GreetingHeardAt == nil || a.Status != call.Completed {
		t.Errorf("the greeting that only the outcome knows of is not on record: %s", a.Status)
	}
	written := len(r.world.Store.History(r.call.ID))
	l.Observe(media.Moment{Kind: media.MomentCalleeStopped})
	l.settle(media.Outcome{Reason: media.EndSilence})
	l.wait()
	if n := len(r.world.Store.History(r.call.ID)); n != written {
		t.Errorf("%d writes after the end", n-written)
	}
}

func TestAMomentIsWrittenOnceAndAgainOnlyIfItFailed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	l := newLine(r)
	if err := l.admit(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	var asked int
	failing := true
	r.world.Store.FailWith(func(op string, _ call.Call) error {
		if op == "get" {
			asked++
			if failing {
				return errors.New("away")
			}
		}
		return nil
	})
	l.Observe(media.Moment{Kind: media.MomentCalleeStopped})
	r.await("the failed write is given up", func() bool { return !l.answered.Load() })
	r.world.Store.FailWith(nil)
	failing = false
	for range 3 {
		l.Observe(media.Moment{Kind: media.MomentCalleeStopped})
	}
	r.await("the repeat is on record", func() bool { return r.get(r.call.ID).Attempts[0].CalleeSpokeAt != nil })
	if asked != 1 {
		t.Errorf("%d tries while the store was away, want 1", asked)
	}
	versions := len(r.world.Store.History(r.call.ID))
	l.Observe(media.Moment{Kind: media.MomentCalleeStopped})
	l.settle(media.Outcome{Reason: media.EndSilence})
	// settle writes the session's end and that the line is down.
	if n := len(r.world.Store.History(r.call.ID)); n != versions+2 {
		t.Errorf("%d more writes, want 2", n-versions)
	}
}

func TestALeaseThatTheRecordHasGivenUpEndsTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	if err := r.world.Service.MachineVerdict(t.Context(), r.call.ID, 1, call.ProviderReport{ProviderCallID: "CA0001", Machine: true}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	select {
	case <-p.gone:
	case <-time.After(call.LeaseLength/3 + 5*time.Second):
		t.Fatal("the session goes on")
	}
	t.Logf("ended after %v", time.Since(began))
	r.await("the log says why", func() bool {
		return strings.Contains(r.world.Log.String(), `"msg":"call held"`) && strings.Contains(r.world.Log.String(), `"attempt":1,"end_reason":"machine"`)
	})
}

func TestASessionThatTheRecordHasEndedEndsForTheRecordsReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(r *rig, id string) error
		want media.EndReason
	}{
		"machine": {func(r *rig, id string) error {
			return r.world.Service.MachineVerdict(r.Context(), r.call.ID, 1, call.ProviderReport{ProviderCallID: id, Machine: true})
		}, media.EndMachine},
		"hung up": {func(r *rig, id string) error {
			return r.endedAs(id, call.Completed)
		}, media.EndCalleeHangup},
		"failed at the provider": {func(r *rig, id string) error {
			return r.endedAs(id, call.Failed)
		}, media.EndPhoneLost},
		"away": {func(r *rig, _ string) error {
			r.world.Store.FailWith(func(string, call.Call) error { return errors.New("away") })
			return nil
		}, media.EndHostLost},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			l := newLine(r)
			if err := c.end(r, ours.CallSID); err != nil {
				t.Fatal(err)
			}
			if got := l.recordedEnd(); got != c.want {
				t.Errorf("ends as %s, want %s: %+v", got, c.want, r.get(r.call.ID).Attempts[0].EndReason)
			}
			r.world.Store.FailWith(nil)
		})
	}
	r := newRig(t, nil)
	l := newLine(r)
	l.token.Attempt = 7
	if got := l.recordedEnd(); got != media.EndHostLost {
		t.Errorf("an attempt that is not on record: %s", got)
	}
}

// endedAs lets the provider say how the ringing call ended.
func (r *rig) endedAs(id string, s call.Status) error {
	return r.world.Service.ProviderStatus(r.Context(), r.call.ID, 1, call.ProviderReport{ProviderCallID: id, Status: s, Sequence: 1, At: time.Now()})
}

// TestAFailedAttemptSaysWhy: and one that did not fail has no error.
func TestAFailedAttemptSaysWhy(t *testing.T) {
	t.Parallel()
	for _, reason := range media.EndReasons() {
		for _, heard := range []bool{false, true} {
			for _, goodbye := range []bool{false, true} {
				r := newRig(t, nil)
				l := newLine(r)
				if err := l.admit(t.Context(), ours); err != nil {
					t.Fatal(err)
				}
				l.settle(media.Outcome{Reason: reason, GreetingHeard: heard, FarewellPlayed: goodbye})
				l.wait()
				a := r.get(r.call.ID).Attempts[0]
				if (a.Status == call.Failed) != (a.Error != "") || len(a.Error) > 200 || strings.ContainsAny(a.Error, "\r\n") {
					t.Errorf("%s, greeting heard %t: %s says %q", reason, heard, a.Status, a.Error)
				}
			}
		}
	}
}
