package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// The statements of single scenarios. Each asks the line: what was on it, and when.

// says demands that the sentence was said, whole, in the last attempt.
func says(sentence string) func(*stage) string {
	return func(s *stage) string {
		heard, _ := s.listen(s.lastDial())
		for _, h := range heard {
			if h.whole() && strings.Contains(h.transcript, sentence) {
				return ""
			}
		}
		return fmt.Sprintf("nobody heard %q", sentence)
	}
}

// namedNoTime: no sentence holds a day or a slot.
func namedNoTime(s *stage) string {
	for _, item := range s.lastDial().items {
		for day := range 7 {
			if words := strings.ToLower(item.transcript); strings.Contains(words, strings.ToLower(time.Weekday(day).String())) {
				return fmt.Sprintf("it said %q", item.transcript)
			}
		}
	}
	return ""
}

func hungUpBy(who string) func(*stage) string {
	return func(s *stage) string {
		if m, ok := s.lastDial().last(twiliotest.HungUp); !ok || m.Text != who {
			return fmt.Sprintf("it was %q", m.Text)
		}
		return ""
	}
}

// voiceLevel is what the ear takes for speech, in dBFS.
const voiceLevel = -42

// voiced says for every 20 ms of a leg whether somebody speaks.
func voiced(leg []byte) (frames []bool) {
	for ; len(leg) >= frame; leg = leg[frame:] {
		frames = append(frames, pcm.LevelDBFS(g711.DecodeMu(nil, leg[:frame])) >= voiceLevel)
	}
	return frames
}

// frameAt is the frame of a recording at which a moment lies.
func frameAt(m twiliotest.Moment) int { return int(m.Clock / (20 * time.Millisecond)) }

// disclosureOutlasted: the callee spoke while the first item sounded, and it was heard whole.
func disclosureOutlasted(s *stage) string {
	d := s.lastDial()
	heard, _ := s.listen(d)
	if len(heard) == 0 || !heard[0].whole() {
		return "it was cut"
	}
	begins := d.all(twiliotest.AgentSpeaks)
	for _, m := range d.all(twiliotest.CalleeSpeaks) {
		if len(begins) > 0 && m.Clock > begins[0].Clock && m.Clock < begins[0].Clock+duration(len(heard[0].audio)) {
			return ""
		}
	}
	return "the callee was silent meanwhile"
}

// fellSilent: the agent was speaking when the callee began the last line that
// interrupts, and stopped at once, until the callee had finished.
func fellSilent(s *stage) string {
	const at, patience = "Yes, that suits me.", 400 * time.Millisecond
	d := s.lastDial()
	begin, ok := d.saying(twiliotest.CalleeSpeaks, at)
	end, ok2 := d.saying(twiliotest.CalleeQuiet, at)
	if !ok || !ok2 {
		return "the callee did not interrupt"
	}
	agent := voiced(d.recording().Agent)
	from, to := frameAt(begin), min(frameAt(end), len(agent))
	last := -1
	for i := from; i < to; i++ {
		if agent[i] {
			last = i
		}
	}
	switch spoke := time.Duration(last+1-from) * 20 * time.Millisecond; {
	case last < 0:
		return "the agent was not speaking"
	case spoke > patience:
		return fmt.Sprintf("it went on for %v", spoke)
	case len(d.all(twiliotest.Cleared)) != 1:
		return fmt.Sprintf("the line was cleared %d times", len(d.all(twiliotest.Cleared)))
	}
	return ""
}

// wordless: in every attempt the machine was speaking when it was recognised, the
// line went down within a second of that, and nothing was said on it.
func wordless(s *stage) string {
	for n, d := range s.dials() {
		r := d.recording()
		verdict, ok := d.last(twiliotest.MachineVerdict)
		down, ok2 := d.last(twiliotest.HungUp)
		_, finished := d.last(twiliotest.CalleeQuiet)
		_, spoken := d.last(twiliotest.Said)
		switch {
		case !ok || !ok2 || finished:
			return fmt.Sprintf("attempt %d: the machine was not interrupted", n+1)
		case down.At.Sub(verdict.At) > time.Second:
			return fmt.Sprintf("attempt %d: the line stayed up for %v", n+1, down.At.Sub(verdict.At))
		case spoken || len(r.Played) > 0:
			return fmt.Sprintf("attempt %d: it heard %v of us", n+1, duration(len(r.Played)))
		}
	}
	return ""
}

// apologised: after the model's last word the callee heard words that the model never
// said, for a second at least; then we put the line down, and nobody else spoke.
func apologised(s *stage) string {
	all := s.dials()
	if len(all) < s.play.apology {
		return "there was no such attempt"
	}
	d := all[s.play.apology-1]
	_, words := s.listen(d)
	spoken := 0
	for _, v := range voiced(words) {
		if v {
			spoken++
		}
	}
	down, _ := d.last(twiliotest.HungUp)
	_, byProvider := d.last(twiliotest.Said)
	switch {
	case spoken < 50:
		return fmt.Sprintf("it heard %d ms of one", spoken*20)
	case down.Text != "rest":
		return fmt.Sprintf("the line was put down by %q", down.Text)
	case byProvider:
		return "the phone company spoke as well"
	}
	return ""
}
