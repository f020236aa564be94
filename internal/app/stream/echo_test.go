package stream

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// echoSocket opens an echo; its messages end with the test.
func (r *rig) echoSocket(header http.Header) *websocket.Conn {
	r.Helper()
	var ws *websocket.Conn
	r.await("a socket is free", func() (ok bool) { // one that was closed is free a moment later
		var err error
		ws, _, err = websocket.DefaultDialer.DialContext(r.Context(), r.base+"/"+r.echoToken(), header)
		return err == nil
	})
	r.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(2 * echoTime))
	return ws
}

func (r *rig) echoToken() string {
	return EchoToken(r.world.Service.StreamSecret, r.world.Service.Now())
}

// repeated says whether the other side repeats a message.
func repeated(ws *websocket.Conn, message string) bool {
	if ws.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
		return false
	}
	_, back, err := ws.ReadMessage()
	return err == nil && string(back) == message
}

func TestAnEchoRepeatsAndTouchesNoCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Config.MaxSessions = 1 })
	ws := r.echoSocket(nil)
	for _, message := range []string{"hello", "", "ünïcode", strings.Repeat("x", 30<<10)} {
		if !repeated(ws, message) {
			t.Fatalf("%.20q is not repeated", message)
		}
	}
	if r.sessions.Len() != 0 || r.model.Calls() != 0 {
		t.Error("an echo took a call's place, or dialled the model")
	}
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("a call's stream is taken beside it", r.streaming)
	p.hangUp()
}

func TestAnEchoNeedsAFreshTokenOfOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	secret, now := r.world.Service.StreamSecret, r.world.Service.Now()
	sign := func(id call.ID, life time.Duration) string {
		return call.StreamToken{CallID: id, Attempt: 1, Expires: now.Add(life)}.Sign(secret)
	}
	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"another secret": {EchoToken([]byte("another"), now), http.StatusForbidden},
		"forged":         {EchoToken(secret, now) + "A", http.StatusForbidden},
		"expired":        {sign(EchoCall, -time.Second), http.StatusGone},
		"long-lived":     {sign(EchoCall, 24*time.Hour), http.StatusForbidden},
		"another call":   {sign("doctors", time.Second*30), http.StatusForbidden},
		"none":           {"doctor", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), r.base+"/"+tc.token, nil)
			if err == nil {
				_ = ws.Close()
				t.Fatal("upgraded")
			}
			if res == nil || res.StatusCode != tc.want {
				t.Errorf("%v %v, want %d", err, res, tc.want)
			}
		})
	}
}

func TestAnEchoIsSignedWhereStreamsMustBe(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		o.ValidateUpgrade = &UpgradeCheck{Hosts: []string{"ws://media.example"}, Require: true, Validate: func(r *http.Request, host string) error {
			if r.Header.Get("X-Signed") != host {
				return errors.New("unsigned")
			}
			return nil
		}}
	})
	r.refused("/"+r.echoToken(), http.StatusForbidden)
	if !repeated(r.echoSocket(http.Header{"X-Signed": {"ws://media.example"}}), "hello") {
		t.Error("not repeated")
	}
}

func TestEchoesAreShortAndSmall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	closed := func(ws *websocket.Conn, code int) {
		t.Helper()
		_, _, err := ws.ReadMessage()
		var c *websocket.CloseError
		if !errors.As(err, &c) || c.Code != code {
			t.Errorf("%v, want a close with %d", err, code)
		}
		_ = ws.Close()
	}
	t.Run("frames", func(t *testing.T) {
		ws := r.echoSocket(nil)
		for i := range echoFrames {
			if !repeated(ws, "again") {
				t.Fatalf("frame %d is not repeated", i)
			}
		}
		closed(ws, websocket.CloseNormalClosure)
	})
	t.Run("one frame too large", func(t *testing.T) {
		ws := r.echoSocket(nil)
		_ = ws.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", echoBytes+1)))
		closed(ws, websocket.CloseMessageTooBig)
	})
	t.Run("frames too large together", func(t *testing.T) {
		ws := r.echoSocket(nil)
		half := strings.Repeat("x", echoBytes*2/3)
		if !repeated(ws, half) {
			t.Fatal("the first is not repeated")
		}
		_ = ws.WriteMessage(websocket.TextMessage, []byte(half))
		closed(ws, websocket.CloseMessageTooBig)
	})
	t.Run("binary", func(t *testing.T) {
		ws := r.echoSocket(nil)
		_ = ws.WriteMessage(websocket.BinaryMessage, []byte("x"))
		closed(ws, websocket.CloseNormalClosure)
	})
}

func TestEchoesAreFewAndNotIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.await("both sockets are free", func() bool {
		first, _, err1 := websocket.DefaultDialer.DialContext(r.Context(), r.base+"/"+r.echoToken(), nil)
		second, _, err2 := websocket.DefaultDialer.DialContext(r.Context(), r.base+"/"+r.echoToken(), nil)
		for _, ws := range []*websocket.Conn{first, second} {
			if ws != nil {
				defer ws.Close() // one that keeps the only free place would keep it for good
			}
		}
		if err1 != nil || err2 != nil {
			return false
		}
		began := time.Now()
		if res := r.refused("/"+r.echoToken(), http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		for _, ws := range []*websocket.Conn{first, second} {
			_ = ws.SetReadDeadline(began.Add(2 * echoTime))
			if _, _, err := ws.ReadMessage(); err == nil {
				t.Error("a message came unasked")
			}
		}
		if took := time.Since(began); took < echoTime-time.Second || took > echoTime+8*time.Second {
			t.Errorf("idle sockets are closed after %v, want %v", took, echoTime)
		}
		return true
	})
}
