package twiliotest

import (
	"encoding/json"
	"slices"
	"strconv"
)

// write sends what is queued until the queue is closed or the connection ends.
func (s *stream) write(out <-chan []byte) {
	for message := range out {
		s.connection.send(s.call, message)
	}
}

// media sends one frame of the callee, or keeps it for a burst. Called by the line only.
func (s *stream) media(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.burst = append(s.burst, slices.Clone(frame))
	if len(s.burst) >= s.nasty.Burst {
		s.flushBurst()
	}
}

func (s *stream) flushBurst() {
	for _, frame := range s.burst {
		s.chunk++
		stamp := firstTimestamp + 20*(s.chunk-1)
		body := mediaBody{"inbound", strconv.Itoa(s.chunk), strconv.Itoa(stamp), frame}
		s.enqueue(mediaMessage{"media", s.next(), body, s.sid})
	}
	s.burst = s.burst[:0]
}

// digit sends a key that the callee pressed. Called by the line only.
func (s *stream) digit(digit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(dtmfMessage{"dtmf", s.sid, s.next(), dtmfBody{"inbound_track", digit}})
}

// echo returns marks to our side, but for those the script loses. Called by the line only.
func (s *stream) echo(marks []string, kind Kind) (events []event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mark := range marks {
		s.echoes++
		if slices.Contains(s.nasty.LoseMarks, s.echoes) {
			events = append(events, event{MarkLost, mark})
			continue
		}
		s.enqueue(markMessage{"mark", s.next(), s.sid, markBody{mark}})
		events = append(events, event{kind, mark})
	}
	return events
}

func (s *stream) next() string {
	s.sequence++
	return strconv.Itoa(s.sequence)
}

// enqueue never blocks the line: a peer that does not read for 10 s loses the stream.
func (s *stream) enqueue(message any) {
	if s.out == nil {
		return
	}
	select {
	case s.out <- encode(message):
	default:
		s.breaking.Do(func() {
			s.call.violation(codeProtocol, "our side has not read for %v: the stream is broken off", outQueue*frameTime)
			close(s.broken)
		})
	}
}

func encode(message any) []byte {
	text, err := json.Marshal(message)
	if err != nil {
		panic("twiliotest: a message of ours does not encode: " + err.Error()) //nolint:forbidigo // a mistake of this package, in types that always encode
	}
	return text
}
