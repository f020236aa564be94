package media

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

var errLost = errors.New("connection reset")

// answering is a call in which the callee has asked something and the model has begun to answer.
func answering(t testing.TB) *rig {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 500*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	return r
}

// replayed is what was told to a new connection before the note that ends it.
func (r *rig) replayed() (told []string) {
	for _, cmd := range r.sent {
		switch cmd := cmd.(type) {
		case Said:
			told = append(told, string(cmd.Speaker)+": "+cmd.Text)
		case Called:
			told = append(told, "call "+cmd.CallID+" "+cmd.Name+cmd.Arguments)
		case Answer:
			told = append(told, "output "+cmd.CallID+" "+cmd.Output)
		case Note:
			if strings.HasPrefix(cmd.Text, noteResumed) {
				return told
			}
		}
	}
	r.t.Fatal("the conversation was not told again")
	return nil
}

// forget drops what was sent so far.
func (r *rig) forget() { r.sent = nil }

func TestALostConnectionIsReplacedAndToldTheConversation(t *testing.T) {
	r := answering(t)
	r.do(AgentCall{ResponseID: "r1", CallID: "c1", Name: "find", Arguments: `{"a":1}`})
	r.ended("r1", ResponseCompleted)
	r.do(toolDone{callID: "c1", output: `{"slots":[]}`})
	r.says("r2", 1000)
	r.wait(1200 * ms)
	r.forget()
	r.do(agentGone{errLost})
	r.expect(len(r.dials) == 1 && r.dials[0] == Listen{Respond: true, Interrupt: true} && r.dropped == 1, "it is dialled again as it was: %v", r.dials)
	r.expect(r.c.out.Quality.Fillers == 0, "a callee whose turn it is hears nothing of it")
	r.wait(300 * ms)
	r.do(agentReady{listen: r.dials[0]})
	want := strings.Join([]string{
		"callee: callee hello", "agent: Hello, this is an AI assistant.", "agent: words of item-open", "callee: callee u1",
		`call c1 find{"a":1}`, `output c1 {"slots":[]}`, "agent: words of item-r2",
	}, "\n")
	r.expect(strings.Join(r.replayed(), "\n") == want, "all of it, in order: %q", r.replayed())
	r.expect(len(r.responds()) == 0, "nothing is owed, nothing is asked for: %v", r.responds())
	r.expect(r.c.out.Quality.Reconnects == 1 && r.count(MomentReconnected) == 1, "it is counted: %+v", r.c.out.Quality)
	r.calleeSays("u2", 500*ms)
	r.do(ResponseStarted{ResponseID: "r3"})
	r.speak("r3", "i3", 500)
	r.ended("r3", ResponseCompleted)
	r.wait(600 * ms)
	r.expect(r.c.play.empty() && !r.c.over, "and the call goes on")
}

func TestATurnThatNobodyAnsweredIsAnswered(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 500*ms) // heard, written down, and to be answered by the model itself
	r.forget()
	r.do(agentGone{errLost})
	r.expect(r.c.out.Quality.Fillers == 1, "who waits hears a filler")
	r.do(agentReady{listen: r.dials[0]})
	r.expect(len(r.responds()) == 1 && r.lastRespond().Kind == "answer", "it is asked for: %v", r.responds())
	r.expect(r.count(MomentFiller) == 1, "and the filler is no word of the model's: %q", r.replayed())
}

func TestWordsThatBrokeOffAreSaidAgain(t *testing.T) {
	r := answering(t)
	r.do(&AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: audio(1000)},
		AgentTranscript{ResponseID: "r1", ItemID: "i1", Text: "We could offer you a time on Tuesday at three", Partial: true})
	r.wait(200 * ms)
	r.forget()
	r.do(agentGone{errLost})
	r.expect(r.clears == 0, "what was made of them is heard")
	r.do(agentReady{listen: r.dials[0]})
	told := r.replayed()
	r.expect(told[len(told)-1] == "agent: We could offer", "the model knows of a second of them what a second holds: %q", told)
	notes := sentOf[Note](r)
	r.expect(notes[len(notes)-1].Text == noteResumed+noteCutOff && r.lastRespond().Kind == "answer", "and is asked to say them again: %v", notes)
}

func TestACallUnderWayIsNotMadeTwice(t *testing.T) {
	for _, when := range []string{"before the loss", "during the break", "after it"} {
		r := answering(t)
		r.do(AgentCall{ResponseID: "r1", CallID: "book1", Name: "book", Arguments: `{}`}) // its response is not over
		done := func(now string) {
			if now == when {
				r.do(toolDone{callID: "book1", output: `{"booked":true}`})
			}
		}
		done("before the loss")
		r.forget()
		r.do(agentGone{errLost})
		done("during the break")
		r.do(agentReady{listen: r.dials[0]})
		done("after it")
		r.expect(len(r.tools) == 1, "%s: it runs once", when)
		var outputs []Answer
		for _, a := range sentOf[Answer](r) {
			if a.CallID == "book1" {
				outputs = append(outputs, a)
			}
		}
		r.expect(len(outputs) == 1 && outputs[0].Output == `{"booked":true}`, "%s: the new session is told its output once: %v", when, outputs)
		r.expect(len(sentOf[Called](r)) == 1 && len(r.responds()) == 1 && r.lastRespond().Kind == "tools", "%s: and speaks of it: %v", when, r.responds())
	}
}

func TestTheSecondLossEndsTheCall(t *testing.T) {
	r := answering(t)
	r.do(agentGone{errLost})
	r.do(agentReady{listen: r.dials[0]})
	r.do(agentGone{errLost})
	r.expect(len(r.dials) == 1 && r.count(MomentApology) == 1, "nobody is dialled, the stored apology is heard")
	r.wait(8 * time.Second)
	r.expect(r.hungUp && r.c.out.Reason == EndModelLost && r.c.out.FarewellPlayed, "%+v", r.c.out)
}

func TestABreakThatLastsTooLongEndsTheCall(t *testing.T) {
	r := answering(t)
	r.do(agentGone{errLost})
	r.wait(7900 * ms)
	r.expect(r.count(MomentApology) == 0 && r.count(MomentFiller) == 1, "one filler, and 8 s")
	r.wait(200 * ms)
	r.expect(r.count(MomentApology) == 1, "then the apology")
	r.do(agentReady{})
	r.expect(r.taken == 1, "a model that comes too late is not heard")
}

func TestADialThatFailsIsTriedOnceMore(t *testing.T) {
	r := answering(t)
	r.do(agentGone{errLost}, dialFailed{errLost})
	r.expect(len(r.dials) == 1 && r.count(MomentApology) == 0, "not at once")
	r.wait(redialAfter)
	r.expect(len(r.dials) == 2, "but soon")
	r.do(agentReady{listen: r.dials[1]})
	r.expect(len(r.responds()) > 0 && r.count(MomentApology) == 0, "and the call goes on")

	r = answering(t)
	r.do(agentGone{errLost}, dialFailed{errLost})
	r.wait(redialAfter)
	r.do(dialFailed{errLost})
	r.expect(r.count(MomentApology) == 1, "twice is the end")

	r = answering(t)
	r.do(agentGone{errLost}, dialFailed{ErrDialRefused})
	r.expect(r.count(MomentApology) == 1, "as is a refusal")
}

func TestAGreetingThatBrokeOffStartsOverOnce(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.began("g1")
	r.do(&AgentAudio{ResponseID: "g1", ItemID: "i1", Audio: audio(1500)})
	r.wait(500 * ms)
	r.do(agentGone{errLost})
	r.expect(r.clears == 1, "its beginning is not heard further, as it comes again")
	r.expect(r.dials[0] == Listen{} && r.c.out.Quality.Fillers == 0, "nothing is said before it, and nobody may interrupt it")
	r.forget()
	r.do(agentReady{})
	r.expect(len(r.replayed()) == 0, "the model is not told of the half of it: %q", r.replayed())
	r.expect(len(r.responds()) == 1 && r.lastRespond().Kind == "greeting", "%v", r.responds())
	r.says("g2", 2000)
	r.says("open", 1000)
	r.wait(3200 * ms)
	r.expect(r.c.out.DisclosurePlayed && r.count(MomentDisclosureMissed) == 0, "it is heard")
}

func TestADisclosureThatIsAtThePhoneIsNotRepeated(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(1600 * ms)
	r.says("g1", 2000) // made, and being played
	r.do(agentGone{errLost})
	r.forget()
	r.do(agentReady{})
	r.expect(len(r.responds()) == 1 && r.lastRespond().Kind == "opening", "what follows it is asked for: %v", r.responds())
	r.says("open", 1000)
	r.wait(3200 * ms)
	r.expect(r.c.out.DisclosurePlayed, "it was heard to its end")
	listens := sentOf[Listen](r)
	r.expect(len(listens) == 1 && listens[0].Respond, "and then the callee may interrupt: %v", listens)
}

func TestALossBeforeAnythingWasSaid(t *testing.T) {
	r := newRig(t, testConfig())
	r.do(phoneStarted{}, agentReady{})
	r.wait(500 * ms)
	r.do(agentGone{errLost})
	r.wait(300 * ms)
	r.do(agentReady{})
	r.wait(1600 * ms)
	r.expect(len(r.responds()) == 1 && r.lastRespond().Kind == "greeting", "the greeting is as ever: %v", r.responds())
}

// TestWhatTheCalleeSaidIntoTheBreakIsHeard: also what it had begun to say before.
func TestWhatTheCalleeSaidIntoTheBreakIsHeard(t *testing.T) {
	r := greeted(t, testConfig())
	r.wait(3 * time.Second)
	at := r.c.recall.endMS - 300
	r.do(CalleeStarted{ItemID: "u1", AtMS: at})
	r.wait(1000 * ms)
	r.do(agentGone{errLost})
	r.wait(2000 * ms)
	r.forget()
	r.do(agentReady{listen: r.dials[0]})
	heard := 0
	for _, h := range sentOf[toldAudio](r) {
		heard += twiliostream.DecodedLen(h.Audio) / bytesPerMS
	}
	r.expect(heard == 3300, "300 ms of padding, 1 s before the loss and 2 s after it: %d ms", heard)
	r.expect(len(r.responds()) == 0, "the model hears it and answers by itself")
	r.do(CalleeStarted{ItemID: "v1"})
	r.wait(500 * ms)
	r.do(CalleeStopped{ItemID: "v1"}, CalleeCommitted{ItemID: "v1"}, ResponseStarted{ResponseID: "r1"})
	r.expect(!r.c.responses["r1"].dead, "as ever")
}

// TestSpeechThatTheNewModelDoesNotHearIsAnswered: it was noise, or its detection differs.
func TestSpeechThatTheNewModelDoesNotHearIsAnswered(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(CalleeStarted{ItemID: "u1"})
	r.wait(300 * ms)
	r.do(agentGone{errLost}, agentReady{listen: Listen{Respond: true, Interrupt: true}})
	before := len(r.responds())
	r.wait(4100 * ms)
	r.expect(len(r.responds()) == before+1 && r.lastRespond().Kind == "answer", "nobody waits for ever: %v", r.responds())
}

func TestAnInterruptionAfterTheReplayIsTold(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", 300*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	r.speak("r1", "i1", 3000)
	r.ended("r1", ResponseCompleted)
	r.do(agentGone{errLost}, agentReady{listen: Listen{Respond: true, Interrupt: true}})
	r.wait(1500 * ms)
	r.forget()
	r.do(CalleeStarted{ItemID: "u2"})
	r.expect(r.clears == 1 && len(sentOf[Truncate](r)) == 0, "the model knows the item as text, which can't be truncated")
	notes := sentOf[Note](r)
	r.expect(len(notes) == 1 && notes[0].Text == noteHeard+`"words"`, "so it is told: %v", notes)
}

func TestAFatalErrorIsALoss(t *testing.T) {
	r := answering(t)
	r.do(AgentFault{Fault: Fault{Class: FaultFatal, Code: "session_expired"}}, agentGone{errLost})
	r.expect(len(r.dials) == 1 && r.dropped == 1 && r.c.link.losses == 1, "one, though the socket closes after it")
}

func TestAnEndThatIsDueWaitsForTheModel(t *testing.T) {
	r := answering(t)
	r.do(agentGone{errLost}, hangUpAsked{reason: EndDrained})
	r.expect(!r.hungUp && r.c.ending == nil, "there is nobody to say goodbye")
	r.do(agentReady{listen: r.dials[0]})
	r.expect(r.c.ending != nil && r.lastRespond().Kind == "farewell", "now there is: %v", r.responds())
	r.says("bye", 1000)
	r.wait(3 * time.Second)
	r.expect(r.c.out.Reason == EndDrained && r.c.out.FarewellPlayed, "%+v", r.c.out)
}

func TestThePhoneMayGoDuringTheBreak(t *testing.T) {
	r := answering(t)
	r.do(agentGone{errLost}, twiliostream.Event{Kind: twiliostream.Stop})
	r.expect(r.hungUp && r.c.out.Reason == EndCalleeHangup && r.c.finished(), "%+v", r.c.out)
	r.do(agentReady{})
	r.expect(r.taken == 1, "nobody takes over")
}

// TestTheCapIsMetInAPause: the next connection is dialled a minute before, and carries the
// conversation as soon as nobody speaks.
func TestTheCapIsMetInAPause(t *testing.T) {
	cfg := testConfig()
	cfg.SilencePrompt, cfg.SilenceHangup, cfg.MaxLength = time.Hour, time.Hour, 3*time.Hour
	r := newRig(t, cfg)
	r.do(phoneStarted{}, agentReady{expires: r.now.Add(5 * time.Minute)})
	r.calleeSays("hello", 500*ms)
	r.says("greet", 1000)
	r.says("open", 1000)
	r.wait(4*time.Minute - 600*ms)
	r.expect(len(r.dials) == 0, "not before")
	r.calleeSays("u1", 500*ms)
	r.do(ResponseStarted{ResponseID: "r1"})
	r.wait(200 * ms)
	r.expect(len(r.dials) == 1, "60 s before the end")
	r.do(agentReady{listen: r.dials[0], expires: r.now.Add(time.Hour)})
	r.expect(r.taken == 1, "not while the model speaks")
	r.speak("r1", "i1", 1000)
	r.ended("r1", ResponseCompleted)
	r.wait(900 * ms)
	r.expect(r.taken == 1, "nor while it is heard")
	r.forget()
	r.wait(200 * ms)
	r.expect(r.taken == 2 && len(r.replayed()) == 5, "but then: %q", r.replayed())
	q := r.c.out.Quality
	r.expect(q.Renewals == 1 && q.Reconnects == 0 && q.Fillers == 0 && r.c.link.losses == 0, "it is no loss, and nobody hears it: %+v", q)
	r.do(agentGone{errLost})
	r.expect(len(r.dials) == 2, "a loss is still borne")
}

func TestACapWithoutAPauseIsALossThatCostsNoDial(t *testing.T) {
	r := answering(t)
	r.c.planRenewal(r.now.Add(2 * time.Minute))
	for range 59 {
		r.wait(time.Second)
		r.do(&AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: audio(1200)})
	}
	r.wait(2 * time.Second)
	r.expect(len(r.dials) == 1, "it is dialled")
	r.do(dialFailed{errLost})
	r.wait(renewAgainAfter + tick)
	r.expect(len(r.dials) == 2 && r.c.ready, "and again, while the first goes on")
	r.do(agentReady{listen: r.dials[1]}, AgentFault{Fault: Fault{Class: FaultFatal, Code: "session_expired"}})
	r.expect(r.taken == 2 && r.c.ready && len(r.dials) == 2, "the one that waits takes over at once")
}

func TestIDsThatComeAgainOnAnotherConnectionAreThoseOfItsOwn(t *testing.T) {
	r := greeted(t, testConfig())
	r.calleeSays("u1", time.Second)
	r.do(ResponseStarted{ResponseID: "r1"})
	for range 30 {
		r.do(&AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: audio(100)})
	}
	r.do(agentGone{errClosed})
	r.wait(300 * time.Millisecond)
	r.do(agentReady{})
	r.wait(500 * time.Millisecond)
	r.do(ResponseStarted{ResponseID: "r1", Kind: r.lastRespond().Kind})
	r.do(&AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: audio(100)})
	r.expect(r.c.responses["r1"].spoke, "the response that speaks is known to")
}
