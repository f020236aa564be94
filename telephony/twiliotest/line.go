package twiliotest

import (
	"context"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
)

// line is the audio between the two parties, from the answer to the end: one clock, ticking
// every 20 ms, for what the callee says, what it hears and the recording of both.
type line struct {
	call *Call

	mu     sync.Mutex
	callee callee
	frames int
	buffer playback
	sink   *stream // nil while no stream is started
	voice  []byte  // what Twilio itself still has to say

	calleeLeg, agentLeg, played []byte
}

func newLine(c *Call) *line { return &line{call: c, callee: newCallee(c.answer)} }

// clock is the length of the recording so far.
func (l *line) clock() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.frames) * frameTime
}

// run ticks until the call ends. It counts frames against the monotonic clock: a late tick is
// made up for, so that no audio is lost or stretched on a busy machine.
func (l *line) run(ctx context.Context) {
	start := time.Now()
	ticker := time.NewTicker(frameTime)
	defer ticker.Stop()
	for done := 0; ; {
		for due := int(time.Since(start)/frameTime) + 1; done < due && ctx.Err() == nil; done++ {
			l.tick()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// tick plays, hears, speaks and records 20 ms.
func (l *line) tick() {
	var heard, spoken [frameBytes]byte
	l.mu.Lock()
	n, marks := l.buffer.next(heard[:])
	l.played = append(l.played, heard[:n]...)
	if len(l.voice) > 0 {
		n = copy(heard[:], l.voice)
		l.voice = l.voice[n:]
	}
	for i := n; i < frameBytes; i++ {
		heard[i] = g711.MuSilence
	}
	events := l.callee.tick(heard[:], spoken[:])
	l.agentLeg = append(l.agentLeg, heard[:]...)
	l.calleeLeg = append(l.calleeLeg, spoken[:]...)
	l.frames++
	if l.sink != nil {
		events = append(events, l.sink.echo(marks, MarkPlayed)...)
		for _, e := range events {
			if e.kind == DigitPressed {
				l.sink.digit(e.text)
			}
		}
		l.sink.media(spoken[:])
	}
	l.mu.Unlock()
	l.tell(events)
}

// tell reports events outside the lock and lets the callee hang up.
func (l *line) tell(events []event) {
	for _, e := range events {
		if e.kind == HungUp {
			l.call.HangUp()
			continue
		}
		l.call.observe(e.kind, e.text)
	}
}

// say replaces what Twilio's own voice is saying.
func (l *line) say(audio []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.voice = audio
}

// attach gives the callee's audio to a stream that has started.
func (l *line) attach(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink, l.buffer = s, playback{}
}

// detach drops what the stream had buffered; nothing is sent to it afterwards.
func (l *line) detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink, l.buffer = nil, playback{}
}

// receive carries out one valid message of our side.
func (l *line) receive(m serverMessage) {
	l.mu.Lock()
	if l.sink == nil {
		l.mu.Unlock()
		return
	}
	var events []event
	switch m.event {
	case "media":
		if !l.buffer.audio(m.payload) {
			l.sink.fault(codeBufferOverflow, "more than 10 minutes of audio are buffered: media dropped")
		}
	case "mark":
		events = append(events, event{MarkReceived, m.mark})
		if l.buffer.mark(m.mark) {
			events = append(events, l.sink.echo([]string{m.mark}, MarkPlayed)...)
		}
	case "clear":
		events = append(events, event{Cleared, ""})
		events = append(events, l.sink.echo(l.buffer.clear(), MarkCleared)...)
	}
	l.mu.Unlock()
	l.tell(events)
}
