package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

var errHungUp = errors.New("hung up")

// talker is both ends of a session in virtual time: a phone that sends speech every 20 ms
// and plays what it is sent, and a model that answers everything with two seconds of it.
type talker struct {
	events  chan any // for the model's reader
	marks   chan string
	closed  chan struct{}
	once    sync.Once
	mu      sync.Mutex
	playsTo time.Time
	stampMS int
	items   int
}

func newTalker() *talker {
	return &talker{events: make(chan any, 256), marks: make(chan string, 1024), closed: make(chan struct{})}
}

var spoken = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x2a\xaa", 80)))

func (p *talker) Start() (twiliostream.Start, error) { return twiliostream.Start{}, nil }

func (p *talker) Read() (*twiliostream.Event, error) {
	select {
	case m := <-p.marks:
		return &twiliostream.Event{Kind: twiliostream.Mark, Mark: m}, nil
	case <-p.closed:
		return nil, errHungUp
	case <-time.After(20 * time.Millisecond):
		p.stampMS += 20
		return &twiliostream.Event{Kind: twiliostream.Media, TimestampMS: p.stampMS, Payload: spoken}, nil
	}
}

func (p *talker) WriteMedia(payload string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.playsTo.Before(now) {
		p.playsTo = now
	}
	p.playsTo = p.playsTo.Add(time.Duration(twiliostream.DecodedLen(payload)) * time.Second / 8000)
	return nil
}

func (p *talker) WriteMark(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	time.AfterFunc(time.Until(p.playsTo), func() {
		select {
		case p.marks <- name:
		case <-p.closed:
		}
	})
	return nil
}

func (p *talker) WriteClear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.playsTo = time.Now()
	return nil
}

func (p *talker) Hold()        {}
func (p *talker) Flush() error { return nil }

func (p *talker) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// model is the talker as the model.
type model struct{ *talker }

func (p *talker) Dial(context.Context, media.AgentSetup) (media.Agent, error) { return model{p}, nil }

func (m model) Expires() time.Time { return time.Time{} }

func (m model) Receive() (media.AgentEvent, error) {
	select {
	case ev := <-m.events:
		return ev.(media.AgentEvent), nil
	case <-m.closed:
		return nil, errHungUp
	}
}

func (m model) Send(cmd media.AgentCommand) error {
	switch cmd := cmd.(type) {
	case media.Respond:
		m.answer(cmd.Kind)
	case media.Listen:
		m.tell(media.AgentListening{Listen: cmd})
	}
	return nil
}

func (p *talker) tell(events ...any) {
	for _, ev := range events {
		select {
		case p.events <- ev:
		case <-p.closed:
		}
	}
}

// answer says two seconds of something.
func (p *talker) answer(kind string) {
	p.mu.Lock()
	p.items++
	n := p.items
	p.mu.Unlock()
	response, item := fmt.Sprint("response_", n), fmt.Sprint("item_", n)
	p.tell(media.ResponseStarted{ResponseID: response, Kind: kind})
	for range 100 {
		p.tell(&media.AgentAudio{ResponseID: response, ItemID: item, Audio: spoken})
	}
	p.tell(media.AgentAudioDone{ItemID: item}, media.AgentTranscript{ResponseID: response, ItemID: item, Text: "Hello, this is an AI assistant."},
		media.ResponseEnded{ResponseID: response, Status: media.ResponseCompleted})
}

// turn is one of the callee's, of a second, with its words.
func (p *talker) turn(n int) {
	item := fmt.Sprint("said_", n)
	p.tell(media.CalleeStarted{ItemID: item, Heard: time.Now()})
	time.Sleep(time.Second)
	p.tell(media.CalleeStopped{ItemID: item}, media.CalleeCommitted{ItemID: item}, media.CalleeTranscript{ItemID: item, Text: "And what about Tuesday, would that be possible?"})
	p.answer("")
}

// tapedSession is a live session that writes a tape, for as long as a test lasts.
type tapedSession struct{ session *media.Session }

func tapeOf(t *testing.T, tape *media.Tape) tapedSession {
	t.Helper()
	p := newTalker()
	s, err := media.New(media.Config{Instructions: "Talk.", Disclosure: "Hello, this is an AI assistant.", Tape: tape}, p, p, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { s.Run(t.Context()) })
	t.Cleanup(func() { s.HangUp(media.EndHostLost); work.Wait() })
	return tapedSession{s}
}

func (s tapedSession) talk(d time.Duration) { time.Sleep(d) }
