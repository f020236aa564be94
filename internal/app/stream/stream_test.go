package stream

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Those that are parallel wait in real time, and hardly need a processor.
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// rig is the handler between a call that is dialled, a simulated model and plain sockets.
type rig struct {
	*testing.T
	world    *calltest.World
	sessions *Sessions
	handler  *Handler
	model    *realtimetest.Server
	base     string // ws://…
	call     call.Call
	token    string
}

// newRig dials one call. change may alter what the handler is made of.
func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{T: t, world: calltest.NewWorld(), sessions: NewSessions(), model: realtimetest.New(realtimetest.Config{})}
	model := httptest.NewServer(r.model)
	o := Options{
		Service: r.world.Service, Sessions: r.sessions, Log: r.world.Service.Log,
		Config: Config{
			BaseURL: "ws" + strings.TrimPrefix(model.URL, "http") + "/v1", Model: "gpt-realtime-2.1", Voice: "marin", APIKey: "key",
			OutputFormat: "audio/pcmu", Prices: config.New().Prices, MaxSessions: 2, MaxCall: time.Minute, SilencePrompt: 20 * time.Second, SilenceHangup: 40 * time.Second,
		},
	}
	if change != nil {
		change(&o)
	}
	mux := http.NewServeMux()
	h := New(o)
	r.handler = h
	mux.Handle("GET /voice/stream", h)
	mux.Handle("GET /voice/stream/{token}", h)
	agent := httptest.NewServer(mux)
	r.base = "ws" + strings.TrimPrefix(agent.URL, "http") + "/voice/stream"
	r.place("+14155550123")
	t.Cleanup(func() {
		r.sessions.Close()
		agent.Close()
		_ = r.model.Close()
		model.Close()
		if t.Failed() {
			t.Log(r.world.Log.String())
		}
	})
	return r
}

// place makes r.call and r.token those of a call that is ringing.
func (r *rig) place(to string) {
	r.Helper()
	request := calltest.Request(time.Now())
	request.To = to
	a, err := r.world.Service.Place(r.Context(), "clawdbot", request, nil)
	if err != nil {
		r.Fatal(err)
	}
	dials := r.world.Telephony.Dials()
	r.token = dials[len(dials)-1].StreamToken
	r.call = r.get(a.CallID)
}

func (r *rig) get(id call.ID) call.Call {
	r.Helper()
	c, err := r.world.Store.Get(context.WithoutCancel(r.Context()), id)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

// await polls until the condition holds: what it waits for comes over real sockets.
func (r *rig) await(what string, holds func() bool) {
	r.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	r.Fatalf("not in time: %s", what)
}

func (r *rig) streaming() bool { return r.get(r.call.ID).Attempts[0].StreamID != "" }

// refused dials and wants the upgrade refused with a status.
func (r *rig) refused(path string, status int) *http.Response {
	r.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(r.Context(), r.base+path, nil)
	if err == nil {
		_ = ws.Close()
		r.Fatalf("%s was upgraded, want %d", path, status)
	}
	if !errors.Is(err, websocket.ErrBadHandshake) || res.StatusCode != status {
		r.Fatalf("%s: %v %v, want %d", path, err, res, status)
	}
	return res
}

func TestATokenIsCheckedBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	forged := r.token[:len(r.token)-1] + "A"
	if forged == r.token {
		forged = r.token[:len(r.token)-1] + "B"
	}
	r.refused("/"+forged, http.StatusForbidden)
	r.refused("/x", http.StatusForbidden)
	expired := call.StreamToken{CallID: r.call.ID, Attempt: 1, Expires: time.Now().Add(-time.Second)}
	r.refused("/"+expired.Sign(r.world.Service.StreamSecret), http.StatusGone)
	unknown := call.StreamToken{CallID: "other", Attempt: 1, Expires: time.Now().Add(time.Minute)}
	r.refused("/"+unknown.Sign(r.world.Service.StreamSecret), http.StatusForbidden)
	second := call.StreamToken{CallID: r.call.ID, Attempt: 2, Expires: time.Now().Add(time.Minute)}
	r.refused("/"+second.Sign(r.world.Service.StreamSecret), http.StatusGone)
	r.world.Store.FailWith(func(string, call.Call) error { return errors.New("away") })
	r.refused("/"+r.token, http.StatusServiceUnavailable)
	r.world.Store.FailWith(nil)
	if r.model.Calls() != 0 {
		t.Error("the model was dialled for a stream that was refused")
	}
	if log := r.world.Log.String(); strings.Contains(log, r.token) || strings.Contains(log, forged) {
		t.Error("a token stands in the log")
	}
}

func TestATokenIsUsedUpByItsStart(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	r.refused("/"+r.token, http.StatusGone)
	p.hangUp()
	r.await("the call's end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
	r.refused("/"+r.token, http.StatusGone)
	if a := r.get(r.call.ID).Attempts[0]; a.Status != call.Failed || a.EndReason != call.EndGreetingUnheard {
		t.Errorf("hung up before a word: %s, %s", a.Status, a.EndReason)
	}
}

func TestAStartOfAnotherAccountOrCallLeavesTheTokenUsable(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, id := range [][2]string{{"ACother", "CA0001"}, {calltest.Account, "CA9999"}, {"", ""}} {
		p := r.dial("/" + r.token)
		p.start(id[0], id[1], nil)
		p.closed()
		if r.streaming() {
			t.Fatalf("a start of %v used the token up", id)
		}
	}
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the right start opens the stream", r.streaming)
	p.hangUp()
}

func TestOfTwoSocketsWithOneTokenOneIsTheCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a, b := r.dial("/"+r.token), r.dial("/"+r.token)
	go a.start(calltest.Account, "CA0001", nil)
	b.start(calltest.Account, "CA0001", nil)
	r.await("a stream is on record", r.streaming)
	select {
	case <-a.gone:
		a, b = b, a
	case <-b.gone:
	case <-time.After(time.Minute):
		t.Fatal("both sockets are held")
	}
	a.wantHeard()
	b.wantSilence()
	a.hangUp()
}

func TestAFullHostSaysSoBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Config.MaxSessions = 1 })
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	r.place("+14155550124")
	if res := r.refused("/"+r.token, http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p.hangUp()
	r.await("the place is free again", func() bool { return r.sessions.Len() == 0 })
	second := r.dial("/" + r.token)
	second.start(calltest.Account, "CA0002", nil)
	r.await("the second call has its stream", r.streaming)
	second.hangUp()
}

func TestTheUpgradesSignatureIsRequiredOrCounted(t *testing.T) {
	t.Parallel()
	var asked []string
	check := func(require bool) func(*Options) {
		return func(o *Options) {
			o.ValidateUpgrade = &UpgradeCheck{
				Hosts: []string{"wss://one.example", "wss://two.example"}, Require: require,
				Validate: func(req *http.Request, base string) error {
					asked = append(asked, base)
					if base == "wss://two.example" && req.Header.Get("X-Signature") == "good" {
						return nil
					}
					return errors.New("bad signature")
				},
			}
		}
	}
	r := newRig(t, check(true))
	r.refused("/"+r.token, http.StatusForbidden)
	r.refused("", http.StatusForbidden)
	if len(asked) != 4 {
		t.Errorf("asked for %v, want both hosts twice", asked)
	}
	p := r.dialWith("/"+r.token, http.Header{"X-Signature": {"good"}})
	p.start(calltest.Account, "CA0001", nil)
	r.await("a signed stream opens", r.streaming)
	p.hangUp()

	r = newRig(t, check(false))
	p = r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("an unsigned stream opens where it is only counted", r.streaming)
	if !strings.Contains(r.world.Log.String(), "without a valid provider signature") {
		t.Error("nobody was told")
	}
	p.hangUp()
}

func TestWhatIsNoStreamIsEndedAndTheRecordKeepsTheCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.send(`{"event":"media","media":{}}`)
	p.closed()
	if r.streaming() {
		t.Error("a stream without a start is on record")
	}
	p = r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the token still opens the stream", r.streaming)
	p.hangUp()
}

func TestEachMomentIsWrittenOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting is on record", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
	p.hangUp()
	r.await("the end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
	greetings := 0
	var before call.Call
	for _, c := range r.world.Store.History(r.call.ID) {
		if a, b := c.Last(), before.Last(); a != nil && b != nil && a.GreetingHeardAt != nil && b.GreetingHeardAt == nil {
			greetings++
		}
		before = c
	}
	if greetings != 1 {
		t.Errorf("the greeting was written %d times", greetings)
	}
}
