package stream

import (
	"net/http"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

func TestATokenMayComeInTheStartMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("")
	time.Sleep(50 * time.Millisecond) // long enough for a model to be dialled, if one were
	if n := r.model.Calls(); n != 0 {
		t.Fatalf("%d models dialled before the token was known", n)
	}
	if r.sessions.Len() != 0 {
		t.Error("a socket without a token has a call's place")
	}
	p.start(calltest.Account, "CA0001", map[string]string{"token": r.token})
	r.await("the stream is on record", r.streaming)
	p.wantHeard()
	p.hangUp()
	r.await("the end is on record", func() bool { return !r.get(r.call.ID).Attempts[0].Live() })
}

func TestAStartWithoutAGoodTokenIsClosedAndDialsNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, parameters := range []map[string]string{nil, {"token": ""}, {"token": r.token + "x"}, {"other": r.token}} {
		p := r.dial("")
		p.start(calltest.Account, "CA0001", parameters)
		p.closed()
	}
	if r.model.Calls() != 0 || r.streaming() {
		t.Error("something was dialled or recorded")
	}
}

func TestASocketHasFiveSecondsToNameItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("")
	began := time.Now()
	p.send(`{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	p.closed()
	if took := time.Since(began); took < nameWithin-time.Second || took > nameWithin+8*time.Second {
		t.Errorf("closed after %v, want %v", took, nameWithin)
	}
}

func TestAtMost32SocketsMayBeUnnamed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var all []*phone
	for range mostUnnamed {
		all = append(all, r.dial(""))
	}
	if res := r.refused("", http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("a stream with its token in the path is not kept out by them", r.streaming)
	p.hangUp()
	all[0].hangUp()
	r.await("one that left makes room", func() bool {
		done, ok := r.sessions.admitUnnamed(mostUnnamed)
		if ok {
			done()
		}
		return ok
	})
}

func TestAFullHostTakesNoUnnamedSocketsCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Config.MaxSessions = 1 })
	first := r.dial("/" + r.token)
	first.start(calltest.Account, "CA0001", nil)
	r.await("the first call has its stream", r.streaming)
	r.place("+14155550124")
	second := r.dial("")
	second.start(calltest.Account, "CA0002", map[string]string{"token": r.token})
	second.closed()
	if a := r.get(r.call.ID).Attempts[0]; a.StreamID != "" || a.Status == call.InProgress {
		t.Error("a call beyond the limit was taken")
	}
	first.hangUp()
}
