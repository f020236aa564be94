//go:build !race

package media

import (
	"encoding/base64"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// sink is a phone and an agent that take everything and keep nothing but its number.
type sink struct{ heard *int }

func (sink) Start() (twiliostream.Start, error) { return twiliostream.Start{}, nil }
func (sink) Read() (*twiliostream.Event, error) { return nil, errClosed }
func (sink) WriteMedia(string) error            { return nil }
func (sink) WriteMark(string) error             { return nil }
func (sink) WriteClear() error                  { return nil }
func (sink) Hold()                              {}
func (sink) Flush() error                       { return nil }
func (sink) Receive() (AgentEvent, error)       { return nil, errClosed }
func (s sink) Send(AgentCommand) error          { *s.heard++; return nil }
func (sink) Expires() time.Time                 { return time.Time{} }
func (sink) Close() error                       { return nil }

// underWay is a session in the middle of a call, without its readers: the agent is speaking.
func underWay(t testing.TB, cfg Config) (s *Session, k *connection, heard *int) {
	t.Helper()
	heard = new(int)
	s, err := New(cfg, sink{}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.ctx = t.Context()
	s.c = newConversation(s.cfg, s, time.Now())
	k = s.newConnection(func() {})
	k.agent = sink{heard}
	s.next = k
	s.happen(phoneStarted{}, ofPhone)
	k.tell(agentReady{})
	s.c.greeting.asked, s.c.greeting.said, s.c.greeting.over = true, true, true
	k.tell(ResponseStarted{ResponseID: "r1"})
	t.Cleanup(func() {
		s.mu.Lock()
		s.stopAlarm()
		s.mu.Unlock()
		s.work.Wait()
	})
	return s, k, heard
}

// TestAFrameIsPassedOnWithoutAnAllocation: what gorilla allocates for a read and for a write
// is all there is (the codecs' and the wire's own tests are beside them). Under the race detector
// a pool loses on purpose what is put into it.
func TestAFrameIsPassedOnWithoutAnAllocation(t *testing.T) {
	for _, format := range []Format{PCMU, PCMA, PCM24k} {
		cfg := testConfig()
		cfg.Input, cfg.Output = format, format
		s, k, heard := underWay(t, cfg)
		frame := twiliostream.Event{Kind: twiliostream.Media, Payload: audio(20), Decoded: decodeLaw(audio(20))}
		if n := testing.AllocsPerRun(500, func() {
			frame.TimestampMS += 20
			s.happen(&frame, ofPhone)
		}); n != 0 {
			t.Errorf("%s: a frame of the callee's takes %v allocations", format, n)
		}
		if *heard < 500 {
			t.Errorf("%s: the model heard %d frames", format, *heard)
		}
		delta := AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: audio(20)}
		if format == PCM24k {
			delta.Audio = audio(120)
		}
		delta.Decoded = decodeLaw(delta.Audio)
		before := s.toPhone.lost()
		if n := testing.AllocsPerRun(500, func() { k.tell(&delta) }); n != 0 { // the name of a mark, for every fifth, is below one
			t.Errorf("%s: a delta of the model's takes %v allocations", format, n)
		}
		if sent := s.c.play.items[0].sentBytes; sent < 500*frameBytes || s.toPhone.lost() > before {
			t.Errorf("%s: %d bytes were sent", format, sent)
		}
	}
}

// TestARoomOfARareMessageIsGivenUp: a model may send 16 MB at once, which would stay for good.
func TestARoomOfARareMessageIsGivenUp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one pool
	f, none := newFramer(PCM24k), func(string, []byte, int, bool) {}
	for _, length := range append([]int{11 << 20}, slices.Repeat([]int{4800}, 20)...) {
		f.push(base64.StdEncoding.EncodeToString(make([]byte, length)), make([]byte, length), none)
		runtime.GC()
	}
	r := borrowRoom()
	if kept := cap(r.law) + cap(r.wire) + cap(r.text) + 2*(cap(r.narrow)+cap(r.wide)); kept > 1<<20 {
		t.Errorf("%d KB are kept", kept>>10)
	}
}
