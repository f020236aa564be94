package media

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// guarded brings a call with the guard on to where the agent speaks, for 4 s.
func guarded(t testing.TB) *rig {
	cfg := testConfig()
	cfg.BackchannelGuard = true
	r := greeted(t, cfg)
	r.do(CalleeStarted{ItemID: "u"})
	r.sounds(600*ms, -24)
	r.wait(600 * ms)
	r.do(CalleeStopped{ItemID: "u"}, CalleeCommitted{ItemID: "u"})
	r.began("r")
	r.speak("r", "item-r", 4000)
	r.wait(300 * ms)
	return r
}

// sounds lets the callee be heard for so long at that level.
func (r *rig) sounds(d time.Duration, level float64) {
	for law := g711.EncodeMu(nil, pcm.Tone(int(d/ms)*bytesPerMS, pcm.PhoneRate, 300, level)); len(law) >= frameBytes; law = law[frameBytes:] {
		r.now = r.now.Add(20 * ms)
		r.streamMS += 20
		r.playFor(20 * ms)
		r.do(twiliostream.Event{Kind: twiliostream.Media, TimestampMS: r.streamMS, Payload: base64.StdEncoding.EncodeToString(law[:frameBytes])})
		for r.c.expire(r.now) {
		}
	}
}

func TestWithTheGuardTheModelOnlyReports(t *testing.T) {
	r := guarded(t)
	for _, l := range sentOf[Listen](r) {
		r.expect(!l.Respond && !l.Interrupt, "it neither answers nor stops by itself: %v", l)
	}
	r.expect(r.lastRespond().Kind == "answer", "a turn of the callee is answered by a request of ours: %v", r.lastRespond())
}

func TestAQuietWordDoesNotStopTheAgent(t *testing.T) {
	r := guarded(t)
	before := len(r.responds())
	r.sounds(100*ms, -33)
	r.do(CalleeStarted{ItemID: "mm"})
	r.sounds(300*ms, -33)
	r.wait(500 * ms)
	r.do(CalleeStopped{ItemID: "mm"}, CalleeCommitted{ItemID: "mm"})
	r.ended("r", ResponseCompleted)
	r.wait(5 * time.Second)
	r.expect(r.clears == 0 && len(sentOf[Truncate](r)) == 0 && len(sentOf[Cancel](r)) == 0, "the agent speaks on: %s", r.sentWords())
	r.expect(len(r.responds()) == before && r.c.play.empty(), "to its end, and the word is not answered")
	r.expect(r.c.out.Quality.Backchannels == 1 && r.c.out.Quality.BargeIns == 0 && r.count(MomentBackchannel) == 1, "it is counted: %+v", r.c.out.Quality)
}

func TestAnInterruptionStopsTheAgentSoon(t *testing.T) {
	r := guarded(t)
	r.do(CalleeStarted{ItemID: "no"})
	r.sounds(100*ms, -24)
	r.expect(r.clears == 0, "one does not know yet")
	r.sounds(20*ms, -24)
	r.expect(r.clears == 1, "as loud as ever for 120 ms is an interruption")
	cancels, cuts := sentOf[Cancel](r), sentOf[Truncate](r)
	r.expect(len(cancels) == 1 && cancels[0].ResponseID == "r", "the response is stopped by us: %v", cancels)
	r.expect(len(cuts) == 1 && cuts[0].AudioEndMS >= 360 && cuts[0].AudioEndMS <= 420, "and truncated at what was heard: %v", cuts)
	r.ended("r", ResponseCancelled)
	before := len(r.responds())
	r.wait(800 * ms)
	r.do(CalleeStopped{ItemID: "no"}, CalleeCommitted{ItemID: "no"})
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "answer", "and then answered")
}

func TestWhatGoesOnIsAnInterruptionAtAnyLevel(t *testing.T) {
	r := guarded(t)
	r.do(CalleeStarted{ItemID: "long"})
	r.sounds(700*ms, -33)
	r.expect(r.clears == 0, "a long word is still a word")
	r.sounds(20*ms, -33)
	r.expect(r.clears == 1, "720 ms are not")
}

// TestSpeechIsHeardWhileItsNewsIsOnTheWay: an interruption that lasted long enough when the
// model reports it costs nothing.
func TestSpeechIsHeardWhileItsNewsIsOnTheWay(t *testing.T) {
	r := guarded(t)
	r.sounds(200*ms, -24)
	r.do(CalleeStarted{ItemID: "no"})
	r.expect(r.clears == 1, "it stops the agent at once")
}

func TestAShortAnswerAtTheEndOfAQuestionIsAnAnswer(t *testing.T) {
	r := guarded(t)
	r.ended("r", ResponseCompleted)
	r.wait(2900 * ms)
	before := len(r.responds())
	r.do(CalleeStarted{ItemID: "yes"})
	r.sounds(200*ms, -33)
	r.wait(400 * ms)
	r.do(CalleeStopped{ItemID: "yes"}, CalleeCommitted{ItemID: "yes"})
	r.expect(len(r.responds()) == before && !r.c.play.empty(), "the agent finishes")
	r.wait(500 * ms)
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "answer", "and then takes it up: %v", r.lastRespond())
}

func TestACalleeWhoIsStillSpeakingWhenTheAgentEndsHasTheTurn(t *testing.T) {
	r := guarded(t)
	r.ended("r", ResponseCompleted)
	r.wait(3500 * ms)
	before := len(r.responds())
	r.do(CalleeStarted{ItemID: "u2"})
	r.sounds(300*ms, -33)
	r.expect(r.c.play.empty() && r.c.talk.speaking && r.clears == 0, "nobody was interrupted")
	r.do(CalleeStopped{ItemID: "u2"}, CalleeCommitted{ItemID: "u2"})
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "answer", "it is answered: %v", r.lastRespond())
}

func TestAByeOverTheFarewellDoesNotTakeItBack(t *testing.T) {
	r := guarded(t)
	r.do(AgentCall{ResponseID: "r", CallID: "e", Name: "end_call", Arguments: `{"reason":"booked"}`})
	r.ended("r", ResponseCompleted)
	r.do(CalleeStarted{ItemID: "bye"})
	r.sounds(300*ms, -33)
	r.wait(500 * ms)
	r.do(CalleeStopped{ItemID: "bye"}, CalleeCommitted{ItemID: "bye"})
	r.wait(4 * time.Second)
	r.expect(r.hungUp && r.c.out.FarewellPlayed && r.c.out.Reason == EndBooked, "the call ends: %+v", r.c.out)
}

// TestAHeldSoundThatThePhoneNeverEnds is ended by silence of ours, as a turn is.
func TestAHeldSoundThatThePhoneNeverEnds(t *testing.T) {
	r := guarded(t)
	r.do(CalleeStarted{ItemID: "mm"})
	r.sounds(100*ms, -33)
	filled := r.c.out.Quality.FilledMS
	r.hungUp = true // the phone sends nothing more
	r.wait(vadStallAfter + tick)
	r.expect(r.c.out.Quality.FilledMS == filled+vadStallMS, "the model hears its end: %d ms", r.c.out.Quality.FilledMS-filled)
}
