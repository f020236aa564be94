package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/folder"
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

func (p *talker) Read() (twiliostream.Event, error) {
	select {
	case m := <-p.marks:
		return twiliostream.Event{Kind: twiliostream.Mark, Mark: m}, nil
	case <-p.closed:
		return twiliostream.Event{}, errHungUp
	case <-time.After(20 * time.Millisecond):
		p.stampMS += 20
		return twiliostream.Event{Kind: twiliostream.Media, TimestampMS: p.stampMS, Payload: spoken}, nil
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

// counted is a keeper whose recordings are only counted.
type counted struct {
	archive.Keeper
	sound int
}

type countedEntry struct {
	archive.Entry
	of *counted
}

func (c *counted) Begin(ctx context.Context, id call.ID, attempt int, at time.Time, what archive.What) (archive.Entry, error) {
	e, err := c.Keeper.Begin(ctx, id, attempt, at, archive.What{Timeline: what.Timeline})
	return countedEntry{e, c}, err
}

func (e countedEntry) Record(stereo []byte) error { e.of.sound += len(stereo); return nil }

// TestTwoHoursAreKept with a turn every five seconds, in bounded memory and space.
func TestTwoHoursAreKept(t *testing.T) {
	const length = 2 * time.Hour
	dir := t.TempDir()
	kept, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	to := &counted{Keeper: kept}
	var heap int64
	var id call.ID
	synctest.Test(t, func(t *testing.T) {
		w := newWriting(t, both)
		id = w.token.CallID
		w.h.o.Keep.To = to
		p := newTalker()
		s, err := media.New(media.Config{
			Instructions: "Talk.", Disclosure: "Hello, this is an AI assistant.", MaxLength: 3 * time.Hour, TranscriptionModel: "x", Tape: w.hears(),
		}, p, p, nil, media.ObserverFunc(w.observe))
		if err != nil {
			t.Fatal(err)
		}
		outcome := make(chan media.Outcome)
		go func() { outcome <- s.Run(t.Context()) }()
		time.Sleep(10 * time.Second)
		before := heapNow()
		for n := range int(length/(5*time.Second)) - 2 {
			p.turn(n)
			time.Sleep(4 * time.Second)
			if n%100 == 0 {
				heap = max(heap, heapNow()-before)
			}
		}
		s.HangUp(media.EndHostLost)
		out := <-outcome
		w.close(out)
		if d := out.EndedAt.Sub(out.StartedAt); to.sound != int(d.Milliseconds())*archive.BytesPerMS || d < length-10*time.Second {
			t.Errorf("%d bytes were recorded of %v", to.sound, d)
		}
		if log := w.world.Log.String(); strings.Contains(log, "not kept") || strings.Contains(log, "not in what is kept") {
			t.Error(log)
		}
	})
	tl, err := kept.Timeline(t.Context(), id, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	levels, kinds := counts(t, tl)
	info, err := os.Stat(filepath.Join(dir, string(id), "1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !tl.Complete || tl.Cut || levels != int(tl.DurationMS/100) {
		t.Errorf("complete %v, cut %v, %d values of loudness in %d ms", tl.Complete, tl.Cut, levels, tl.DurationMS)
	}
	if turns := int(length/(5*time.Second)) - 2; kinds["agent_started"] < turns || kinds["agent_stopped"] != kinds["agent_started"] || kinds["transcript"] < 2*turns {
		t.Errorf("%v in %d turns", kinds, turns)
	}
	if info.Size() > archive.MaxBytes/2 || len(tl.Lines) > archive.MaxLines/2 {
		t.Errorf("%d lines, %d bytes: not far from the bounds", len(tl.Lines), info.Size())
	}
	if heap > 4<<20 {
		t.Errorf("the heap grew by %d bytes", heap)
	}
	t.Logf("%d lines, %d bytes; the heap grew by %d bytes at most; %v", len(tl.Lines), info.Size(), heap, kinds)
}

// counts are how many values of loudness a timeline has, without a gap, and lines by kind.
func counts(t *testing.T, tl call.Timeline) (levels int, kinds map[string]int) {
	t.Helper()
	kinds = map[string]int{}
	for i, l := range tl.Lines {
		if l.N != i+1 {
			t.Fatalf("line %d is numbered %d", i+1, l.N)
		}
		if kinds[l.Kind]++; l.Kind == call.LineLevels {
			if int(l.AtMS) != levels*100 || len(l.Callee) != len(l.Agent) {
				t.Fatalf("loudness of %d and %d values from %d ms on, after %d values", len(l.Callee), len(l.Agent), l.AtMS, levels)
			}
			levels += len(l.Callee)
		}
	}
	return levels, kinds
}

// heapNow is what is alive.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
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
