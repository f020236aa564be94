package media

import (
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/prefetch"
)

// knowing is a Phone, and an Agent, that knows its memory.
type knowing struct {
	Phone
	Agent
	memory  [2]int
	fetches *prefetch.Set
}

func (k *knowing) Close() error { return nil }

func (k *knowing) Touched(reading, writing *prefetch.Set) {
	prefetch.Value(reading, &k.memory[0])
	prefetch.Value(writing, &k.memory[0])
	prefetch.Value(writing, &k.memory[1])
}

func (k *knowing) Prefetch(ahead *prefetch.Set) { k.fetches = ahead }

// Both readers ask for what is theirs and the session's, anew with every connection of the model;
// one that does not know its memory is let be.
func TestReadersAskForWhatAFrameTouches(t *testing.T) {
	for _, taped := range []bool{false, true} {
		phone, first, second := &knowing{}, &knowing{}, &knowing{}
		cfg := testConfig()
		ours := 3
		if taped {
			cfg.Tape, ours = NewTape(false), 4
		}
		s, err := New(cfg, phone, nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.c = newConversation(s.cfg, s, time.Now())
		for _, agent := range []*knowing{first, second} {
			s.next = s.newConnection(func() {})
			s.next.agent = agent
			before := phone.fetches
			s.takeOver()
			if phone.fetches == nil || phone.fetches == before || agent.fetches == nil {
				t.Fatal("nothing is asked for")
			}
			for who, ahead := range map[string]*prefetch.Set{"phone": phone.fetches, "model": agent.fetches} {
				if got := ahead.Len(); got != ours+1+2 {
					t.Errorf("the %s's reader asks for %d regions, want %d of the session, what it reads, and the two of what it writes", who, got, ours)
				}
			}
		}
		last := phone.fetches
		s.next = s.newConnection(func() {})
		s.next.agent = struct{ Agent }{first} // which hides what it knows
		if s.takeOver(); phone.fetches != last {
			t.Error("something is asked for of an agent that does not know its memory")
		}
		s.closeAgents()
		s.work.Wait()
	}
}
