package stream

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/media"
)

// tally is a Meter that remembers.
type tally struct {
	mu       sync.Mutex
	held     []Held
	refused  []Refusal
	unsigned int
	timed    map[media.Direction]int
	bargeIns int
}

func (m *tally) Overhead(d media.Direction, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timed == nil {
		m.timed = map[media.Direction]int{}
	}
	m.timed[d]++
}

func (m *tally) BargeIn(time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bargeIns++
}

func (m *tally) Held(h Held) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, h)
}

func (m *tally) Refused(r Refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = append(m.refused, r)
}

func (m *tally) Unsigned() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsigned++
}

func (m *tally) ended() []Held {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.held)
}

func TestWhatBecomesOfStreamsIsCounted(t *testing.T) {
	t.Parallel()
	m := new(tally)
	r := newRig(t, func(o *Options) {
		o.Meter, o.Config.MaxSessions = m, 1
		o.ValidateUpgrade = &UpgradeCheck{Hosts: []string{"wss://one.example"}, Require: true, Validate: func(req *http.Request, _ string) error {
			if req.Header.Get("X-Signature") == "good" {
				return nil
			}
			return errors.New("bad signature")
		}}
	})
	r.refused("/forged", http.StatusForbidden)
	expired := call.StreamToken{CallID: r.call.ID, Attempt: 1, Expires: time.Now().Add(-time.Second)}
	r.refused("/"+expired.Sign(r.world.Service.StreamSecret), http.StatusGone)
	r.refused("/"+r.token, http.StatusForbidden)
	p := r.dialWith("/"+r.token, http.Header{"X-Signature": {"good"}})
	p.start(calltest.Account, "CA0001", nil)
	p.wantHeard()
	r.refusedWith("/"+r.token, http.Header{"X-Signature": {"good"}}, http.StatusGone)
	r.place("+14155550124")
	r.refusedWith("/"+r.token, http.Header{"X-Signature": {"good"}}, http.StatusServiceUnavailable)
	p.hangUp()
	r.await("the session is counted", func() bool { return len(m.ended()) == 1 })
	if h := m.ended()[0]; h.Reason != call.EndCalleeHangup || h.Duration <= 0 || h.FirstAudio <= 0 {
		t.Errorf("%+v", h)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timed[media.ToPhone] == 0 {
		t.Errorf("timed %v; a call in which the agent spoke is timed", m.timed)
	}
	if want := []Refusal{RefusedToken, RefusedExpired, RefusedUnsigned, RefusedTaken, RefusedFull}; !slices.Equal(m.refused, want) || m.unsigned != 1 {
		t.Errorf("refused %v, %d unsigned; want %v, 1", m.refused, m.unsigned, want)
	}
}

// refusedWith is refused, with a header.
func (r *rig) refusedWith(path string, header http.Header, status int) {
	r.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(r.Context(), r.base+path, header)
	if err == nil {
		_ = ws.Close()
		r.Fatalf("%s was upgraded, want %d", path, status)
	}
	if res == nil || res.StatusCode != status {
		r.Fatalf("%s: %v %v, want %d", path, err, res, status)
	}
}

func TestEveryRefusalIsOnTheClosedList(t *testing.T) {
	for err, want := range map[error]Refusal{
		call.ErrBadToken: RefusedToken, call.ErrTokenExpired: RefusedExpired, call.ErrStreamTaken: RefusedTaken,
		errNotNamed: RefusedUnnamed, errors.New("the disk is gone"): RefusedOther,
	} {
		got := refusalOf(fmt.Errorf("wrapped: %w", err))
		if got != want || !slices.Contains(Refusals(), got) {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestASessionThatNeverStartedHasNoDuration(t *testing.T) {
	out := media.Outcome{Reason: media.EndPhoneLost, EndedAt: time.Now(), Quality: media.Quality{FirstAudioMS: -1, DroppedIn: 2, DroppedOut: 3, BargeIns: 4, TurnLatenciesMS: []int{250}}}
	h := heldOf(out, call.EndHostLost, call.Cost{Model: "m"})
	if h.Duration != 0 || h.FirstAudio >= 0 || h.FramesDropped != 5 || h.BargeIns != 4 || h.Reason != call.EndHostLost || h.Cost.Model != "m" ||
		!slices.Equal(h.TurnLatencies, []time.Duration{250 * time.Millisecond}) {
		t.Errorf("%+v", h)
	}
}

// Who asks for the call to be stopped may be another process: the host finds it in the record.
func TestACallThatIsToBeStoppedHearsAGoodbye(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting was heard", func() bool { l := r.sessions.List(); return len(l) == 1 && l[0].State == StateTalking })
	asked := time.Now()
	if _, err := r.world.Another().Cancel(t.Context(), "clawdbot", false, r.call.ID, "not needed"); err != nil {
		t.Fatal(err)
	}
	p.closed()
	r.await("the end is on record", func() bool { return r.get(r.call.ID).Attempts[0].EndedAt != nil })
	c := r.get(r.call.ID)
	if a := c.Attempts[0]; a.EndReason != call.EndCanceled || c.Status != call.Canceled || !a.FarewellPlayed || time.Since(asked) > 15*time.Second {
		t.Errorf("%s, %s, farewell %t, after %s", c.Status, a.EndReason, a.FarewellPlayed, time.Since(asked))
	}
}

func TestOperatorsSeeHowFarACallHasCome(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	r.await("a socket without a start is opening", func() bool { l := r.sessions.List(); return len(l) == 1 && l[0].State == StateOpening })
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting was heard", func() bool { return r.sessions.List()[0].State == StateTalking })
	if i := r.sessions.List()[0]; i.CallID != r.call.ID || i.Attempt != 1 || i.Since.IsZero() {
		t.Errorf("%+v", i)
	}
	if n := r.sessions.HangUp("another"); n != 0 {
		t.Errorf("%d sessions of a call that has none", n)
	}
	if n := r.sessions.HangUp(r.call.ID); n != 1 {
		t.Errorf("%d sessions were asked to end", n)
	}
	if i := r.sessions.List(); len(i) > 0 && i[0].State != StateEnding {
		t.Errorf("asked to end, and is %s", i[0].State)
	}
	p.closed()
	r.await("nobody is on the line", func() bool { return len(r.sessions.List()) == 0 })
	if a := r.get(r.call.ID).Attempts[0]; a.EndReason != call.EndCanceled || a.Status != call.Canceled || !a.FarewellPlayed {
		t.Errorf("%s, farewell %t", a.EndReason, a.FarewellPlayed)
	}
}
