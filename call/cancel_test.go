package call_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

func cancelled(t *testing.T, w *calltest.World, id call.ID) call.Call {
	t.Helper()
	c, err := w.Service.Cancel(t.Context(), "clawdbot", false, id, "not needed any more")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACallThatWaitsIsStoppedAtOnceAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Media.Down(&call.MediaError{Words: "full"})
		id := place(t, w).ID
		c := cancelled(t, w, id)
		if c.Status != call.Canceled || c.Outcome != call.NotBooked || !c.Final() || c.CancelReason != "not needed any more" {
			t.Errorf("%+v", c)
		}
		if again := cancelled(t, w, id); again.Version != c.Version {
			t.Error("a second request changed a final call")
		}
		w.Media.Down(nil)
		for range 5 {
			time.Sleep(time.Minute)
			if err := w.Service.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if dials := len(w.Telephony.Dials()); dials != 0 {
			t.Errorf("%d dials of a call that was stopped", dials)
		}
		posts := w.Notifier.Posts()
		if len(posts) != 1 || !strings.Contains(posts[0].Body, "canceled") || strings.Contains(posts[0].Body, "not needed") {
			t.Errorf("told %d times: %v", len(posts), posts)
		}
		if _, err := w.Service.Place(t.Context(), "clawdbot", calltest.Request(time.Now()), nil); err != nil {
			t.Errorf("the number is still taken: %v", err)
		}
	})
}

func TestARingingLineIsPutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		sid := get(t, w, id).Attempts[0].ProviderCallID
		if c := cancelled(t, w, id); c.Status != call.Canceled || c.Last().EndReason != call.EndCanceled {
			t.Errorf("%s, %s", c.Status, c.Last().EndReason)
		}
		if ended := w.Telephony.Ended(); len(ended) != 1 || ended[0] != sid {
			t.Errorf("lines put down: %v, want %s", ended, sid)
		}
		v := call.VoiceRequest{CallID: id, Attempt: 1, Report: call.ProviderReport{ProviderCallID: sid, Status: call.InProgress, Sequence: -1}}
		if r, err := w.Service.Voice(t.Context(), v); err != nil || r.Kind != call.VoiceHangUp {
			t.Errorf("picked up all the same: %v, %v", r.Kind, err)
		}
	})
}

// The provider cannot be reached when the line is to be put down: the sweep repeats it.
func TestALineThatCouldNotBePutDownIsPutDownLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		w.Telephony.OnEnd = func(string) error { return errors.New("503") }
		if c := cancelled(t, w, id); c.Status != call.Canceled {
			t.Errorf("%s", c.Status)
		}
		w.Telephony.OnEnd = nil
		time.Sleep(time.Minute)
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := get(t, w, id); c.Last().LineDownAt == nil {
			t.Error("the line is still up")
		}
	})
}

// Asked for while the provider is being asked to dial: the call that comes of it is ended.
func TestACallIsStoppedWhileItIsBeingDialled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		var during call.Call
		w.Telephony.OnStart = func(_ context.Context, d call.Dial) (call.Started, error) {
			during = cancelled(t, w, d.CallID)
			return call.Started{ProviderCallID: "CA1"}, nil
		}
		id := place(t, w).ID
		if during.Final() {
			t.Error("final while a create had no answer")
		}
		c := get(t, w, id)
		if c.Status != call.Canceled || c.Last().LineDownAt == nil {
			t.Errorf("%s, line down at %v", c.Status, c.Last().LineDownAt)
		}
	})
}

// The create's answer is lost, and the callback that binds the attempt comes after the request.
func TestACallWhoseDialIsUnknownIsStoppedWhenItShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		w.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) {
			return call.Started{}, &call.DialError{Kind: call.DialUnknown, Words: "lost", Err: errors.New("reset")}
		}
		id := place(t, w).ID
		if c := cancelled(t, w, id); c.Final() || c.Status != call.Queued {
			t.Errorf("%s", c.Status)
		}
		ringing := call.ProviderReport{ProviderCallID: "CA1", Status: call.Ringing, Sequence: 1}
		if err := w.Service.ProviderStatus(t.Context(), id, 1, ringing); err != nil {
			t.Fatal(err)
		}
		if c := get(t, w, id); c.Status != call.Canceled || c.Last().LineDownAt == nil {
			t.Errorf("%s, %+v", c.Status, c.Last())
		}
	})
}

func TestAConversationIsLeftToItsSessionAndNoLongerThanAFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		live := open(t, w)
		if asked, err := live.Canceled(t.Context()); asked || err != nil {
			t.Fatal(asked, err)
		}
		if c := cancelled(t, w, id); c.Final() || c.Status != call.InProgress || len(w.Telephony.Ended()) != 0 {
			t.Errorf("%s, lines put down: %v", c.Status, w.Telephony.Ended())
		}
		if told := w.Media.HungUp(); !slices.Equal(told, []call.ID{id}) {
			t.Errorf("the session was told %v", told)
		}
		if asked, err := live.Canceled(t.Context()); !asked || err != nil {
			t.Fatal(asked, err)
		}
		time.Sleep(31 * time.Second)
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := w.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := get(t, w, id); c.Status != call.Canceled || c.Last().LineDownAt == nil {
			t.Errorf("%s, line down at %v", c.Status, c.Last().LineDownAt)
		}
	})
}

// A stream must not be opened for a call that somebody stopped while it was on its way.
func TestNoStreamIsOpenedForACallThatIsToBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		token, err := w.Service.CheckStream(t.Context(), w.Telephony.Dials()[0].StreamToken)
		if err != nil {
			t.Fatal(err)
		}
		sid := get(t, w, id).Attempts[0].ProviderCallID
		cancelled(t, w, id)
		if _, err := w.Service.OpenStream(t.Context(), token, calltest.Account, sid); !errors.Is(err, call.ErrStreamTaken) {
			t.Errorf("%v", err)
		}
	})
}

func TestWhoseCallItIsNotCannotStopIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := calltest.NewWorld()
		id := place(t, w).ID
		_, err := w.Service.Cancel(t.Context(), "token-2", false, id, "")
		var e *call.Error
		if !errors.As(err, &e) || e.Code != call.NotFound {
			t.Errorf("%v", err)
		}
		if _, err := w.Service.Cancel(t.Context(), "token-2", true, id, ""); err != nil {
			t.Errorf("who may read all calls: %v", err)
		}
	})
}
