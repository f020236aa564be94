package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// check is one thing that the scenario states, and what is wrong with it, if anything.
type check struct{ states, problem string }

func (c check) because() string {
	if c.problem == "" {
		return ""
	}
	return ": " + c.problem
}

// judge holds the ending against what the scenario states. It asks the witnesses: the
// calendar's file, the line's recording, the hook, the document.
func judge(p play, s *stage, end ending) []check {
	checks := []check{
		{"the status document says " + string(p.status), unequal(end.call.Status, p.status)},
		{"its outcome is " + string(p.outcome), unequal(end.call.Outcome, p.outcome)},
		{fmt.Sprintf("the calendar holds %d new event, at the agreed time", p.events), calendarProblem(p, s, end)},
		{"the owner was told once, and rightly", noticeProblem(p, s)},
		{"the line is down, after one dial per attempt", lineProblem(s, end)},
		{"the phone company has nothing to object to", violations(s.twilio.Violations())},
	}
	if p.model == "" {
		checks = append(checks,
			check{"the model's service has nothing to object to", violations(s.realtime.Violations())},
			check{"the callee heard what the model said, sample for sample, the farewell to its end", audioProblem(s)},
			check{"the agent said first that it is an AI", disclosureProblem(s)},
			check{"the agent said the booked time", spokenProblem(p, s)},
		)
	}
	return checks
}

func unequal[T comparable](got, want T) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("it is %v", got)
}

func violations[V any](list []V) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%d objections, the first: %+v", len(list), list[0])
}

// calendarProblem reads the file itself: the events that were not there before.
func calendarProblem(p play, s *stage, end ending) string {
	ics, err := os.ReadFile(s.icsPath)
	if err != nil {
		return err.Error()
	}
	added := bytes.Count(ics, []byte("BEGIN:VEVENT")) - strings.Count(busyWeek, "BEGIN:VEVENT")
	if added != p.events {
		return fmt.Sprintf("it holds %d", added)
	}
	if p.events == 0 {
		return ""
	}
	e := end.call.Event
	switch {
	case e == nil:
		return "the status document names none"
	case !e.Start.Equal(p.slot) || e.End.Sub(e.Start) != 30*time.Minute:
		return fmt.Sprintf("it is from %v to %v", e.Start, e.End)
	case !icsHas(ics, p.slot):
		return "the file has it at another time"
	}
	return ""
}

// icsHas looks for the start of an event in any of the forms an .ics file writes it.
func icsHas(ics []byte, start time.Time) bool {
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(ics), "\r\n") {
		if strings.HasPrefix(line, "DTSTART") &&
			(strings.HasSuffix(line, ":"+start.UTC().Format("20060102T150405Z")) || strings.HasSuffix(line, ":"+start.In(zone).Format("20060102T150405"))) {
			return true
		}
	}
	return false
}

func noticeProblem(p play, s *stage) string {
	posts := s.hook.posts()
	if len(posts) != 1 {
		return fmt.Sprintf("%d notifications came", len(posts))
	}
	var m struct{ Message, Channel, To string }
	if err := json.Unmarshal(posts[0].Body, &m); err != nil {
		return err.Error()
	}
	if !strings.HasPrefix(m.Message, p.notice) || m.Channel != "telegram" || m.To != "telegram:12345" {
		return fmt.Sprintf("it said %q", m.Message)
	}
	return ""
}

func lineProblem(s *stage, end ending) string {
	calls := s.twilio.Calls()
	if len(calls) != len(end.call.Attempts) {
		return fmt.Sprintf("%d dials for %d attempts", len(calls), len(end.call.Attempts))
	}
	for _, c := range calls {
		select {
		case <-c.Done():
		default:
			return "a line is still up"
		}
	}
	return ""
}

// recording is what the last call's line carried.
func (s *stage) recording() twiliotest.Recording {
	calls := s.twilio.Calls()
	if len(calls) == 0 {
		return twiliotest.Recording{}
	}
	return calls[len(calls)-1].Recording()
}

// audioProblem holds the audio that was played at the callee's ear against what the
// model sent on its own socket: every item whole, in order, the last one included,
// with nothing between them but the padding of an item's last frame.
func audioProblem(s *stage) string {
	rest := s.recording().Played
	items := s.heard.said()
	if len(items) == 0 {
		return "the model said nothing"
	}
	for n, item := range items {
		audio := s.asHeard(item.audio)
		rest = skipPadding(rest, audio)
		if !bytes.HasPrefix(rest, audio) {
			return fmt.Sprintf("item %d of %d differs or was cut (%d bytes sent, %d left of what was played)", n+1, len(items), len(audio), len(rest))
		}
		rest = rest[len(audio):]
	}
	if len(bytes.TrimRight(rest, string([]byte{g711.MuSilence}))) > 0 {
		return fmt.Sprintf("%d bytes were played that the model never sent", len(rest))
	}
	return ""
}

// asHeard is an item's audio as it must arrive at the phone: as it is in mu-law; in 24
// kHz PCM filtered, decimated and encoded in one piece, whatever pieces it came in.
func (s *stage) asHeard(audio []byte) []byte {
	if s.format != config.FormatPCM {
		return audio
	}
	d := pcm.NewDecimator()
	return g711.EncodeMu(nil, d.Flush(d.Process(nil, pcm.Samples(nil, audio))))
}

// frame is what an item's last piece may be padded to.
const frame = 160

// skipPadding drops at most a frame's padding before an item.
func skipPadding(played, item []byte) []byte {
	for n := 0; n < frame && len(played) > 0 && played[0] == g711.MuSilence && !bytes.HasPrefix(played, item); n++ {
		played = played[1:]
	}
	return played
}

func disclosureProblem(s *stage) string {
	items := s.heard.said()
	const sentence = "Hello, this is an AI assistant calling on behalf of Alex Morgan."
	if len(items) == 0 || !strings.HasPrefix(items[0].transcript, sentence) {
		return "its first words were others"
	}
	return ""
}

func spokenProblem(p play, s *stage) string {
	if p.slot.IsZero() {
		return ""
	}
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return err.Error()
	}
	words := speech.SlotWords(p.slot.In(zone), ownerZone, false)
	for _, item := range s.heard.said() {
		if strings.Contains(strings.ToLower(item.transcript), words) {
			return ""
		}
	}
	return fmt.Sprintf("nobody said %q", words)
}
