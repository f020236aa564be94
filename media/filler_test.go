package media

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
)

// toolAtWork brings the call to where a tool was called in a response that said preamble ms.
func toolAtWork(t testing.TB, cfg Config, preamble int) *rig {
	r := greeted(t, cfg)
	r.calleeSays("u", 300*ms)
	r.do(ResponseStarted{ResponseID: "r"})
	if preamble > 0 {
		r.speak("r", "item-r", preamble)
	}
	r.do(AgentCall{ResponseID: "r", CallID: "c", Name: "find", Arguments: `{}`})
	r.ended("r", ResponseCompleted)
	return r
}

func TestASlowToolIsBridgedOnce(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(690 * ms)
	r.expect(r.count(MomentFiller) == 0 && r.c.play.empty(), "700 ms are silence")
	r.wait(20 * ms)
	r.expect(r.count(MomentFiller) == 1 && !r.c.play.empty(), "then the callee hears that somebody is there")
	r.wait(7 * time.Second)
	r.expect(r.count(MomentFiller) == 1 && r.c.play.empty(), "once, to its end")
	r.do(toolDone{callID: "c", output: `{}`})
	r.expect(r.lastRespond().Kind == "tools", "the answer is spoken as ever: %v", r.lastRespond())
}

func TestAQuickToolIsNotBridged(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(690 * ms)
	r.do(toolDone{callID: "c", output: `{}`})
	r.wait(3 * time.Second) // the model takes its time
	r.expect(r.count(MomentFiller) == 0, "the model is about to speak")
}

func TestAPreambleCountsAsLongAsItPlays(t *testing.T) {
	r := toolAtWork(t, testConfig(), 2000)
	r.wait(2000*ms + 680*ms)
	r.expect(r.count(MomentFiller) == 0, "the silence begins at the last mark")
	r.wait(40 * ms)
	r.expect(r.count(MomentFiller) == 1, "and lasts 700 ms")
}

// TestOneWaitMayHoldSeveralTools: it is over when the model speaks.
func TestOneWaitMayHoldSeveralTools(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(2500 * ms)
	r.do(toolDone{callID: "c", output: `{}`})
	r.began("r2")
	r.do(AgentCall{ResponseID: "r2", CallID: "d", Name: "find", Arguments: `{}`})
	r.ended("r2", ResponseCompleted)
	r.wait(2500 * ms)
	r.expect(r.count(MomentFiller) == 1, "the second tool in a row has no filler of its own")
	r.do(toolDone{callID: "d", output: `{}`})
	r.began("r3")
	r.speak("r3", "item-r3", 500)
	r.do(AgentCall{ResponseID: "r3", CallID: "e", Name: "find", Arguments: `{}`})
	r.ended("r3", ResponseCompleted)
	r.wait(2500 * ms)
	r.expect(r.count(MomentFiller) == 2, "after words of the model's a new wait begins")
	var said []string
	for _, m := range r.moments {
		if m.Kind == MomentFiller {
			said = append(said, m.Text)
		}
	}
	r.expect(said[0] != said[1], "and it is varied: %v", said)
}

func TestNobodyIsFilledUp(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    func(*Config)
		before func(*rig)
	}{
		"who speaks":                  {before: func(r *rig) { r.do(CalleeStarted{ItemID: "v"}) }},
		"who will be answered anyway": {before: func(r *rig) { r.do(CalleeStarted{ItemID: "v"}, CalleeStopped{ItemID: "v"}) }},
		"who is being said goodbye":   {before: func(r *rig) { r.do(hangUpAsked{reason: EndDrained}) }},
		"who hears the apology":       {before: func(r *rig) { r.c.link.losses = lossesMost; r.do(agentGone{}) }},
		"whose owner wants it so":     {cfg: func(c *Config) { c.FillerAfter = -1 }, before: func(*rig) {}},
	} {
		cfg := testConfig()
		if c.cfg != nil {
			c.cfg(&cfg)
		}
		r := toolAtWork(t, cfg, 0)
		c.before(r)
		r.wait(1500 * ms)
		r.expect(r.count(MomentFiller) == 0, "a callee %s hears no filler", name)
	}
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.expect(!r.c.playFiller(), "nothing is said before the disclosure")
}

func TestAnInterruptedFillerIsNoWordOfTheModels(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(1000 * ms)
	heard := r.media
	r.do(CalleeStarted{ItemID: "v"})
	r.expect(r.clears == 1 && r.c.play.empty() && r.count(MomentBargeIn) == 1, "it is cut like any audio")
	r.expect(len(sentOf[Truncate](r)) == 0 && len(sentOf[Cancel](r)) == 0, "and the model is told nothing: %s", r.sentWords())
	r.wait(300 * ms)
	r.expect(r.media == heard, "nothing more of it is sent")
	turns := r.c.outcome().Transcript
	last := turns[len(turns)-1]
	r.expect(last.Text == "One moment, please." && last.Interrupted && last.HeardMS >= 250 && last.HeardMS <= 310, "what was heard of it is known: %+v", last)
}

// TestWordsBehindAFillerAreTruncatedAtNothing: the filler was being heard.
func TestWordsBehindAFillerAreTruncatedAtNothing(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(800 * ms)
	r.do(toolDone{callID: "c", output: `{}`})
	r.began("r2")
	r.do(&AgentAudio{ResponseID: "r2", ItemID: "i2", Audio: audio(500)})
	r.wait(100 * ms)
	r.do(CalleeStarted{ItemID: "v"})
	tr := sentOf[Truncate](r)
	r.expect(len(tr) == 1 && tr[0].ItemID == "i2" && tr[0].AudioEndMS == 0, "the model's words were not heard: %v", tr)
}

func TestFillersAreShortAndAudible(t *testing.T) {
	for _, f := range Fillers() {
		samples := g711.DecodeMu(nil, f.Audio)
		if long := len(f.Audio) / bytesPerMS; long < 500 || long > 1500 {
			t.Errorf("%q lasts %d ms", f.Words, long)
		}
		if level := pcm.LevelDBFS(samples); level < -25 || level > -10 {
			t.Errorf("%q has %.0f dB", f.Words, level)
		}
		if level := pcm.LevelDBFS(samples[:40*bytesPerMS]); level < -45 {
			t.Errorf("%q begins with silence", f.Words)
		}
	}
}

// TestAFillerIsPlayedSampleForSample, padded to whole frames.
func TestAFillerIsPlayedSampleForSample(t *testing.T) {
	r := toolAtWork(t, testConfig(), 0)
	r.wait(710 * ms)
	var sent []byte
	for _, cmd := range r.buffer {
		b, err := base64.StdEncoding.DecodeString(cmd.media)
		r.expect(err == nil, "it is base64: %v", err)
		sent = append(sent, b...)
	}
	clip := Fillers()[0].Audio
	r.expect(len(sent)%frameBytes == 0 && bytes.HasPrefix(sent, clip) && len(bytes.TrimRight(sent[len(clip):], "\xff")) == 0,
		"%d bytes were sent of a clip of %d", len(sent), len(clip))
}
