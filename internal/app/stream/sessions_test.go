package stream

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

func TestDrainingSaysGoodbyeAndTheCallIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting is on record", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
	r.sessions.Drain(t.Context(), 0)
	if r.sessions.Len() != 0 {
		t.Error("drained, and a call is left")
	}
	c := r.get(r.call.ID)
	a := c.Attempts[0]
	if a.EndReason != call.EndDrained || a.Status != call.Failed || !a.FarewellPlayed {
		t.Errorf("%s, %s, farewell %t; want drained, failed, and a farewell", a.EndReason, a.Status, a.FarewellPlayed)
	}
	if c.Final() || c.NextAttemptAt == nil {
		t.Errorf("the call is not tried again: %s", c.Status)
	}
	if len(r.world.Telephony.Ended()) != 1 {
		t.Error("the line is still up")
	}
	p.closed()
	r.place("+14155550124")
	if res := r.refused("/"+r.token, http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	r.refused("", http.StatusServiceUnavailable)
}

func TestDrainingLetsACallEndByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting is on record", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
	drained := make(chan struct{})
	go func() { defer close(drained); r.sessions.Drain(context.Background(), time.Minute) }()
	time.AfterFunc(300*time.Millisecond, p.hangUp)
	<-drained
	if a := r.get(r.call.ID).Attempts[0]; a.EndReason != call.EndCalleeHangup || a.Status != call.Completed {
		t.Errorf("%s, %s", a.EndReason, a.Status)
	}
}

func TestClosingEndsEveryCallAtOnceAndOnRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	early := r.dial("") // has not named itself
	r.place("+14155550124")
	ringing := r.dial("/" + r.token) // has not started
	r.await("both places are taken", func() bool { return r.sessions.Len() == 2 })
	began := time.Now()
	r.sessions.Close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if r.sessions.Len() != 0 {
		t.Error("closed, and a call is left")
	}
	for _, s := range []*phone{p, early, ringing} {
		s.closed()
	}
	c := r.world.Telephony.Dials()[0].CallID
	if a := r.get(c).Attempts[0]; a.EndReason != call.EndHostLost || a.Status != call.Failed {
		t.Errorf("%s, %s", a.EndReason, a.Status)
	}
}

func TestASessionThatComesWhenAllAreToEndIsTold(t *testing.T) {
	s := NewSessions()
	done, ok := s.take("a", 1, time.Now(), 1)
	if !ok {
		t.Fatal("no place in an empty register")
	}
	s.hangUp(media.EndDrained)
	m, err := media.New(media.Config{Instructions: "x", Disclosure: "x", Output: media.PCMU}, silentPhone{make(chan struct{})}, noModel{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.add(m)()
	if out := m.Run(t.Context()); out.Reason != media.EndDrained {
		t.Errorf("ended as %s", out.Reason)
	}
	done()
	done() // giving a place back twice is nothing
	if s.Len() != 0 {
		t.Errorf("%d places taken", s.Len())
	}
}

func TestDrainWaitsNoLongerThanItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions()
		s.Drain(t.Context(), time.Hour) // nobody is there
		if _, ok := s.take("a", 1, time.Now(), 1); ok {
			t.Fatal("a stream was taken after Drain")
		}

		s = NewSessions()
		done, _ := s.take("a", 1, time.Now(), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		s.Drain(ctx, 2*time.Minute)
		if took := time.Since(began); took != time.Hour {
			t.Errorf("waited %v for a call that never ends", took)
		}
		if s.ending != media.EndHostLost {
			t.Errorf("the last word was %q", s.ending)
		}
		done()
	})
}

// silentPhone never starts; Close ends its Start.
type silentPhone struct{ closed chan struct{} }

func (p silentPhone) Start() (twiliostream.Start, error) {
	<-p.closed
	return twiliostream.Start{}, context.Canceled
}

func (silentPhone) Read() (*twiliostream.Event, error) { return nil, context.Canceled }
func (silentPhone) WriteMedia(string) error            { return nil }
func (silentPhone) WriteMark(string) error             { return nil }
func (silentPhone) WriteClear() error                  { return nil }
func (silentPhone) Hold()                              {}
func (silentPhone) Flush() error                       { return nil }
func (p silentPhone) Close() error                     { close(p.closed); return nil }

type noModel struct{}

func (noModel) Dial(ctx context.Context, _ media.AgentSetup) (media.Agent, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
