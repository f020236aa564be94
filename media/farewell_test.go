//go:build !race

// One goroutine computes here: the race detector would find nothing, and take ten times as long.

package media

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// hop is one way of the line: what goes in comes out in order, each after a time of its own.
type hop[T any] struct {
	waiting []T
	due     []time.Time
}

func (h *hop[T]) send(v T, at time.Time) {
	if n := len(h.due); n > 0 && h.due[n-1].After(at) {
		at = h.due[n-1]
	}
	h.waiting, h.due = append(h.waiting, v), append(h.due, at)
}

func (h *hop[T]) arrive(now time.Time, take func(T)) {
	for len(h.due) > 0 && !h.due[0].After(now) {
		v := h.waiting[0]
		h.waiting, h.due = h.waiting[1:], h.due[1:]
		take(v)
	}
}

// farCall is a call over a line that jitters and loses marks, with a model that sends
// deltas of any size. All of it follows from its seed.
type farCall struct {
	*rig
	random *rand.Rand
	there  hop[phoneCommand]
	back   hop[string]
	loss   float64 // of the marks
	fewest bool    // the end's own mark is always lost
	turn   int
	left   int // media not played when the line went down
	downAt time.Time
}

func newFarCall(t testing.TB, seed uint64) *farCall {
	f := &farCall{random: rand.New(rand.NewPCG(seed, 5))}
	f.loss = []float64{0, 0.02, 0.2, 1}[seed%4]
	f.fewest = f.random.IntN(3) == 0
	cfg := testConfig()
	f.rig = &rig{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	f.echo = func(mark string) { f.back.send(mark, f.now.Add(f.jitter())) }
	f.onTick = f.carry
	f.c = newConversation(cfg, f, f.now)
	return f
}

func (f *farCall) jitter() time.Duration {
	return time.Duration(5+f.random.IntN(150)) * time.Millisecond
}

func (f *farCall) sendPhone(cmd phoneCommand) {
	cmd.media = strings.Clone(cmd.media)
	f.there.send(cmd, f.now.Add(f.jitter()))
}

// carry brings what is on its way to where it goes.
func (f *farCall) carry() {
	f.there.arrive(f.now, f.rig.sendPhone)
	f.back.arrive(f.now, func(mark string) {
		if f.random.Float64() >= f.loss && (!f.fewest || mark[0] != 'e') && !f.hungUp {
			f.do(twiliostream.Event{Kind: twiliostream.Mark, Mark: mark})
		}
	})
}

// hangUp counts what of our audio the callee had not heard yet.
func (f *farCall) hangUp(out Outcome) {
	f.rig.hangUp(out)
	f.downAt = f.now
	for _, cmd := range append(append([]phoneCommand(nil), f.buffer...), f.there.waiting...) {
		if cmd.media != "" {
			f.left++
		}
	}
}

// talk is a response of that many milliseconds, sent faster than it is played and in
// deltas of any size; true if the callee spoke over it.
func (f *farCall) talk(id string, long int, mayInterrupt bool) (interrupted bool) {
	at := -1
	if mayInterrupt && f.random.IntN(3) == 0 {
		at = f.random.IntN(long)
	}
	began := f.now
	for rest := long; rest > 0; {
		n := min(rest, 1+f.random.IntN(400))
		rest -= n
		f.do(&AgentAudio{ResponseID: id, ItemID: "item-" + id, Audio: audio(n)})
		f.wait(time.Duration(n/(5+f.random.IntN(5))/10*10) * time.Millisecond)
	}
	text := "words of " + id
	if r := f.c.responses[id]; r != nil && r.kind == respondGreeting {
		text = f.c.cfg.Disclosure
	}
	f.do(AgentAudioDone{ResponseID: id, ItemID: "item-" + id}, AgentTranscript{ResponseID: id, ItemID: "item-" + id, Text: text})
	if at >= 0 && f.now.Sub(began) < time.Duration(at)*time.Millisecond {
		f.wait(began.Add(time.Duration(at) * time.Millisecond).Sub(f.now))
		f.do(CalleeStarted{ItemID: "over-" + id})
		interrupted = true
	}
	return interrupted
}

// answer is a turn of the callee and the response to it. Its last act may be end_call.
func (f *farCall) answer(endCall, alone bool) (interrupted bool) {
	f.turn++
	id := fmt.Sprintf("r%d", f.turn)
	if !f.c.talk.speaking {
		f.do(CalleeStarted{ItemID: "u" + id})
	}
	f.wait(time.Duration(200+f.random.IntN(1500)) * time.Millisecond)
	f.do(CalleeStopped{ItemID: "u" + id}, CalleeCommitted{ItemID: "u" + id})
	kind := ""
	if f.c.gate.sent != nil {
		kind = string(f.c.gate.sent.kind)
	}
	f.wait(time.Duration(f.random.IntN(600)) * time.Millisecond)
	f.do(ResponseStarted{ResponseID: id, Kind: kind})
	if !alone || !endCall {
		interrupted = f.talk(id, 300+f.random.IntN(4000), !endCall)
	}
	status := ResponseCompleted
	if interrupted {
		status = ResponseCancelled
	} else if endCall {
		f.do(AgentCall{ResponseID: id, CallID: "e" + id, Name: "end_call", Arguments: `{"reason":"booked"}`})
	}
	f.ended(id, status)
	return interrupted
}

// goodbye is the farewell that was asked for; the callee may talk into it, also where it
// was said together with end_call and only plays.
func (f *farCall) goodbye(mayInterrupt bool) (interrupted bool) {
	for range 6000 {
		if f.c.over || f.c.lastWords() || f.c.gate.sent != nil && f.c.gate.sent.kind == respondFarewell {
			break
		}
		f.wait(tick)
	}
	if f.c.gate.sent == nil {
		f.wait(time.Duration(f.random.IntN(600)) * time.Millisecond)
		interrupted = mayInterrupt && !f.hungUp && f.random.IntN(3) == 0
		if interrupted {
			f.do(CalleeStarted{ItemID: "over-goodbye"})
		}
		return interrupted
	}
	f.turn++
	id := fmt.Sprintf("bye%d", f.turn)
	f.wait(time.Duration(f.random.IntN(600)) * time.Millisecond)
	f.do(ResponseStarted{ResponseID: id, Kind: string(respondFarewell)})
	interrupted = f.talk(id, 500+f.random.IntN(5000), mayInterrupt)
	status := ResponseCompleted
	if interrupted {
		status = ResponseCancelled
	}
	f.ended(id, status)
	return interrupted
}

// asked says what the conversation asks for, which is said; nothing where it asks for nothing.
func (f *farCall) asked() {
	if f.c.gate.sent == nil {
		return
	}
	f.turn++
	id := fmt.Sprintf("a%d", f.turn)
	f.began(id)
	f.talk(id, 500+f.random.IntN(2500), false)
	f.ended(id, ResponseCompleted)
}

// tool is a turn in which a tool is at work, so long now and then that a filler plays.
func (f *farCall) tool() {
	f.turn++
	id, call := fmt.Sprintf("t%d", f.turn), fmt.Sprintf("c%d", f.turn)
	f.do(CalleeStarted{ItemID: "u" + id})
	f.wait(500 * time.Millisecond)
	f.do(CalleeStopped{ItemID: "u" + id}, CalleeCommitted{ItemID: "u" + id}, ResponseStarted{ResponseID: id})
	f.do(AgentCall{ResponseID: id, CallID: call, Name: "find", Arguments: `{}`})
	f.ended(id, ResponseCompleted)
	f.wait(time.Duration(f.random.IntN(2500)) * time.Millisecond)
	f.do(toolDone{callID: call, output: `{}`})
	f.asked()
}

// end brings the call to an end for one of the reasons that say goodbye.
func (f *farCall) end() {
	forced := false
	switch f.random.IntN(5) {
	case 0:
		f.answer(true, false)
	case 1:
		f.answer(true, true)
	case 2:
		f.do(hangUpAsked{reason: EndDrained})
		forced = true
	default: // silence: the prompt, and then the farewell; or the call becomes too long before
		if f.random.IntN(2) == 0 {
			f.c.alarms.set(alarmMaxLength, f.now.Add(time.Duration(f.random.IntN(15000))*time.Millisecond))
		}
		for f.c.ending == nil {
			f.wait(tick)
			if f.c.ending == nil {
				f.asked()
			}
		}
		forced = f.c.ending.forced
	}
	if f.goodbye(!forced) { // then the call goes on, and ends again
		f.answer(true, f.random.IntN(2) == 0)
		f.goodbye(false)
	}
}

// TestTheFarewellIsHeardToItsLastSample in 1,000 of 1,000 calls, whatever the line loses
// of the marks, and the line goes down soon after it.
func TestTheFarewellIsHeardToItsLastSample(t *testing.T) {
	const calls = 1000
	played, fillers, reasons := 0, 0, map[EndReason]int{}
	for seed := range uint64(calls) {
		f := newFarCall(t, seed)
		f.do(phoneStarted{}, agentReady{})
		f.wait(1600 * time.Millisecond)
		f.asked() // the disclosure
		f.asked() // the opening
		f.wait(8 * time.Second)
		f.confirm()
		for range f.random.IntN(4) {
			if f.random.IntN(3) == 0 {
				f.tool()
			} else {
				f.answer(false, false)
			}
			f.wait(time.Duration(f.random.IntN(5000)) * time.Millisecond)
		}
		f.end()
		quiet := f.now // at the latest: all was sent by now
		for range 6000 {
			if f.hungUp {
				break
			}
			f.wait(tick)
		}
		switch out := f.c.out; {
		case !f.hungUp:
			t.Fatalf("seed %d: the line was never put down: gate %+v, ending %+v", seed, f.c.gate, f.c.ending)
		case f.left > 0:
			t.Errorf("seed %d: %s with %d messages of our audio not heard", seed, out.Reason, f.left)
		case f.loss == 0 && !f.fewest && !out.FarewellPlayed:
			t.Errorf("seed %d: %s: every mark came back, and yet nobody knows that the farewell was heard", seed, out.Reason)
		case f.downAt.Sub(quiet) > 20*time.Second:
			t.Errorf("seed %d: %s: the line was held for %v", seed, out.Reason, f.downAt.Sub(quiet))
		default:
			reasons[out.Reason]++
			fillers += out.Quality.Fillers
			if out.FarewellPlayed {
				played++
			}
		}
	}
	t.Logf("%d calls, the farewell heard to its end in all of them, known from the marks in %d; %d fillers; ends: %v", calls, played, fillers, reasons)
}
