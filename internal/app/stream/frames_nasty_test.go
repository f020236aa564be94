package stream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// sendRaw sends a frame of any type.
func (p *phone) sendRaw(kind int, b []byte) {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.ws.WriteMessage(kind, b) // the other side may have closed
}

// talking is a call whose agent is being heard.
func talking(r *rig) *phone {
	r.Helper()
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	p.wantHeard()
	return p
}

// TestFramesThatNoPhoneSendsDoNotEndACall: each is dropped, and the agent speaks on.
func TestFramesThatNoPhoneSendsDoNotEndACall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := talking(r)
	other := strings.Replace(streamSID, "MZ0", "MZ9", 1)
	media := func(sid, track, timestamp, payload string) string {
		return fmt.Sprintf(`{"event":"media","sequenceNumber":"3","streamSid":%q,"media":{"track":%q,"chunk":"1","timestamp":%q,"payload":%q}}`, sid, track, timestamp, payload)
	}
	p.sendRaw(websocket.BinaryMessage, []byte{0, 1, 2, 0xff})
	p.sendRaw(websocket.BinaryMessage, []byte(media(streamSID, "inbound", "1", "////")))
	for _, m := range []string{
		"", "null", "[]", "{", `"stop"`, "\xff\xfe", `{"event":7}`, `{"event":"no such event","streamSid":"` + streamSID + `"}`,
		media(other, "inbound", "40", "////"), `{"event":"stop","streamSid":"` + other + `","stop":{}}`, // another stream's
		media(streamSID, "inbound", "2000", "////"), media(streamSID, "inbound", "20", "////"), // out of order
		media(streamSID, "inbound", "-1", "////"), media(streamSID, "inbound", "99999999999999999999", "////"),
		media(streamSID, "inbound", "60", "not base64"), media(streamSID, "outbound", "60", "////"),
		`{"event":"mark","streamSid":"` + streamSID + `","mark":{"name":"never:sent:60"}}`, `{"event":"mark","streamSid":"` + streamSID + `"}`,
		`{"event":"connected","protocol":"Call","version":"1.0.0"}`, // once more
		`{"event":"dtmf","streamSid":"` + streamSID + `","dtmf":{"track":"inbound","digit":"\u0000"}}`,
	} {
		p.send(m)
	}
	heard := p.heard.Load()
	r.await("the agent speaks on", func() bool { return p.heard.Load() > heard+8000 })
	if a := r.get(r.call.ID).Attempts[0]; !a.Live() {
		t.Errorf("the attempt has ended as %s", a.EndReason)
	}
	p.hangUp()
	r.await("the end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
	if a := r.get(r.call.ID).Attempts[0]; a.EndReason != call.EndCalleeHangup && a.EndReason != call.EndGreetingUnheard {
		t.Errorf("the attempt ended as %s", a.EndReason)
	}
}

// TestAFrameBeyondMemoryEndsItsCallAlone: its attempt is tried again, and the next call is held.
func TestAFrameBeyondMemoryEndsItsCallAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := talking(r)
	go p.sendRaw(websocket.TextMessage, bytes.Repeat([]byte(" "), 8<<20)) // ends with the socket
	p.closed()
	r.await("the end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
	c := r.get(r.call.ID)
	if a := c.Attempts[0]; a.Status != call.Failed || a.Error == "" || c.Final() || c.NextAttemptAt == nil {
		t.Errorf("%s, %s, %q; next attempt %v", a.Status, a.EndReason, a.Error, c.NextAttemptAt)
	}
	r.place("+14155550124")
	next := r.dial("/" + r.token)
	next.start(calltest.Account, "CA0002", nil)
	next.wantHeard()
	next.hangUp()
}

// TestATokenOfAnotherCallOpensNothing: with one call's token nobody becomes another call.
func TestATokenOfAnotherCallOpensNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first, token := r.call, r.token
	r.place("+14155550124")
	p := r.dial("/" + token)
	p.start(calltest.Account, "CA0002", map[string]string{"callId": string(r.call.ID), "token": r.token})
	p.closed()
	for _, id := range []call.ID{first.ID, r.call.ID} {
		if r.get(id).Attempts[0].StreamID != "" {
			t.Errorf("a stream of call %s is on record", id)
		}
	}
}
