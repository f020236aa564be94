package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP is the Realtime server: strict about the order of the handshake, and about
// nothing else, which is the simulator's part (media/realtimetest).
func (l *load) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, err := accept(w, r)
	if err != nil {
		return
	}
	defer s.close()
	if s.send(append(frame(nil), `{"type":"session.created","event_id":"event_0","session":{"type":"realtime","id":"sess_0"}}`...)) != nil {
		return
	}
	ln, err := l.configure(s)
	if err != nil || ln == nil {
		return // whoever only probes asks for nothing more
	}
	ln.end(ln.attend(s))
}

// configure answers the first session.update and says whose session it is.
func (l *load) configure(s *socket) (*line, error) {
	message, err := s.next(nil)
	if err != nil {
		return nil, err
	}
	n, ok := lineOf(message)
	if !ok {
		return nil, fmt.Errorf("a session that is no line's: %.200s", message)
	}
	ln := l.line(n)
	if err := updated(s, message); err != nil {
		return nil, err
	}
	ln.mu.Lock()
	ln.model = s
	ln.mu.Unlock()
	if bytes.Contains(message, []byte(speakAtOnce)) {
		ln.speak("resp_1")
	}
	return ln, nil
}

// speakAtOnce stands in the session of a proxy that knows nothing of responses.
const speakAtOnce = "speak-at-once"

// clientEvent is what the model understands, besides audio.
type clientEvent struct {
	Type     string          `json:"type"`
	Session  json.RawMessage `json:"session"`
	Response struct {
		Metadata struct {
			Kind string `json:"kind"`
		} `json:"metadata"`
	} `json:"response"`
}

// updated echoes a session.
func updated(s *socket, message []byte) error {
	var e clientEvent
	if err := json.Unmarshal(message, &e); err != nil || e.Type != "session.update" {
		return fmt.Errorf("the first event must be session.update: %.80s (%w)", message, err)
	}
	return s.send(append(append(append(frame(nil), `{"type":"session.updated","event_id":"event_1","session":`...), e.Session...), '}'))
}

// attend is the model of one line: it hears audio and does as it is told.
func (ln *line) attend(s *socket) error {
	buf := make([]byte, 0, 4096)
	for {
		message, err := s.next(buf)
		if err != nil {
			return fmt.Errorf("model: %w", err)
		}
		buf = message
		if bytes.HasPrefix(message, audioHead) {
			ln.hear(value(message, `"audio":"`))
			continue
		}
		if err := ln.obey(s, message); err != nil {
			return err
		}
	}
}

func (ln *line) hear(text []byte) {
	if ln.rate.format == pcmu {
		ln.heard.arrived(decodedLen(text)*usPerMS/muBytesPerMS, serialOf(text))
		return
	}
	ln.heard.arrived(decodedLen(text)*usPerMS/pcmBytesPerMS, -1)
}

func (ln *line) obey(s *socket, message []byte) error {
	var e clientEvent
	if err := json.Unmarshal(message, &e); err != nil {
		return fmt.Errorf("model: no JSON: %w", err)
	}
	switch e.Type {
	case "session.update":
		return updated(s, message)
	case "response.create":
		return ln.respond(e.Response.Metadata.Kind)
	case "conversation.item.truncate":
		ln.mu.Lock()
		ln.truncates++
		ln.mu.Unlock()
		return s.send(append(frame(nil), `{"type":"conversation.item.truncated","event_id":"event_2"}`...))
	case "conversation.item.create", "response.cancel":
		return nil
	}
	return fmt.Errorf("model: an event that it does not know: %.80s", message)
}

// respond greets, and then speaks without end.
func (ln *line) respond(kind string) error {
	ln.mu.Lock()
	ln.replies++
	id := fmt.Sprintf("resp_%d", ln.replies)
	ln.mu.Unlock()
	if err := ln.tell(`{"type":"response.created","event_id":"event_3","response":{"id":"` + id + `","status":"in_progress","metadata":{"kind":"` + kind + `"}}}`); err != nil {
		return err
	}
	if kind != "greeting" {
		ln.speak(id)
		return nil
	}
	ln.mu.Lock()
	ln.reply, ln.item = id, "item_"+id
	err := ln.delta(10 * frameMS)
	if ln.rate.format == pcm24k {
		ln.spoken.pad(frameMS * usPerMS) // the filter's tail, in a frame of its own
	}
	ln.mu.Unlock()
	if err != nil {
		return err
	}
	for _, m := range []string{
		`{"type":"response.output_audio.done","event_id":"event_4","response_id":"` + id + `","item_id":"item_` + id + `"}`,
		`{"type":"response.output_audio_transcript.done","event_id":"event_5","response_id":"` + id + `","item_id":"item_` + id + `","transcript":"` + disclosure + `"}`,
		`{"type":"response.done","event_id":"event_6","response":{"id":"` + id + `","status":"completed","output":[]}}`,
	} {
		if err := ln.tell(m); err != nil {
			return err
		}
	}
	return nil
}

// tell sends a control event.
func (ln *line) tell(message string) error {
	return ln.model.send(append(frame(nil), message...))
}

// speak begins the response that has no end.
func (ln *line) speak(id string) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.reply, ln.item, ln.talks = id, "item_"+id, true
	select {
	case <-ln.steady:
	default:
		close(ln.steady)
	}
}

// delta sends ms of speech. Callers hold mu.
func (ln *line) delta(ms int) error {
	ln.serial++
	b := append(frame(ln.say), `{"type":"response.output_audio.delta","event_id":"event_`...)
	b = strconv.AppendInt(b, int64(ln.serial), 10)
	b = append(append(b, `","response_id":"`...), ln.reply...)
	b = append(append(b, `","item_id":"`...), ln.item...)
	b = append(b, `","output_index":0,"content_index":0,"delta":"`...)
	if ln.rate.format == pcmu {
		b = appendMu(b, ms, ln.serial)
	} else {
		b = appendPCM(b, ms)
	}
	b = append(b, `"}`...)
	ln.say = b
	ln.spoken.sending(int64(ms)*usPerMS, ln.serial)
	return ln.model.send(b)
}

// speakOn is the model's part of one tick of 20 ms.
func (ln *line) speakOn(now time.Time) error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed || ln.resting || ln.model == nil || !ln.rate.flowing.Load() {
		return nil
	}
	if ln.resume > 0 {
		if ln.resume--; ln.resume == 0 {
			return ln.answer()
		}
	}
	if !ln.talks {
		return nil
	}
	if ln.barge > 0 && ln.rate.barging.Load() {
		if ln.barge--; ln.barge == 0 {
			return ln.interrupt(now)
		}
	}
	if ln.due--; ln.due > 0 {
		return nil
	}
	ms := frameMS
	if ln.rate.burst { // 100 to 400 ms, another length each time
		ms = 100 + frameMS*((ln.n*7+ln.serial*5)%16)
	}
	ln.due = ms / frameMS
	return ln.delta(ms)
}

// bargeEvery is how many ticks lie between two interruptions of a line.
const bargeEvery = 100

// interrupt lets the callee be heard: the model stops and says so. Callers hold mu.
func (ln *line) interrupt(time.Time) error {
	ln.barge, ln.talks, ln.cut = bargeEvery, false, true
	ln.started = time.Now()
	user := fmt.Sprintf("item_user_%d", ln.serial)
	if err := ln.tell(`{"type":"input_audio_buffer.speech_started","event_id":"event_7","audio_start_ms":0,"item_id":"` + user + `"}`); err != nil {
		return err
	}
	return ln.tell(`{"type":"response.done","event_id":"event_8","response":{"id":"` + ln.reply + `","status":"cancelled","output":[]}}`)
}

// answer ends the callee's turn, and the model speaks again. Callers hold mu.
func (ln *line) answer() error {
	ln.replies++
	ln.reply = fmt.Sprintf("resp_%d", ln.replies)
	ln.item, ln.talks, ln.due = "item_"+ln.reply, true, 0
	user := fmt.Sprintf("item_user_%d", ln.serial)
	for _, m := range []string{
		`{"type":"input_audio_buffer.speech_stopped","event_id":"event_9","audio_end_ms":0,"item_id":"` + user + `"}`,
		`{"type":"input_audio_buffer.committed","event_id":"event_10","item_id":"` + user + `"}`,
		`{"type":"conversation.item.input_audio_transcription.completed","event_id":"event_11","item_id":"` + user + `","transcript":"Yes."}`,
		`{"type":"response.created","event_id":"event_12","response":{"id":"` + ln.reply + `","status":"in_progress"}}`,
	} {
		if err := ln.tell(m); err != nil {
			return err
		}
	}
	return nil
}
