package media

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig drives a conversation without goroutines, in virtual time: it is the recorder
// of its effects and a phone that plays what it is sent and echoes marks when played.
type rig struct {
	t   testing.TB
	c   *conversation
	now time.Time

	// The phone: what waits to be played. Marks are echoed when everything before them was.
	buffer    []phoneCommand
	playLeft  time.Duration // of the entry at the front
	clears    int
	media     int
	playedMS  int
	loseMarks bool
	// onTick, if set, is called at each tick; echo, if set, is given the marks that the
	// phone returns, in place of the conversation.
	onTick func()
	echo   func(mark string)
	// The model: greetings without the disclosure, speech without a transcript.
	undisclosed, untold bool
	streamMS            int

	sent    []AgentCommand
	dials   []Listen // connections asked for
	taken   int      // of them, those that took over
	dropped int
	tools   []ToolCall
	moments []Moment
	hungUp  bool
}

func testConfig() Config {
	return Config{
		Instructions: "You are Anna's assistant.", Disclosure: "Hello, this is an AI assistant.",
		Tools:              []ToolDef{{Name: "find"}, {Name: "book"}},
		TranscriptionModel: "gpt-transcribe",
	}.withDefaults()
}

func newRig(t testing.TB, cfg Config) *rig {
	r := &rig{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	r.c = newConversation(cfg, r, r.now)
	return r
}

func (r *rig) sendPhone(cmd phoneCommand) {
	switch {
	case cmd.clear: // the phone returns all pending marks at once
		r.clears++
		pending := r.buffer
		r.buffer, r.playLeft = nil, 0
		for _, p := range pending {
			if p.mark != "" {
				r.buffer = append(r.buffer, p)
			}
		}
	default:
		if cmd.media != "" {
			r.media++
			cmd.media = strings.Clone(cmd.media)
		}
		r.buffer = append(r.buffer, cmd)
	}
}

// toldAudio is a Hear as it was sent.
type toldAudio struct{ Audio string }

func (toldAudio) agentCommand() {}

func (r *rig) sendAgent(cmd AgentCommand) {
	if h, ok := cmd.(*Hear); ok { // its buffer is used again
		cmd = toldAudio{strings.Clone(h.Audio)}
	}
	r.sent = append(r.sent, cmd)
}

func (r *rig) passOn(payload string) {
	r.sent = append(r.sent, toldAudio{strings.Clone(payload)})
}
func (r *rig) dial(l Listen)     { r.dials = append(r.dials, l) }
func (r *rig) takeOver()         { r.taken++ }
func (r *rig) dropAgent()        { r.dropped++ }
func (r *rig) run(call ToolCall) { r.tools = append(r.tools, call) }
func (r *rig) observe(m Moment)  { r.moments = append(r.moments, m) }
func (r *rig) hangUp(Outcome)    { r.hungUp = true }

func (r *rig) do(events ...any) {
	for _, ev := range events {
		if phone, ok := ev.(twiliostream.Event); ok {
			ev = &phone
		}
		r.c.handle(r.now, ev)
	}
}

const tick = 10 * time.Millisecond

// wait lets time pass: the callee's silence arrives, audio is played, alarms go off.
func (r *rig) wait(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(tick)
		if r.onTick != nil {
			r.onTick()
		}
		r.playFor(tick)
		if r.streamMS += 10; r.streamMS%20 == 0 && !r.hungUp && r.c.started {
			r.do(twiliostream.Event{Kind: twiliostream.Media, TimestampMS: r.streamMS, Payload: silent(20)})
		}
		for r.c.expire(r.now) {
		}
	}
}

func (r *rig) playFor(d time.Duration) {
	for len(r.buffer) > 0 {
		front := r.buffer[0]
		if front.mark != "" {
			r.buffer = r.buffer[1:]
			switch {
			case r.loseMarks:
			case r.echo != nil:
				r.echo(front.mark)
			default:
				r.do(twiliostream.Event{Kind: twiliostream.Mark, Mark: front.mark})
			}
			continue
		}
		if r.playLeft == 0 {
			r.playLeft = time.Duration(twiliostream.DecodedLen(front.media)/bytesPerMS) * time.Millisecond
		}
		used := min(d, r.playLeft)
		d -= used
		r.playLeft -= used
		r.playedMS += int(used / time.Millisecond)
		if r.playLeft > 0 {
			return
		}
		r.buffer = r.buffer[1:]
	}
}

// audio is ms of a tone-like pattern, so that frames can be told apart.
// silent is a payload of silence.
func silent(ms int) string { return base64.StdEncoding.EncodeToString(silence(ms * bytesPerMS)) }

func audio(ms int) string {
	b := make([]byte, ms*bytesPerMS)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// began answers our last Respond.
func (r *rig) began(id string) {
	r.t.Helper()
	kind := ""
	if resp := r.responds(); len(resp) > 0 && r.c.gate.sent != nil {
		kind = resp[len(resp)-1].Kind
	}
	r.do(ResponseStarted{ResponseID: id, Kind: kind})
}

// speak lets response id say ms of audio in one item.
func (r *rig) speak(id, item string, ms int) {
	for ms > 0 {
		n := min(ms, 100)
		r.do(&AgentAudio{ResponseID: id, ItemID: item, Audio: audio(n)})
		ms -= n
	}
	text := "words of " + item
	if resp := r.c.responses[id]; resp != nil && resp.kind == respondGreeting && !r.undisclosed {
		text = r.c.cfg.Disclosure
	}
	r.do(AgentAudioDone{ResponseID: id, ItemID: item})
	if !r.untold {
		r.do(AgentTranscript{ResponseID: id, ItemID: item, Text: text})
	}
}

func (r *rig) ended(id string, status ResponseStatus) {
	r.do(ResponseEnded{ResponseID: id, Status: status, Usage: Usage{Responses: 1}})
}

// says is a whole response.
func (r *rig) says(id string, ms int) {
	r.t.Helper()
	r.began(id)
	r.speak(id, "item-"+id, ms)
	r.ended(id, ResponseCompleted)
}

// calleeSays is a whole turn of the callee.
func (r *rig) calleeSays(item string, d time.Duration) {
	r.do(CalleeStarted{ItemID: item})
	r.wait(d)
	r.do(CalleeStopped{ItemID: item}, CalleeCommitted{ItemID: item}, CalleeTranscript{ItemID: item, Text: "callee " + item})
}

// confirm lets the model confirm the last Listen.
func (r *rig) confirm() {
	for _, cmd := range slices.Backward(r.sent) {
		if l, ok := cmd.(Listen); ok {
			r.do(AgentListening{Listen: l})
			return
		}
	}
	r.t.Fatal("no Listen was sent")
}

// greeted brings the call to where the disclosure and the opening were heard.
func greeted(t testing.TB, cfg Config) *rig {
	r := newRig(t, cfg)
	r.do(phoneStarted{}, agentReady{})
	r.calleeSays("hello", 500*time.Millisecond)
	r.says("greet", 2000)
	r.says("open", 2000)
	r.wait(4200 * time.Millisecond)
	r.confirm()
	r.expect(r.c.out.DisclosurePlayed, "the disclosure was played")
	return r
}

func (r *rig) expect(ok bool, statement string, args ...any) {
	r.t.Helper()
	if !ok {
		r.t.Fatalf("not so: %s\nsent: %s\nmoments: %v", fmt.Sprintf(statement, args...), r.sentWords(), r.momentKinds())
	}
}

func (r *rig) sentWords() string {
	var b strings.Builder
	for _, cmd := range r.sent {
		if _, ok := cmd.(toldAudio); !ok {
			fmt.Fprintf(&b, "%T%.90v ", cmd, cmd)
		}
	}
	return b.String()
}

func (r *rig) momentKinds() (kinds []MomentKind) {
	for _, m := range r.moments {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

func (r *rig) count(kind MomentKind) (n int) {
	for _, m := range r.moments {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

func sentOf[T AgentCommand](r *rig) (out []T) {
	for _, cmd := range r.sent {
		if c, ok := cmd.(T); ok {
			out = append(out, c)
		}
	}
	return out
}

func (r *rig) responds() []Respond { return sentOf[Respond](r) }

func (r *rig) lastRespond() Respond {
	all := r.responds()
	if len(all) == 0 {
		return Respond{}
	}
	return all[len(all)-1]
}
