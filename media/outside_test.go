package media

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// FuzzAgentAudio: whatever the model sends as audio, in whatever pieces, the phone gets
// whole frames that are no longer than a message may be.
func FuzzAgentAudio(f *testing.F) {
	f.Add("/////w==", "////", true)
	f.Add(audio(60), audio(7), false)
	f.Add("", "=", false)
	f.Add(audio(500), "not base64", true)
	f.Fuzz(func(t *testing.T, first, second string, pcm bool) {
		output := []Format{PCMU, PCMA}[len(second)%2]
		if pcm {
			output = PCM24k
		}
		fr := newFramer(output)
		emit := func(payload string, _ []byte, heard int, _ bool) {
			raw, err := base64.StdEncoding.DecodeString(payload)
			if err != nil || len(raw) == 0 || len(raw)%frameBytes != 0 || len(raw) > twiliostream.MaxMediaBytes || heard < 0 || heard > len(raw) {
				t.Errorf("%d bytes, of which %d are heard: %v", len(raw), heard, err)
			}
		}
		for _, delta := range []string{first, second} {
			if decoded, ok := twiliostream.AppendAudio(nil, delta); ok {
				fr.push(delta, decoded, emit)
			}
		}
		fr.finish(emit)
	})
}

// FuzzMarkEcho: no mark that a phone invents says that more was heard than was sent.
func FuzzMarkEcho(f *testing.F) {
	for _, seed := range []string{"g0:item-open:60", "g0:item-open:999999", "g0::", "g1:item-open:60", "end:0", "end:", "", "g0:item-open:-5", "\xff:\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		r := newRig(t, testConfig())
		r.do(phoneStarted{}, agentReady{})
		r.c.greet()
		r.c.settle()
		r.says("greet", 300)
		r.says("open", 300)
		r.do(twiliostream.Event{Kind: twiliostream.Mark, Mark: name})
		for _, it := range r.c.play.items {
			if it.playedMS < 0 || it.playedMS > it.sentMS() {
				t.Errorf("%q: %d of %d ms were heard", name, it.playedMS, it.sentMS())
			}
		}
		if r.hungUp {
			t.Errorf("%q ended the call", name)
		}
	})
}

// FuzzAgentCall: whatever arguments the model gives a tool, the call gets one answer or
// runs, and what end_call reports keeps to its bounds.
func FuzzAgentCall(f *testing.F) {
	for _, seed := range []string{
		`{"reason":"refused","summary":"no","next_steps":["a"]}`, `{"reason":"voicemail"}`, `{"reason":7}`, `{"reason":"booked","summary":{},"next_steps":{}}`,
		`null`, `[]`, `{`, ``, `{"reason":"unclear","summary":"see https://x.example\u2028now","next_steps":[1,null,"www.x",""]}`,
	} {
		f.Add("end_call", seed)
		f.Add("find", seed)
	}
	f.Fuzz(func(t *testing.T, name, args string) {
		r := newRig(t, testConfig())
		r.do(phoneStarted{}, agentReady{})
		r.c.greet()
		r.c.settle()
		r.says("greet", 100)
		r.began("open")
		r.do(AgentCall{ResponseID: "open", CallID: "c", Name: name, Arguments: args})
		if n := len(sentOf[Answer](r)) + len(r.tools); n != 1 {
			t.Errorf("answered or run %d times", n)
		}
		report := r.c.out.Report
		if len(report.NextSteps) > maxReportSteps {
			t.Errorf("%d steps", len(report.NextSteps))
		}
		for _, text := range append(report.NextSteps, report.Summary) {
			if utf8.RuneCountInString(text) > maxReportText || strings.ContainsAny(text, "\r\n\u2028") || strings.Contains(text, "://") && address.MatchString(text) {
				t.Errorf("it reports %q", text)
			}
		}
	})
}

func TestMessagesThatAreNoEventsAreCounted(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(AgentGarbled{}, AgentGarbled{})
	r.expect(r.c.out.Quality.BadEvents == 2 && !r.hungUp, "and the call goes on: %+v", r.c.out.Quality)
}

// TestWhatTheLineCutIsMarkedAsNotHeard: the transcript has the whole text.
func TestWhatTheLineCutIsMarkedAsNotHeard(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u", 500*ms)
	r.says("r", 3000)
	r.wait(time.Second)
	r.do(twiliostream.Event{Kind: twiliostream.Stop})
	turns := r.c.outcome().Transcript
	last := turns[len(turns)-1]
	r.expect(last.Speaker == SpeakerAgent && last.Interrupted && last.HeardMS >= 900 && last.HeardMS <= 1060, "about a second was heard: %+v", last)
	for _, turn := range turns[:len(turns)-1] {
		r.expect(!turn.Interrupted && turn.HeardMS == 0, "all else was heard to its end: %+v", turn)
	}
}
