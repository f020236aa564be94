package media

import (
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

func TestAModelThatSaysNothingIsApologisedFor(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1500*ms + 4900*ms)
	r.expect(r.count(MomentApology) == 0, "5 s are given")
	r.wait(200 * ms)
	r.expect(r.count(MomentApology) == 1, "from when the greeting was due")
	r.wait(8 * time.Second)
	r.expect(r.c.out.Reason == EndModelSilent && r.c.out.FarewellPlayed && !r.c.out.GreetingHeard, "%+v", r.c.out)
}

func TestAModelThatNeverComesIsApologisedFor(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{})
	r.wait(6600 * ms)
	r.expect(r.count(MomentApology) == 1, "1.5 s and 5 s after the start")
	r.wait(8 * time.Second)
	r.expect(r.c.out.Reason == EndModelLost, "%+v", r.c.out)
}

func TestALostModelIsApologisedForOnceTheStreamHasStarted(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(dialFailed{ErrDialRefused})
	r.expect(r.count(MomentApology) == 0, "there is nobody to hear it")
	r.do(phoneStarted{})
	r.expect(r.count(MomentApology) == 1 && len(r.buffer) > 80, "now there is")
	r.wait(8 * time.Second)
	r.expect(r.hungUp && r.c.out.Reason == EndModelLost, "%+v", r.c.out)
}

func TestALostModelDoesNotDisturbAFarewellThatIsComplete(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"booked"}`})
	r.ended("r1", ResponseCompleted)
	r.says("bye", 2000)
	r.do(agentGone{})
	r.wait(2100 * ms)
	r.expect(r.c.out.Reason == EndBooked && r.c.out.FarewellPlayed && r.clears == 0, "%+v", r.c.out)
}

func TestEndSignalsOfThePhoneAreIdempotent(t *testing.T) {
	stop := twiliostream.Event{Kind: twiliostream.Stop}
	r := greeted(t, testConfig())
	r.do(stop, phoneGone{reason: EndPhoneLost}, stop)
	r.expect(r.c.out.Reason == EndCalleeHangup && r.count(MomentEnded) == 1, "the first counts: %+v", r.c.out)
	r = greeted(t, testConfig())
	r.hungUp = true
	r.wait(9900 * ms)
	r.expect(!r.c.over, "a short silence is nothing")
	r.wait(200 * ms)
	r.expect(r.c.out.Reason == EndPhoneLost, "a phone without a frame for 10 s is lost: %+v", r.c.out)
}

func TestGarbageEndsTheStream(t *testing.T) {
	r := greeted(t, testConfig())
	for range badFramesMost {
		r.do(phoneBad{})
	}
	r.expect(!r.c.over, "some is borne")
	r.do(phoneBad{})
	r.expect(r.c.out.Reason == EndBadStream, "but not without end: %+v", r.c.out)
}

func TestTheTranscriptIsInOrderAndWaitedFor(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(CalleeStarted{ItemID: "u"}, CalleeStopped{ItemID: "u"}, CalleeCommitted{ItemID: "u"}, twiliostream.Event{Kind: twiliostream.Stop})
	r.expect(!r.c.finished() && r.c.needsAgent(), "the last words are waited for")
	r.do(CalleeTranscript{ItemID: "u", Text: "bye"})
	r.expect(r.c.finished(), "and no longer")
	var who []string
	for _, turn := range r.c.outcome().Transcript {
		who = append(who, string(turn.Speaker)+":"+turn.Text)
	}
	r.expect(strings.Join(who, "|") == "callee:callee hello|agent:Hello, this is an AI assistant.|agent:words of item-open|callee:bye", "%v", who)
}

func TestEndReasonsAreOneClosedList(t *testing.T) {
	seen := map[EndReason]bool{}
	for _, reason := range EndReasons() {
		if seen[reason] {
			t.Errorf("%s is listed twice", reason)
		}
		seen[reason] = true
		if string(reason) != strings.ToLower(string(reason)) {
			t.Errorf("%s is not lower case", reason)
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d reasons", len(seen))
	}
}

// TestAHostThatWasHeldUpDoesNotCutSpeech: the callee's audio waited as the alarm did.
func TestAHostThatWasHeldUpDoesNotCutSpeech(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{}, CalleeStarted{ItemID: "u"})
	r.now = r.now.Add(vadStallAfter + 2*heldUp) // nothing ran meanwhile
	for r.c.expire(r.now) {
	}
	r.expect(r.c.out.Quality.FilledMS == 0, "no silence is put into speech that is on its way, got %d ms", r.c.out.Quality.FilledMS)
	r.hungUp = true // and yet the phone sends nothing more
	r.wait(vadStallAfter + tick)
	r.expect(r.c.out.Quality.FilledMS == 1000, "then it is ended, got %d ms", r.c.out.Quality.FilledMS)
}

func TestAResponseThatNeverGoesOnIsAskedForAgain(t *testing.T) {
	r := greeted(t, testConfig())
	before := len(r.responds())
	r.calleeSays("u", 500*ms)
	r.do(ResponseStarted{ResponseID: "stuck"})
	r.wait(9900 * ms)
	r.expect(len(sentOf[Cancel](r)) == 0, "the model is given its time")
	r.wait(200 * ms)
	cancels := sentOf[Cancel](r)
	r.expect(len(cancels) == 1 && cancels[0].ResponseID == "stuck", "it is stopped: %v", cancels)
	r.ended("stuck", ResponseCancelled)
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "answer", "the callee's words are answered all the same")
	r.began("stuck again")
	r.wait(10100 * ms)
	r.expect(r.count(MomentApology) == 1 && r.c.ending.reason == EndModelSilent, "the second time the callee hears the apology")
}

func TestAResponseThatGoesOnIsNotStopped(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(ResponseStarted{ResponseID: "slow"})
	for range 4 {
		r.wait(8 * time.Second)
		r.do(&AgentAudio{ResponseID: "slow", ItemID: "s", Audio: audio(60)})
	}
	r.expect(len(sentOf[Cancel](r)) == 0, "it speaks slowly, but it speaks")
}

// TestLostMarksDoNotHideSilence: the callee's silence is counted although no mark ever
// says that the agent has finished.
func TestLostMarksDoNotHideSilence(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u", 500*ms)
	r.loseMarks = true
	r.says("r", 1000)
	before := len(r.responds())
	r.wait(time.Second + 2*2500*ms + 7900*ms)
	r.expect(len(r.responds()) == before, "first the marks, then the callee are waited for")
	r.wait(200 * ms)
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "prompt", "then the agent asks whether somebody is there")
}

// TestAFarewellWhoseMarksAreLostEndsAtTheCap: and is not said to have been heard.
func TestAFarewellWhoseMarksAreLostEndsAtTheCap(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u", 500*ms)
	r.loseMarks = true
	r.says("r1", 1000)
	r.wait(3 * time.Second) // heard, but no mark says so
	r.do(ResponseStarted{ResponseID: "bye"})
	r.speak("bye", "item-bye", 1000)
	r.do(AgentCall{ResponseID: "bye", CallID: "c", Name: "end_call", Arguments: `{"reason":"refused"}`})
	r.ended("bye", ResponseCompleted)
	r.wait(time.Second + 2*2500*ms + tick)
	r.expect(r.hungUp && r.c.out.Reason == EndRefused && !r.c.out.FarewellPlayed, "hung up at the cap, without a claim: %+v", r.c.out)
}
