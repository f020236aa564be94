package media

import (
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

const ms = time.Millisecond

func TestGreetingFollowsTheCalleesFirstWords(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(700 * ms)
	r.do(CalleeStarted{ItemID: "u1"})
	r.wait(1500 * ms) // past the 1.5 s: the callee is speaking
	r.expect(len(r.responds()) == 0, "nothing is said into the callee's first words")
	r.do(CalleeStopped{ItemID: "u1"}, CalleeCommitted{ItemID: "u1"})
	r.expect(len(r.responds()) == 1, "one greeting is asked for")
	g := r.lastRespond()
	r.expect(g.Kind == "greeting" && g.NoTools, "it is tagged and may call no tool: %v", g)
	r.expect(strings.Contains(g.Instructions, `"Hello, this is an AI assistant."`) && strings.HasPrefix(g.Instructions, "You are Anna's assistant."),
		"it repeats the persona and quotes the disclosure")
	r.wait(3 * time.Second)
	r.expect(len(r.responds()) == 1, "it is asked for once")
}

func TestGreetingFollowsSilence(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{})
	r.wait(800 * ms)
	r.do(agentReady{})
	r.wait(690 * ms)
	r.expect(len(r.responds()) == 0, "silence is waited for")
	r.wait(20 * ms)
	r.expect(len(r.responds()) == 1, "after 1.5 s of silence the agent begins")
}

func TestGreetingIsNotHeldBackForEver(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{}, CalleeStarted{ItemID: "noise"})
	r.wait(9900 * ms)
	r.expect(len(r.responds()) == 0, "the callee is heard out")
	r.wait(200 * ms)
	r.expect(len(r.responds()) == 1, "a line that is never silent is greeted after 10 s")
}

func TestNothingIsAppendedBeforeTheModelIsReady(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{})
	r.wait(5 * time.Second)
	r.expect(len(r.sent) == 0, "nothing is sent")
	r.do(agentReady{})
	r.expect(len(sentOf[toldAudio](r)) == 225, "the last 4.5 s are kept, got %d frames", len(sentOf[toldAudio](r)))
	r.expect(r.c.out.Quality.DroppedIn == 25, "what was dropped is counted: %d", r.c.out.Quality.DroppedIn)
}

func TestCalleeAudioPassesUnchanged(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{}, twiliostream.Event{Kind: twiliostream.Media, TimestampMS: 102, Payload: audio(20)})
	heard := sentOf[toldAudio](r)
	r.expect(len(heard) == 1 && heard[0].Audio == audio(20), "the text is passed on")
}

func TestWhatIsNoAudioIsNotSaid(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(ResponseStarted{ResponseID: "r9"})
	before := r.media
	for _, text := range []string{"not base64!", "////\n", "///", ""} {
		r.do(&AgentAudio{ResponseID: "r9", ItemID: "i9", Audio: text})
	}
	r.expect(r.media == before && r.c.out.Quality.BadAudio == 4, "%d messages, %d of them counted", r.media-before, r.c.out.Quality.BadAudio)
}

func TestGapsInTheCalleesAudioAreFilled(t *testing.T) {
	r := newRig(t, testConfig())
	frame := func(ts int) twiliostream.Event {
		return twiliostream.Event{Kind: twiliostream.Media, TimestampMS: ts, Payload: audio(20)}
	}
	r.do(phoneStarted{}, agentReady{}, frame(102), frame(135), frame(155), frame(315))
	r.expect(r.c.out.Quality.FilledMS == 140, "140 ms are missing, filled %d", r.c.out.Quality.FilledMS)
	heard := sentOf[toldAudio](r)
	r.expect(len(heard) == 5 && heard[3].Audio == silent(140), "silence stands where audio is missing")
}

func TestSpeechThatThePhoneStopsSendingIsEnded(t *testing.T) {
	r := newRig(t, testConfig())
	frame := twiliostream.Event{Kind: twiliostream.Media, TimestampMS: 20, Payload: audio(20)}
	r.do(phoneStarted{}, agentReady{}, frame, CalleeStarted{ItemID: "u"})
	r.hungUp = true // the phone sends nothing more
	r.wait(740 * ms)
	r.expect(r.c.out.Quality.FilledMS == 0, "not yet")
	r.wait(20 * ms)
	r.expect(r.c.out.Quality.FilledMS == 1000, "1 s of silence after 750 ms without audio, got %d", r.c.out.Quality.FilledMS)
	r.do(twiliostream.Event{Kind: twiliostream.Media, TimestampMS: 840, Payload: audio(20)})
	r.expect(r.c.out.Quality.FilledMS == 1000, "that gap is not filled twice, got %d", r.c.out.Quality.FilledMS)
}

func TestTheDisclosureCantBeInterrupted(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("greet", 3000)
	r.expect(r.lastRespond().Kind == "opening", "the opening is asked for while the disclosure is played")
	r.wait(1000 * ms)
	r.expect(r.c.out.GreetingHeard, "its first mark came back")
	r.calleeSays("u1", 800*ms)
	r.expect(r.clears == 0 && len(sentOf[Truncate](r)) == 0 && len(sentOf[Cancel](r)) == 0, "it is not cut")
	r.expect(len(sentOf[Listen](r)) == 0, "turn detection stays as it is")
	r.says("open", 1000)
	r.expect(r.lastRespond().Kind == "answer", "what the callee said over it is answered: %v", r.lastRespond())
	r.says("answer", 500)
	r.wait(1400 * ms)
	r.expect(r.c.out.DisclosurePlayed, "it was played to its end")
	l := sentOf[Listen](r)
	r.expect(len(l) == 1 && l[0].Respond && l[0].Interrupt, "then turn detection becomes normal: %v", l)
}

func TestACalleeWhoSpeaksWhenTheDisclosureEndsIsLetIn(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("greet", 1000)
	r.says("open", 3000)
	r.wait(700 * ms)
	r.do(CalleeStarted{ItemID: "u1"})
	r.wait(500 * ms)
	r.expect(r.c.out.DisclosurePlayed && r.clears == 1, "the opening falls silent")
	tr := sentOf[Truncate](r)
	r.expect(len(tr) == 1 && tr[0].ItemID == "item-open" && tr[0].AudioEndMS <= 120, "and is truncated: %v", tr)
	r.do(CalleeStopped{ItemID: "u1"}, CalleeCommitted{ItemID: "u1"})
	r.expect(r.lastRespond().Kind == "answer", "the callee is answered by us: normal turn detection was not confirmed yet")
}

func TestALostDisclosureMarkDoesNotProtectForEver(t *testing.T) {
	r := newRig(t, testConfig())
	r.loseMarks = true
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("greet", 1000)
	r.wait(3600 * ms)
	r.expect(len(sentOf[Listen](r)) == 1, "the call becomes an ordinary one")
	r.expect(!r.c.out.DisclosurePlayed, "without claiming that it was played")
}

func TestGreetInOneProtectsItAllAndAsksForNoOpening(t *testing.T) {
	cfg := testConfig()
	cfg.GreetInOne = true
	r := newRig(t, cfg)
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("greet", 1000)
	r.wait(1100 * ms)
	r.expect(r.c.out.DisclosurePlayed && len(r.responds()) == 1, "one response greets")
}

func TestBargeInTruncatesAtWhatWasHeard(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	r.speak("r1", "a", 1000)
	r.speak("r1", "b", 1000)
	r.do(&AgentAudio{ResponseID: "r1", ItemID: "c", Audio: audio(500)})
	r.wait(400 * ms)
	r.do(CalleeStarted{ItemID: "u2"})
	tr := sentOf[Truncate](r)
	r.expect(len(tr) == 3 && tr[0].ItemID == "a" && tr[1].ItemID == "b" && tr[2].ItemID == "c", "all that was not heard is truncated: %v", tr)
	r.expect(tr[0].AudioEndMS >= 340 && tr[0].AudioEndMS <= 400, "at what was heard: %d", tr[0].AudioEndMS)
	r.expect(tr[1].AudioEndMS == 0 && tr[2].AudioEndMS == 0, "the later ones entirely")
	r.expect(r.clears == 1, "the phone is cleared")
	r.expect(len(sentOf[Cancel](r)) == 0, "the model cancels by itself")
	before := r.media
	r.do(&AgentAudio{ResponseID: "r1", ItemID: "c", Audio: audio(500)})
	r.expect(r.media == before && r.c.out.Quality.LateDeltas == 1, "late audio is dropped and counted")
	r.wait(100 * ms) // the cleared marks come back
	r.expect(r.c.play.empty(), "echoes of the old generation change nothing")
}

func TestBargeInSparesWhatWasPlayed(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	r.speak("r1", "a", 500)
	r.speak("r1", "b", 1000)
	r.wait(700 * ms)
	r.do(CalleeStarted{ItemID: "u2"})
	tr := sentOf[Truncate](r)
	r.expect(len(tr) == 1 && tr[0].ItemID == "b", "an item played to its end stays: %v", tr)
}

func TestBargeInCancelsWhereTheModelDoesNot(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(AgentListening{Listen: Listen{Respond: true}})
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, &AgentAudio{ResponseID: "r1", ItemID: "a", Audio: audio(500)})
	r.do(CalleeStarted{ItemID: "u2"})
	cancels := sentOf[Cancel](r)
	r.expect(len(cancels) == 1 && cancels[0].ResponseID == "r1", "by id: %v", cancels)
}

func TestSilenceOfTheCalleeIsNoBargeIn(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.expect(r.clears == 0 && r.count(MomentBargeIn) == 0, "nothing was playing, so nothing is interrupted")
}

func TestTheAgentTakesTheTurnAfterANoise(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, &AgentAudio{ResponseID: "r1", ItemID: "a", Audio: audio(2000)})
	r.do(CalleeStarted{ItemID: "noise"}, ResponseEnded{ResponseID: "r1", Status: ResponseCancelled})
	r.wait(100 * ms)
	r.do(CalleeStopped{ItemID: "noise"})
	n := len(r.responds())
	r.wait(3900 * ms)
	r.expect(len(r.responds()) == n, "the model is waited for")
	r.wait(200 * ms)
	r.expect(len(r.responds()) == n+1 && r.lastRespond().Kind == "answer", "then we ask")
}

func TestPaddingIsNotHeard(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, &AgentAudio{ResponseID: "r1", ItemID: "a", Audio: audio(333)}, AgentAudioDone{ResponseID: "r1", ItemID: "a"})
	it := r.c.play.items[0]
	r.expect(it.sentMS() == 333, "333 ms were sent, not %d", it.sentMS())
}

func TestEveryToolCallIsAnsweredOnceAndThenSpoken(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	n := len(r.responds())
	call := AgentCall{ResponseID: "r1", CallID: "c1", Name: "find", Arguments: `{"a":1}`}
	r.do(call, call, AgentCall{ResponseID: "r1", CallID: "c2", Name: "book", Arguments: `{}`})
	r.do(AgentCall{ResponseID: "r1", CallID: "c3", Name: "find", Arguments: `{"a":`}, AgentCall{ResponseID: "r1", CallID: "c4", Name: "nope", Arguments: `{}`})
	r.expect(len(r.tools) == 2, "each valid call runs once: %v", r.tools)
	r.do(toolDone{callID: "c1", output: `{"ok":1}`}, toolDone{callID: "c1", output: `{"ok":2}`})
	r.ended("r1", ResponseCompleted)
	r.expect(len(r.responds()) == n, "not before the last one is answered")
	r.do(toolDone{callID: "c2", output: `{"ok":1}`})
	r.expect(len(r.responds()) == n+1 && r.lastRespond().Kind == "tools", "then one response is asked for")
	got := map[string]int{}
	for _, a := range sentOf[Answer](r) {
		got[a.CallID]++
	}
	r.expect(len(got) == 4 && got["c1"] == 1 && got["c2"] == 1 && got["c3"] == 1 && got["c4"] == 1, "each has one output: %v", got)
}

func TestToolsWaitForTheEndOfTheirResponse(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "c1", Name: "find", Arguments: `{}`}, toolDone{callID: "c1", output: `{}`})
	n := len(r.responds())
	r.wait(time.Second)
	r.expect(len(r.responds()) == n, "nothing is asked for while it is active")
	r.ended("r1", ResponseCompleted)
	r.expect(len(r.responds()) == n+1, "its end releases the gate")
}

func TestACallOfAnInterruptedResponseIsNotRun(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, &AgentAudio{ResponseID: "r1", ItemID: "a", Audio: audio(500)}, CalleeStarted{ItemID: "u2"})
	r.do(AgentCall{ResponseID: "r1", CallID: "late", Name: "book", Arguments: `{}`})
	r.expect(len(r.tools) == 0 && len(sentOf[Answer](r)) == 1, "it is answered with words and books nothing")
	n := len(r.responds())
	r.ended("r1", ResponseCancelled)
	r.expect(len(r.responds()) == n, "the callee is speaking: the model will answer that")
}

func TestAConflictIsAskedAgainWhenTheOtherIsDone(t *testing.T) {
	r := greeted(t, testConfig())
	r.wait(8100 * ms)
	r.expect(r.lastRespond().Kind == "prompt", "a prompt is asked for")
	n := len(r.responds())
	r.do(AgentFault{Fault: Fault{Class: FaultConflict}}, ResponseStarted{ResponseID: "x"})
	r.expect(len(r.responds()) == n, "not while the other runs")
	r.ended("x", ResponseCompleted)
	r.expect(len(r.responds()) == n+1 && r.lastRespond().Kind == "prompt", "but after it")
}

func TestARequestOvertakenByTheCalleeIsDropped(t *testing.T) {
	r := greeted(t, testConfig())
	r.wait(8100 * ms)
	n := len(r.responds())
	prompt := r.lastRespond().EventID
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "x"}, AgentFault{Fault: Fault{Class: FaultConflict}, EventID: prompt})
	r.ended("x", ResponseCompleted)
	r.wait(time.Second)
	r.expect(len(r.responds()) == n, "the model's own answer is enough")
}

func TestAResponseThatBeginsAfterTheCalleeSpokeIsStopped(t *testing.T) {
	r := greeted(t, testConfig())
	r.wait(8100 * ms)
	r.do(CalleeStarted{ItemID: "u1"}, ResponseStarted{ResponseID: "p", Kind: "prompt"})
	before := r.media
	r.speak("p", "a", 300)
	cancels := sentOf[Cancel](r)
	r.expect(len(cancels) == 1 && cancels[0].ResponseID == "p" && r.media == before, "nobody talks over the callee")
	r.ended("p", ResponseCancelled)
	cuts := sentOf[Truncate](r)
	r.expect(len(cuts) == 1 && cuts[0].ItemID == "a" && cuts[0].AudioEndMS == 0, "and the model does not believe that it was heard: %v", cuts)
}

func TestARequestWithoutAnAnswerIsForgotten(t *testing.T) {
	r := greeted(t, testConfig())
	r.wait(8100 * ms)
	r.expect(r.c.gate.state == gateRequested, "a prompt is asked for")
	r.wait(9600 * ms)
	r.expect(r.c.gate.state == gateRequested, "it is waited for")
	r.wait(300 * ms)
	r.expect(r.c.gate.state == gateIdle, "for 10 s")
}

func TestSilenceIsAskedAboutOnceAndThenEnds(t *testing.T) {
	r := greeted(t, testConfig())
	end := r.now
	r.wait(7700 * ms)
	r.expect(r.lastRespond().Kind == "opening", "not before 8 s")
	r.wait(400 * ms)
	r.expect(r.lastRespond().Kind == "prompt", "are you still there?")
	r.says("p", 1000)
	for r.c.ending == nil && r.now.Sub(end) < 30*time.Second {
		r.wait(100 * ms)
	}
	took := r.now.Sub(end)
	r.expect(took > 19500*ms && took < 20300*ms, "20 s from the agent's last words, took %v", took)
	r.says("bye", 1000)
	r.wait(1200 * ms)
	r.expect(r.c.out.Reason == EndSilence && r.c.out.FarewellPlayed && r.hungUp, "then goodbye: %v", r.c.out)
}

func TestFarewellIsHeardToItsEnd(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	r.do(AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"booked","summary":"Agreed.\nSee https://x.example/y now","next_steps":["call","",3]}`})
	r.ended("r1", ResponseCompleted)
	f := r.lastRespond()
	r.expect(f.Kind == "farewell" && f.NoTools, "a farewell is asked for: %v", f)
	r.says("bye", 4000)
	r.wait(3900 * ms)
	r.expect(!r.hungUp, "generated is not heard")
	r.wait(200 * ms)
	r.expect(r.hungUp && r.c.out.FarewellPlayed && r.c.out.Reason == EndBooked && r.c.out.ModelReason == EndBooked, "then the line is put down: %+v", r.c.out)
	r.expect(r.c.out.Report.Summary == "Agreed. See now" && len(r.c.out.Report.NextSteps) == 1, "the report is one line without addresses: %+v", r.c.out.Report)
}

func TestAGoodbyeInTheSameResponseIsEnough(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	n := len(r.responds())
	r.do(ResponseStarted{ResponseID: "r1"})
	r.speak("r1", "bye", 1000)
	r.do(AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"refused"}`})
	r.ended("r1", ResponseCompleted)
	r.wait(1100 * ms)
	r.expect(len(r.responds()) == n && r.c.out.FarewellPlayed && r.c.out.Reason == EndRefused, "no second goodbye: %+v", r.c.out)
}

func TestALostEndMarkEndsAtTheCap(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"refused"}`})
	r.ended("r1", ResponseCompleted)
	r.loseMarks = true
	r.says("bye", 2000)
	r.wait(4400 * ms)
	r.expect(!r.hungUp, "the farewell and 2.5 s are waited for")
	r.wait(200 * ms)
	r.expect(r.hungUp && r.c.out.Reason == EndRefused && !r.c.out.FarewellPlayed, "and no longer: %+v", r.c.out)
}

func TestABargeInTakesTheFarewellBack(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"refused"}`})
	r.ended("r1", ResponseCompleted)
	r.says("bye", 2000)
	r.wait(500 * ms)
	r.do(CalleeStarted{ItemID: "wait"})
	r.wait(5 * time.Second)
	r.expect(!r.hungUp && r.clears == 1, "the call goes on")
	r.do(CalleeStopped{ItemID: "wait"}, CalleeCommitted{ItemID: "wait"}, ResponseStarted{ResponseID: "r2"})
	r.speak("r2", "sure", 500)
	r.ended("r2", ResponseCompleted)
	r.wait(time.Second)
	r.expect(!r.hungUp && r.c.ending == nil, "as an ordinary conversation")
}

func TestVoicemailIsLeftWithoutAWord(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"voicemail"}`})
	r.expect(r.hungUp && r.c.out.Reason == EndVoicemail && !r.c.out.FarewellPlayed, "at once: %+v", r.c.out)
}

func TestEndCallRefusesAnUnknownReason(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	for i, args := range []string{`{}`, `{"reason":"won"}`, `{"reason":7}`, `[]`, ``} {
		r.do(AgentCall{ResponseID: "r1", CallID: string(rune('a' + i)), Name: "end_call", Arguments: args})
	}
	r.expect(r.c.ending == nil && len(sentOf[Answer](r)) == 5, "each is told")
}

func TestEndCallWaitsForAToolThatIsAtWork(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"}, AgentCall{ResponseID: "r1", CallID: "b", Name: "book", Arguments: `{}`},
		AgentCall{ResponseID: "r1", CallID: "e", Name: "end_call", Arguments: `{"reason":"booked"}`})
	r.ended("r1", ResponseCompleted)
	r.do(toolDone{callID: "b", output: `{"ok":false}`})
	r.expect(r.c.ending == nil && r.lastRespond().Kind == "tools", "the model hears the result first")
}

func TestMaximumLengthSaysGoodbyeWhateverTheCalleeDoes(t *testing.T) {
	cfg := testConfig()
	cfg.MaxLength = 20 * time.Second
	r := greeted(t, cfg)
	r.do(CalleeStarted{ItemID: "u"})
	r.wait(20*time.Second - r.now.Sub(r.c.out.StartedAt))
	r.expect(r.lastRespond().Kind == "farewell", "a farewell is asked for")
	l := sentOf[Listen](r)
	r.expect(!l[len(l)-1].Interrupt && !l[len(l)-1].Respond, "that can't be interrupted")
	r.says("bye", 1000)
	r.do(CalleeStarted{ItemID: "v"})
	r.wait(1100 * ms)
	r.expect(r.clears == 0 && r.c.out.Reason == EndMaxLength && r.c.out.FarewellPlayed, "it is heard to its end: %+v", r.c.out)
}

func TestDrainingSaysGoodbyeAndAMachineGetsNone(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(hangUpAsked{reason: EndDrained})
	r.expect(r.lastRespond().Kind == "farewell" && !r.hungUp, "a drained call says goodbye")
	r = greeted(t, testConfig())
	r.do(hangUpAsked{reason: EndMachine})
	r.expect(r.hungUp && r.c.out.Reason == EndMachine, "a machine is hung up on")
}

func TestAFailedResponseIsTriedOnceMoreAndThenApologisedFor(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	n := len(r.responds())
	r.do(ResponseStarted{ResponseID: "r1"}, ResponseEnded{ResponseID: "r1", Status: ResponseFailed, Fault: Fault{Code: "server_error"}})
	r.expect(len(r.responds()) == n+1, "once more")
	r.began("r2")
	r.do(ResponseEnded{ResponseID: "r2", Status: ResponseFailed})
	r.expect(r.count(MomentApology) == 1, "then the callee is not left in silence")
	r.wait(time.Duration(len(apologyClip)/8)*ms + 100*ms)
	r.expect(r.hungUp && r.c.out.Reason == EndModelSilent, "and the line is put down: %+v", r.c.out)
}

func TestRateLimitsAreWaitedFor(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	n := len(r.responds())
	r.do(ResponseStarted{ResponseID: "r1"}, AgentLimits{Reset: 3 * time.Second},
		ResponseEnded{ResponseID: "r1", Status: ResponseFailed, Fault: Fault{Class: FaultRateLimited}})
	r.wait(2900 * ms)
	r.expect(len(r.responds()) == n, "as long as they last")
	r.wait(200 * ms)
	r.expect(len(r.responds()) == n+1, "and no longer")
}
