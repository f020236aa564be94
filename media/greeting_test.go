package media

import (
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// greets brings the call to where the greeting's response was generated.
func greets(t testing.TB, cfg Config, prepare func(*rig)) *rig {
	r := newRig(t, cfg)
	prepare(r)
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("greet", 2000)
	return r
}

func undisclosed(r *rig) { r.undisclosed = true }

func TestAMissingDisclosureIsSaidBeforeAnythingElse(t *testing.T) {
	for _, inOne := range []bool{false, true} {
		cfg := testConfig()
		cfg.GreetInOne = inOne
		r := greets(t, cfg, undisclosed)
		again := r.lastRespond()
		r.expect(len(r.responds()) == 2 && again.Kind == "greeting" && again.NoTools, "it is asked for once more: %v", again)
		r.expect(strings.Contains(again.Instructions, `"Hello, this is an AI assistant."`) && strings.HasSuffix(again.Instructions, "stop there."), "the sentence alone: %s", again.Instructions)
		r.wait(1000 * ms)
		r.expect(r.c.out.GreetingHeard, "the callee heard something of us")
		r.calleeSays("u", 500*ms)
		r.expect(r.clears == 0 && len(sentOf[Listen](r)) == 0, "nobody interrupts it")
		r.undisclosed = false
		r.says("again", 1000)
		r.expect(r.lastRespond().Kind == "opening", "then the opening follows: %v", r.lastRespond())
		r.wait(400 * ms)
		r.expect(!r.c.greeting.over, "the words without the sentence were played, which ends nothing")
		r.calleeSays("v", 300*ms)
		r.expect(r.clears == 0, "still nobody interrupts it")
		r.wait(800 * ms)
		r.expect(r.c.out.DisclosurePlayed && r.count(MomentDisclosureMissed) == 1 && len(sentOf[Listen](r)) == 1, "then the call is an ordinary one")
	}
}

func TestADisclosureThatIsMissingTwiceEndsTheCall(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"never said": undisclosed,
		// The service tells no words: nothing proves that the callee was told.
		"never told": func(r *rig) { r.untold = true },
	} {
		r := greets(t, testConfig(), prepare)
		r.says("again", 500)
		r.expect(len(r.responds()) == 2 && r.count(MomentApology) == 1, "%s: the stored apology is played, and nothing more is asked for", name)
		r.wait(10 * time.Second)
		out := r.c.outcome()
		r.expect(r.hungUp && out.Reason == EndDisclosureMissing && !out.DisclosurePlayed && out.FarewellPlayed, "%s: %+v", name, out)
		for _, turn := range out.Transcript {
			r.expect(turn.Speaker != SpeakerAgent || turn.Interrupted, "%s: what was cut is marked: %+v", name, turn)
		}
	}
}

func TestWordsThatOnlyTheResponsesEndTellsAreATranscript(t *testing.T) {
	r := newRig(t, testConfig())
	r.untold = true
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.began("greet")
	r.speak("greet", "item-greet", 1000)
	r.do(ResponseEnded{ResponseID: "greet", Said: "Hello! This is an A.I. assistant."})
	r.expect(r.lastRespond().Kind == "opening", "it was said: %v", r.lastRespond())
}

// TestACutDisclosureIsNotSaid: the transcript runs ahead of the audio.
func TestACutDisclosureIsNotSaid(t *testing.T) {
	for _, status := range []ResponseStatus{ResponseIncomplete, ResponseCancelled} {
		r := newRig(t, testConfig())
		r.do(phoneStarted{}, agentReady{})
		r.wait(1600 * ms)
		r.began("greet")
		r.speak("greet", "item-greet", 300)
		r.ended("greet", status)
		r.expect(len(r.responds()) == 2 && r.lastRespond().Kind == "greeting", "it is asked for once more: %v", r.lastRespond())
	}
}

// TestTheTranscriptMayComeAfterTheSoundWasHeard: and until then nobody interrupts.
func TestTheTranscriptMayComeAfterTheSoundWasHeard(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.began("greet")
	r.speak("greet", "item-greet", 500)
	r.wait(800 * ms)
	r.expect(r.c.play.empty() && !r.c.greeting.over, "it was heard, and whether it is the sentence is not known")
	r.do(CalleeStarted{ItemID: "u"})
	r.expect(len(sentOf[Listen](r)) == 0 && r.clears == 0, "the callee waits")
	r.ended("greet", ResponseCompleted)
	r.expect(r.c.out.DisclosurePlayed && len(sentOf[Listen](r)) == 1, "now it is")
}

func TestTheCallMayEndBetweenTheTwoGreetings(t *testing.T) {
	r := greets(t, testConfig(), undisclosed)
	r.do(twiliostream.Event{Kind: twiliostream.Stop})
	r.expect(r.hungUp && r.c.out.Reason == EndCalleeHangup && r.c.out.GreetingHeard == false, "hung up: %+v", r.c.out)

	r = greets(t, testConfig(), undisclosed)
	r.do(agentGone{})
	r.expect(r.count(MomentApology) == 0 && len(r.dials) == 1, "another connection is dialled")
	r.wait(18 * time.Second)
	r.expect(r.c.out.Reason == EndModelLost && r.count(MomentApology) == 1, "the model was lost: %+v", r.c.out)

	r = greets(t, testConfig(), undisclosed)
	r.wait(2*time.Second + 5*time.Second + 10*ms) // what was said is played, and the repetition never begins
	r.expect(r.count(MomentApology) == 1 && r.c.ending.reason == EndModelSilent, "nobody waits for ever: %+v", r.c.ending)
}

// TestAHostThatIsDrainedSaysNothingBeforeTheDisclosure: no farewell of the model's own.
func TestAHostThatIsDrainedSaysNothingBeforeTheDisclosure(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.undisclosed = true
	r.began("greet")
	r.speak("greet", "item-greet", 2000)
	r.do(hangUpAsked{reason: EndDrained})
	r.ended("greet", ResponseCompleted)
	r.wait(10 * time.Second)
	r.expect(len(r.responds()) == 1 && r.count(MomentApology) == 1 && r.c.out.Reason == EndDrained, "the stored words say goodbye: %+v", r.c.out)

	r = greets(t, testConfig(), undisclosed) // the repetition is on its way
	r.do(hangUpAsked{reason: EndDrained})
	r.undisclosed = false
	r.says("again", 500)
	r.expect(r.lastRespond().Kind == "farewell", "after the disclosure the model does: %v", r.lastRespond())

	r = greets(t, testConfig(), undisclosed)
	r.do(hangUpAsked{reason: EndDrained})
	r.says("again", 500)
	r.expect(r.count(MomentApology) == 1 && r.c.ending.reason == EndDrained, "the second miss does not change why it ends: %+v", r.c.ending)
}

func TestAResponseThatNobodyAskedForIsNotHeardBeforeTheDisclosure(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{}, ResponseStarted{ResponseID: "eager"})
	r.do(&AgentAudio{ResponseID: "eager", ItemID: "e", Audio: audio(200)})
	cancels := sentOf[Cancel](r)
	r.expect(r.media == 0 && len(cancels) == 1 && cancels[0].ResponseID == "eager", "it is stopped: %v", cancels)
	r.ended("eager", ResponseCancelled)
	r.wait(1600 * ms)
	r.says("greet", 1000)
	r.expect(r.lastRespond().Kind == "opening", "and the greeting is said: %v", r.lastRespond())
}

func TestAStalledGreetingIsNotAMissedDisclosure(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.began("greet")
	r.do(&AgentAudio{ResponseID: "greet", ItemID: "i", Audio: audio(200)})
	r.wait(10100 * ms)
	r.expect(len(sentOf[Cancel](r)) == 1, "it is stopped")
	r.ended("greet", ResponseCancelled)
	r.expect(r.count(MomentDisclosureMissed) == 0 && len(r.responds()) == 2 && r.lastRespond().Kind == "greeting", "and asked for again")
	r.says("second", 1000)
	r.wait(1200 * ms)
	r.expect(r.c.out.DisclosurePlayed, "and said")
}

// TestTheFirstHelloIsHeardWhileTheModelConnects: the silence, too, counts from the stream's
// start, but a model that has just come is given a moment to hear what was kept for it.
func TestTheFirstHelloIsHeardWhileTheModelConnects(t *testing.T) {
	for handshake, silent := range map[time.Duration]time.Duration{
		300 * ms: 1500 * ms, 1000 * ms: 1500 * ms, 3000 * ms: 3500 * ms,
	} {
		r := newRig(t, testConfig())
		r.do(phoneStarted{})
		r.wait(handshake)
		r.do(agentReady{})
		r.wait(silent - handshake - 10*ms)
		r.expect(len(r.responds()) == 0, "handshake %v: the silence is waited for", handshake)
		r.wait(20 * ms)
		r.expect(len(r.responds()) == 1, "handshake %v: and no longer", handshake)

		r = newRig(t, testConfig())
		r.do(phoneStarted{})
		r.wait(handshake)
		r.do(agentReady{}, CalleeStarted{ItemID: "hello"})
		r.expect(len(sentOf[toldAudio](r)) == int(handshake/(20*ms)), "handshake %v: nothing that the callee said is lost: %d frames", handshake, len(sentOf[toldAudio](r)))
		r.wait(100 * ms)
		r.do(CalleeStopped{ItemID: "hello"}, CalleeCommitted{ItemID: "hello"})
		r.expect(len(r.responds()) == 1 && r.lastRespond().Kind == "greeting", "handshake %v: the hello is followed by the greeting", handshake)
		r.wait(300 * ms)
		r.says("greet", 1000)
		r.wait(200 * ms)
		r.says("open", 1000)
		r.wait(5 * time.Second)
		r.expect(len(r.responds()) == 2, "handshake %v: and not answered once more", handshake)
		q := r.c.out.Quality
		start := int(handshake/ms) + 100
		r.expect(q.FirstAudioMS == start+300 && q.FirstAudioModelMS == int(handshake/ms)+300 && q.DialMS == int(handshake/ms),
			"handshake %v: all of the wait but 100 ms was the model's: %+v", handshake, q)
	}
}
