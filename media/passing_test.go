package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/media/jsonscan"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// numbered is 20 ms of audio that is told from others: all of it is its number.
func numbered(n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(n % numbers)}, frameBytes))
}

const numbers = 251

// page is where a reader has what it read last: what was there before is written over, as it
// is in a real reader's buffer.
type page []byte

func (p *page) turn(text string) string {
	for i := range *p {
		(*p)[i] = '!'
	}
	*p = append((*p)[:0], text...)
	return jsonscan.View(*p)
}

// pages collects the audio that one side was given.
type pages struct {
	mu   sync.Mutex
	took func() time.Duration
	all  []string
}

func (p *pages) take(text string) {
	time.Sleep(p.took()) // others come by meanwhile
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, strings.Clone(text))
}

// inOrder says how many frames there are, and sees that each is whole, and none comes before
// one that it follows.
func (p *pages) inOrder(t *testing.T, who string) (n int) {
	t.Helper()
	last := -1
	for _, text := range p.all {
		law, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(law)%frameBytes != 0 {
			t.Fatalf("%s was given %.40q: %v", who, text, err)
		}
		for ; len(law) > 0; law = law[frameBytes:] {
			number := int(law[0])
			if bytes.Count(law[:frameBytes], law[:1]) != frameBytes || (number-last+numbers)%numbers > numbers/2 || number == last {
				t.Fatalf("%s was given %x… after %d", who, law[:8], last)
			}
			last = number
			n++
		}
	}
	return n
}

type pagedPhone struct {
	*fakePhone
	page  page
	law   page
	said  int
	heard *pages
}

func (p *pagedPhone) Read() (*twiliostream.Event, error) {
	ev, err := p.fakePhone.Read()
	p.page.turn("")
	p.law.turn("")
	if err == nil && ev.Kind == twiliostream.Media {
		ev.Payload = p.page.turn(numbered(p.said))
		p.law.turn(string(decodeLaw(ev.Payload)))
		ev.Decoded = p.law
		p.said++
	}
	return ev, err
}

func (p *pagedPhone) WriteMedia(payload string) error {
	p.heard.take(payload)
	return p.fakePhone.WriteMedia(payload)
}

func (p *pagedPhone) WriteMark(name string) error {
	time.Sleep(p.heard.took())
	return p.fakePhone.WriteMark(name)
}

type pagedAgent struct {
	Agent
	page  page
	law   page
	heard *pages
}

func (a *pagedAgent) Receive() (AgentEvent, error) {
	ev, err := a.Agent.Receive()
	if audio, ok := ev.(*AgentAudio); ok {
		again := *audio
		again.Audio = a.page.turn(audio.Audio)
		a.law.turn(string(decodeLaw(audio.Audio)))
		again.Decoded = a.law
		return &again, err
	}
	a.page.turn("")
	a.law.turn("")
	return ev, err
}

func (a *pagedAgent) Send(cmd AgentCommand) error {
	if audio, ok := cmd.(*Hear); ok {
		a.heard.take(audio.Audio)
		return nil
	}
	time.Sleep(a.heard.took())
	return a.Agent.Send(cmd)
}

// disturb has somebody else write to both sides.
func disturb(s *Session) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.sendAgent(Note{Text: "by the way"})
	s.sendPhone(phoneCommand{mark: "nobody's"})
	s.carryOut(time.Now())
}

// TestWhatIsPassedOnIsWhatWasRead: audio is written from where it was read, and kept only where
// it must wait, while writes take their time, others write, and the next message comes.
func TestWhatIsPassedOnIsWhatWasRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	slow := func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(3)) * time.Duration(random.IntN(15)) * time.Millisecond
	}
	toModel, toPhone := &pages{took: slow}, &pages{took: slow}
	said := 0
	speak := func(a *fakeAgent, kind string, frames int) {
		a.events <- ResponseStarted{ResponseID: kind, Kind: kind}
		for range frames {
			a.events <- &AgentAudio{ResponseID: kind, ItemID: "i" + kind, Audio: numbered(said)}
			time.Sleep(time.Duration(said%3) * 15 * time.Millisecond)
			said++
		}
		a.events <- AgentAudioDone{ResponseID: kind, ItemID: "i" + kind}
		a.events <- AgentTranscript{ResponseID: kind, ItemID: "i" + kind, Text: testConfig().Disclosure}
		a.events <- ResponseEnded{ResponseID: kind}
	}
	var model sync.WaitGroup
	_, dialer := agentThat(func(a *fakeAgent, kind string) {
		frames := map[string]int{"greeting": 100, "opening": 400}[kind]
		model.Go(func() { speak(a, kind, frames) })
	})
	synctest.Test(t, func(t *testing.T) {
		p := &pagedPhone{fakePhone: newFakePhone(), heard: toPhone}
		paged := dialerFunc(func(ctx context.Context, setup AgentSetup) (Agent, error) {
			a, err := dialer.Dial(ctx, setup)
			return &pagedAgent{Agent: a, heard: toModel}, err
		})
		cfg := testConfig()
		cfg.Tape = NewTape(true)
		s, err := New(cfg, p, paged, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.start <- nil
		time.AfterFunc(15*time.Second, func() { s.HangUp(EndHostLost) })
		model.Go(func() {
			for range 1500 {
				time.Sleep(10 * time.Millisecond)
				disturb(s)
			}
		})
		s.Run(t.Context())
		model.Wait()
		p.played.Wait()
	})
	if n := toModel.inOrder(t, "the model"); n < 500 {
		t.Errorf("the model was given %d frames in 15 s", n)
	}
	if n := toPhone.inOrder(t, "the phone"); n != 500 {
		t.Errorf("the phone was given %d frames of 500", n)
	}
}
