package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// line is one call: the phone and the model, on the two sides of what is measured.
type line struct {
	n    int
	sid  string // of its stream
	rate *load
	// heard is the callee's audio on its way to the model, spoken the model's to the phone.
	heard, spoken track

	mu           sync.Mutex
	phone, model *socket
	closed       bool
	resting      bool // no more audio, either way
	err          error
	// phone
	frames   int
	playedBy time.Time // when a phone that plays without a pause has played all it has
	marks    []mark
	out      []byte
	// model
	steady  chan struct{} // closed when the model speaks without end
	talks   bool
	replies int
	reply   string // the response that runs
	item    string
	serial  int
	due     int // deltas come in whole ticks: how many until the next
	say     []byte
	// interruptions
	barge     int // ticks until the next; 0 is none
	started   time.Time
	cut       bool // speech_started was said, and no clear came yet
	resume    int
	clears    []time.Duration
	truncates int
}

type mark struct {
	name string
	at   time.Time
}

func newLine(n int, l *load) *line {
	return &line{n: n, sid: fmt.Sprintf("MZ%032d", n), rate: l, steady: make(chan struct{})}
}

// name is how the model knows whose session it is: it stands in the instructions.
func (ln *line) name() string { return fmt.Sprintf("bench-line-%07d", ln.n) }

const lineDigits = 7

func lineOf(message []byte) (n int, ok bool) {
	_, after, found := bytes.Cut(message, []byte("bench-line-"))
	if !found || len(after) < lineDigits {
		return 0, false
	}
	n, err := strconv.Atoi(string(after[:lineDigits]))
	return n, err == nil
}

// call dials the stream and reads it until it ends.
func (ln *line) call(url string) error {
	s, err := dial(url, ln.rate.trust)
	if err != nil {
		return err
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.phone = s
	for _, m := range []string{
		`{"event":"connected","protocol":"Call","version":"1.0.0"}`,
		`{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC00000000000000000000000000000000","streamSid":"` + ln.sid + `","callSid":"CA00000000000000000000000000000000","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}},"streamSid":"` + ln.sid + `"}`,
	} {
		if err := s.send(append(frame(nil), m...)); err != nil {
			return err
		}
	}
	ln.rate.readers.Go(func() { ln.end(ln.listen(s)) })
	return nil
}

// end takes note of why a socket is over, if it is; the first reason counts.
func (ln *line) end(err error) {
	if err == nil {
		return
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.err == nil && !ln.closed {
		ln.err = err
	}
}

// rest stops the line's audio, both ways.
func (ln *line) rest() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.resting = true
}

// hangUp ends the call as Twilio does when the callee puts the phone down.
func (ln *line) hangUp() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.closed, ln.talks = true, false
	if ln.phone == nil {
		return
	}
	_ = ln.phone.send(append(frame(nil), `{"event":"stop","sequenceNumber":"2","stop":{"accountSid":"AC00000000000000000000000000000000","callSid":"CA00000000000000000000000000000000"},"streamSid":"`+ln.sid+`"}`...))
	ln.phone.close()
}

var (
	mediaHead = []byte(`{"event":"media"`)
	markHead  = []byte(`{"event":"mark"`)
	clearHead = []byte(`{"event":"clear"`)
	audioHead = []byte(`{"type":"input_audio_buffer.append"`)
)

// value is the string that follows key in a message whose shape is known.
func value(message []byte, key string) []byte {
	_, after, _ := bytes.Cut(message, []byte(key))
	end := bytes.IndexByte(after, '"')
	if end < 0 {
		return nil
	}
	return after[:end]
}

var errUnknown = errors.New("the phone was sent a message that it does not know")

// listen is the phone: it plays what comes and says when it has.
func (ln *line) listen(s *socket) error {
	buf := make([]byte, 0, 4096)
	for {
		message, err := s.next(buf)
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		buf = message
		switch {
		case bytes.HasPrefix(message, mediaHead):
			text := value(message, `"payload":"`)
			us := decodedLen(text) * usPerMS / muBytesPerMS
			serial := -1
			if ln.rate.format == pcmu {
				serial = serialOf(text)
			}
			ln.spoken.arrived(us, serial)
			ln.mu.Lock()
			if now := time.Now(); ln.playedBy.Before(now) {
				ln.playedBy = now
			}
			ln.playedBy = ln.playedBy.Add(time.Duration(us) * time.Microsecond)
			ln.mu.Unlock()
		case bytes.HasPrefix(message, markHead):
			ln.mu.Lock()
			ln.marks = append(ln.marks, mark{string(value(message, `"name":"`)), ln.playedBy})
			ln.mu.Unlock()
		case bytes.HasPrefix(message, clearHead):
			ln.cleared()
		default:
			return errUnknown
		}
	}
}

// cleared forgets what was not played, and the marks come back at once.
func (ln *line) cleared() {
	now := time.Now()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.playedBy = now
	for i := range ln.marks {
		ln.marks[i].at = now
	}
	if ln.cut {
		ln.cut = false
		ln.clears = append(ln.clears, now.Sub(ln.started))
		ln.resume = 10
		ln.spoken.skip()
	}
}

// ring is the phone's part of one tick of 20 ms: a frame of the callee's, and the marks
// that were played. It returns the socket's error.
func (ln *line) ring(now time.Time) error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed || ln.phone == nil || ln.model == nil || !ln.rate.flowing.Load() {
		return nil
	}
	if ln.resting {
		return ln.echo(now)
	}
	ln.frames++
	b := append(frame(ln.out), `{"event":"media","sequenceNumber":"`...)
	b = strconv.AppendInt(b, int64(ln.frames+1), 10)
	b = append(b, `","media":{"track":"inbound","chunk":"`...)
	b = strconv.AppendInt(b, int64(ln.frames), 10)
	b = append(b, `","timestamp":"`...)
	b = strconv.AppendInt(b, int64(ln.frames*frameMS), 10)
	b = append(b, `","payload":"`...)
	b = appendMu(b, frameMS, ln.frames)
	b = append(b, `"},"streamSid":"`...)
	b = append(b, ln.sid...)
	b = append(b, `"}`...)
	ln.out = b
	ln.heard.sending(frameMS*usPerMS, ln.frames)
	if err := ln.phone.send(b); err != nil {
		return err
	}
	return ln.echo(now)
}

// echo returns the marks that were played. Callers hold mu.
func (ln *line) echo(now time.Time) error {
	for len(ln.marks) > 0 && !ln.marks[0].at.After(now) {
		b := append(frame(ln.out), `{"event":"mark","sequenceNumber":"3","streamSid":"`...)
		b = append(b, ln.sid...)
		b = append(b, `","mark":{"name":"`...)
		b = append(b, ln.marks[0].name...)
		b = append(b, `"}}`...)
		ln.out, ln.marks = b, slices.Delete(ln.marks, 0, 1)
		if err := ln.phone.send(b); err != nil {
			return err
		}
	}
	return nil
}
