package demo

import (
	"slices"
	"sync"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// phoneWitness keeps what the phone company saw, and tells the story of it.
type phoneWitness struct {
	story *story

	mu      sync.Mutex
	moments []twiliotest.Moment
}

func newPhoneWitness(s *story) *phoneWitness { return &phoneWitness{story: s} }

func (p *phoneWitness) observe(m twiliotest.Moment) {
	p.story.line(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moments = append(p.moments, m)
}

// dial is one attempt as its witnesses saw it: the line with its recording and its
// moments, and what the model said meanwhile.
type dial struct {
	call    *twiliotest.Call
	moments []twiliotest.Moment
	items   []modelItem
}

// dials are the attempts, in order.
func (s *stage) dials() (all []dial) {
	s.phone.mu.Lock()
	defer s.phone.mu.Unlock()
	for n, c := range s.twilio.Calls() {
		d := dial{call: c, items: s.heard.said(n + 1)}
		for _, m := range s.phone.moments {
			if m.CallSID == c.SID() {
				d.moments = append(d.moments, m)
			}
		}
		all = append(all, d)
	}
	return all
}

// lastDial is the last attempt; one in which nothing happened where there was none.
func (s *stage) lastDial() dial {
	all := s.dials()
	if len(all) == 0 {
		return dial{}
	}
	return all[len(all)-1]
}

// recording is what the attempt's line carried.
func (d dial) recording() twiliotest.Recording {
	if d.call == nil {
		return twiliotest.Recording{}
	}
	return d.call.Recording()
}

// all are the moments of a kind.
func (d dial) all(kind twiliotest.Kind) (found []twiliotest.Moment) {
	for _, m := range d.moments {
		if m.Kind == kind {
			found = append(found, m)
		}
	}
	return found
}

// last is the last moment of a kind, and whether there is one.
func (d dial) last(kind twiliotest.Kind) (twiliotest.Moment, bool) {
	found := d.all(kind)
	if len(found) == 0 {
		return twiliotest.Moment{}, false
	}
	return found[len(found)-1], true
}

// saying is the moment of a kind with those words, and whether there is one.
func (d dial) saying(kind twiliotest.Kind, words string) (twiliotest.Moment, bool) {
	found := d.all(kind)
	i := slices.IndexFunc(found, func(m twiliotest.Moment) bool { return m.Text == words })
	if i < 0 {
		return twiliotest.Moment{}, false
	}
	return found[i], true
}

// recording is what the lines of all attempts carried, one after the other, with a
// second of silence between.
func (s *stage) recording() twiliotest.Recording {
	var all twiliotest.Recording
	for _, d := range s.dials() {
		r := d.recording()
		if len(r.Agent) == 0 {
			continue // nobody took the call
		}
		if len(all.Agent) > 0 {
			pause := slices.Repeat([]byte{g711.MuSilence}, g711.SampleRate)
			all.Callee, all.Agent = append(all.Callee, pause...), append(all.Agent, pause...)
		}
		all.Callee, all.Agent = append(all.Callee, r.Callee...), append(all.Agent, r.Agent...)
	}
	return all
}
