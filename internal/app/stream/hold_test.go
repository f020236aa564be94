package stream

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// faulty puts a model that misbehaves in the place of the rig's, and tells the kinds of
// the responses it was asked for.
func faulty(t *testing.T, faults realtimetest.Faults) (change func(*Options), asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var kinds []string
	script, _ := realtimetest.ScriptOf("books")
	script.Faults = faults
	model := realtimetest.New(realtimetest.Config{
		Script: func(int, *http.Request) realtimetest.Script { return script },
		Record: func(side string, event json.RawMessage) {
			var e struct {
				Type     string
				Response struct{ Metadata struct{ Kind string } }
			}
			if side == realtimetest.SideClient && json.Unmarshal(event, &e) == nil && e.Type == "response.create" {
				mu.Lock()
				defer mu.Unlock()
				kinds = append(kinds, e.Response.Metadata.Kind)
			}
		},
	})
	web := httptest.NewServer(model)
	t.Cleanup(func() { _ = model.Close(); web.Close() })
	return func(o *Options) { o.Config.BaseURL = "ws" + strings.TrimPrefix(web.URL, "http") + "/v1" },
		func() []string { mu.Lock(); defer mu.Unlock(); return append([]string(nil), kinds...) }
}

func TestADisclosureThatIsMissedIsRepeatedBeforeTheOpening(t *testing.T) {
	t.Parallel()
	change, asked := faulty(t, realtimetest.Faults{OmitDisclosure: 1})
	r := newRig(t, change)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the opening is asked for", func() bool { return len(asked()) == 3 })
	if kinds := strings.Join(asked(), " "); kinds != "greeting greeting opening" {
		t.Errorf("asked for %s", kinds)
	}
	p.hangUp()
	r.await("the end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
	if a := r.get(r.call.ID).Attempts[0]; a.EndReason != call.EndCalleeHangup || a.Status != call.Completed || a.Error != "" {
		t.Errorf("%s, %s, %q", a.EndReason, a.Status, a.Error)
	}
}

// panicking is a meter that fails when a call is over.
type panicking struct{ unmetered }

func (panicking) Held(Held) { panic("of the meter") }

func TestAPanicIsItsOwnCallsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Meter = panicking{} })
	for i := range 2 {
		r.place(fmt.Sprintf("+1415555015%d", i))
		p := r.dial("/" + r.token)
		p.start(calltest.Account, fmt.Sprintf("CA000%d", 2+i), nil)
		r.await("the stream is on record", r.streaming)
		p.hangUp()
		r.await("the place is given back", func() bool { return r.sessions.Len() == 0 })
	}
	if log := r.world.Log.String(); strings.Count(log, "media stream panicked") != 2 || !strings.Contains(log, "of the meter") {
		t.Error("nobody is told")
	}
}

// What the call belongs to may be closed by its release, and that waits for every place.
func TestACallsPlaceIsGivenBackBeforeItsHost(t *testing.T) {
	t.Parallel()
	released := make(chan int, 1)
	var r *rig
	r = newRig(t, func(o *Options) {
		o.Hold = func() func() { return func() { released <- r.sessions.Len() } }
	})
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	select {
	case <-released:
		t.Fatal("released under the call")
	default:
	}
	p.hangUp()
	select {
	case left := <-released:
		if left != 0 {
			t.Errorf("%d places are taken still", left)
		}
	case <-time.After(time.Minute):
		t.Fatal("held for ever")
	}
}

func TestTheRequestEndsWithTheUpgrade(t *testing.T) {
	t.Parallel()
	served := make(chan struct{}, 1)
	r := newRig(t, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /voice/stream/{token}", func(w http.ResponseWriter, q *http.Request) {
		r.handler.ServeHTTP(w, q)
		served <- struct{}{}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	r.base = "ws" + strings.TrimPrefix(server.URL, "http") + "/voice/stream"
	p := r.dial("/" + r.token)
	select {
	case <-served:
	case <-time.After(time.Minute):
		t.Fatal("the server's request lasts as long as the call")
	}
	p.start(calltest.Account, "CA0001", nil)
	p.wantHeard()
	r.await("the stream is on record", r.streaming)
	p.hangUp()
}

func TestACallWithoutItsDisclosureEnds(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]realtimetest.Faults{
		"never said": {OmitDisclosure: math.MaxInt},
		"never told": {NoTranscript: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change, asked := faulty(t, faults)
			r := newRig(t, change)
			p := r.dial("/" + r.token)
			p.start(calltest.Account, "CA0001", nil)
			p.closed()
			if kinds := strings.Join(asked(), " "); kinds != "greeting greeting" {
				t.Errorf("asked for %s", kinds)
			}
			a := r.get(r.call.ID).Attempts[0]
			if a.EndReason != call.EndDisclosure || a.Status != call.Failed || !a.FarewellPlayed || !strings.Contains(a.Error, "disclosure") {
				t.Errorf("%s, %s, apology %t, %q", a.EndReason, a.Status, a.FarewellPlayed, a.Error)
			}
		})
	}
}
