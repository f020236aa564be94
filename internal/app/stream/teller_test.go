package stream

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/media"
)

func withMoments(o *Options) { o.Moments = true }

// listener is a phone that keeps what it is told beside the stream.
type listener struct {
	*phone
	mu   sync.Mutex
	told []toldMoment
}

type toldMoment struct {
	Kind, Name, Speaker, Text string
	MS                        int
}

// asks dials as the mock's page does, and says whether the server granted the protocol.
func (r *rig) asks(path string) (ws *websocket.Conn, granted bool) {
	r.Helper()
	d := websocket.Dialer{Subprotocols: []string{MomentsProtocol}}
	ws, _, err := d.DialContext(r.Context(), r.base+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	return ws, ws.Subprotocol() == MomentsProtocol
}

// listen opens the call's stream as the mock's page does, and keeps what it is told.
func (r *rig) listen() *listener {
	r.Helper()
	ws, granted := r.asks("/" + r.token)
	if !granted {
		r.Fatal("the protocol was not granted")
	}
	l := &listener{}
	l.phone = r.hold(ws, func(message []byte) {
		var m struct{ Moment toldMoment }
		if json.Unmarshal(message, &m) == nil && m.Moment.Kind != "" {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.told = append(l.told, m.Moment)
		}
	})
	return l
}

// of are the moments of a kind.
func (l *listener) of(kind media.MomentKind) (all []toldMoment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.told {
		if m.Kind == string(kind) {
			all = append(all, m)
		}
	}
	return all
}

func TestAPhoneThatAsksIsToldTheCallsMoments(t *testing.T) {
	t.Parallel()
	r := newRig(t, withMoments)
	l := r.listen()
	l.start(calltest.Account, "CA0001", nil)
	r.await("the agent's words", func() bool { return len(l.of(media.MomentTranscript)) > 0 })
	words := l.of(media.MomentTranscript)[0]
	if words.Speaker != string(media.SpeakerAgent) || words.Name == "" || !strings.Contains(words.Text, "AI assistant") {
		t.Errorf("told %+v", words)
	}
	l.send(`{"event":"dtmf","streamSid":"` + streamSID + `","sequenceNumber":"9","dtmf":{"track":"inbound_track","digit":"5"}}`)
	r.await("the key", func() bool { return len(l.of(media.MomentDTMF)) == 1 })
	if got := l.of(media.MomentDTMF)[0].Name; got != "5" {
		t.Errorf("key %q", got)
	}
	r.await("the greeting is heard", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
	r.sessions.HangUp(r.call.ID)
	l.closed()
	if ended := l.of(media.MomentEnded); len(ended) != 1 || ended[0].Name != string(media.EndCanceled) {
		t.Errorf("the last words are %+v", ended)
	}
	if log := r.world.Log.String(); strings.Contains(log, words.Text) || strings.Contains(log, "AI assistant") {
		t.Error("the log holds words of the call")
	}
}

// A carrier's stream has three messages and no more (31951), whoever asks for others.
func TestNobodyElseIsToldAnything(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Options)
		asks   bool
	}{
		"where the provider is not the mock": {nil, true},
		"who does not ask":                   {withMoments, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tc.change)
			var strange sync.Map
			d := websocket.Dialer{}
			if tc.asks {
				d.Subprotocols = []string{MomentsProtocol}
			}
			ws, _, err := d.DialContext(t.Context(), r.base+"/"+r.token, nil)
			if err != nil {
				t.Fatal(err)
			}
			if ws.Subprotocol() != "" {
				t.Errorf("granted %q", ws.Subprotocol())
			}
			p := r.hold(ws, func(message []byte) {
				var m struct{ Event string }
				_ = json.Unmarshal(message, &m)
				if !slices.Contains([]string{"media", "mark", "clear"}, m.Event) {
					strange.Store(m.Event, true)
				}
			})
			p.start(calltest.Account, "CA0001", nil)
			p.wantHeard()
			r.await("the greeting is heard", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
			p.hangUp()
			strange.Range(func(event, _ any) bool { t.Errorf("told %v", event); return true })
		})
	}
}

func TestOnlyTheListIsToldAndNothingWaitsForAPhone(t *testing.T) {
	t.Parallel()
	var none *teller
	none.tell(media.Moment{Kind: media.MomentTranscript})
	stuck := &teller{moments: make(chan media.Moment, mostUntold)}
	stuck.tell(media.Moment{Kind: media.MomentTruncate})
	if len(stuck.moments) != 0 {
		t.Error("an operator's moment was told")
	}
	for range mostUntold + 7 {
		stuck.tell(media.Moment{Kind: media.MomentTranscript})
	}
	if len(stuck.moments) != mostUntold || stuck.untold.Load() != 7 {
		t.Errorf("%d wait, %d dropped", len(stuck.moments), stuck.untold.Load())
	}
}

func TestAMomentsWordsAreData(t *testing.T) {
	t.Parallel()
	text := "</script><img src=x onerror=alert(1)>\u202e\u05d0 \"quoted\""
	var m struct {
		Event  string
		Moment toldMoment
	}
	if err := json.Unmarshal(momentMessage(media.Moment{Kind: media.MomentTranscript, Text: text, Speaker: media.SpeakerCallee, MS: 12}), &m); err != nil {
		t.Fatal(err)
	}
	if m.Event != "moment" || m.Moment.Text != text || m.Moment.MS != 12 || m.Moment.Speaker != "callee" {
		t.Errorf("%+v", m)
	}
}

// A browser sees no pings: silence would look like a dead network.
func TestASilentServerSaysThatItLives(t *testing.T) {
	t.Parallel()
	r := newRig(t, withMoments)
	ws, _ := r.asks("/" + r.token)
	_ = ws.SetReadDeadline(time.Now().Add(2 * aliveEvery))
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if string(b) == `{"event":"alive"}` {
			break
		}
	}
	_ = ws.Close()
}

// The page asks by a plain request whether its link still works; a browser would log 426 as an error.
func TestAPlainRequestTellsWhetherALinkWorks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Options)
		want   int
	}{"the mock's": {withMoments, http.StatusNoContent}, "a carrier's": {nil, http.StatusUpgradeRequired}} {
		r := newRig(t, tc.change)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+strings.TrimPrefix(r.base, "ws")+"/"+r.token, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tc.want)
		}
		if r.sessions.Len() != 0 || r.streaming() {
			t.Errorf("%s: the question took the call's place", name)
		}
	}
}
