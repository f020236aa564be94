package call

import (
	"errors"
	"testing"
	"time"
)

func TestAttemptsFollowAtGrowingDelaysUntilTheyAreUsedUp(t *testing.T) {
	p := start(t, testRules())
	for n, delay := range []time.Duration{time.Minute, 2 * time.Minute} {
		p.claimed().intended().bound().reported(Busy, 1)
		want := p.at.Add(delay)
		if c := p.call; c.Status != Queued || c.NextAttemptAt == nil || !c.NextAttemptAt.Equal(want) || !c.Due.Equal(want) {
			t.Fatalf("after attempt %d: %s, next at %v, want %v", n+1, c.Status, c.NextAttemptAt, want)
		}
		if _, early := p.rules.Next(p.call, Claimed{ClaimID: "early", At: want.Add(-time.Second)}); early {
			t.Fatal("an attempt was claimed before it was due")
		}
	}
	p.claimed().intended().bound().reported(NoAnswer, 1)
	if c := p.call; !c.Final() || c.Status != NoAnswer || c.Outcome != NotBooked || len(c.Attempts) != 3 {
		t.Fatalf("attempts are used up, and the call is %s %s", c.Status, c.Outcome)
	}
}

func TestRetryDelayStaysWithinWhatADurationHolds(t *testing.T) {
	for _, c := range []struct {
		initial time.Duration
		factor  float64
		n       int
		want    time.Duration
	}{
		{time.Minute, 2, 1, time.Minute},
		{time.Minute, 2, 4, 8 * time.Minute},
		{time.Minute, 1, 9, time.Minute},
		{time.Minute, 1e300, 9, maxDelay},
		{0, 2, 3, 0},
		{time.Minute, -2, 2, 0},
	} {
		if got := (Rules{InitialDelay: c.initial, BackoffFactor: c.factor}).retryDelay(c.n); got != c.want {
			t.Errorf("%v · %v^%d = %v, want %v", c.initial, c.factor, c.n-1, got, c.want)
		}
	}
}

func TestNoAttemptIsMadeAfterTheWindow(t *testing.T) {
	p := start(t, testRules())
	p.call.Request.WindowEnd = t0.Add(50 * time.Second)
	p.claimed().intended().bound().reported(Busy, 1)
	if c := p.call; !c.Final() || c.Status != Busy || c.Outcome != NotBooked || c.LastError == "" {
		t.Fatalf("%s %s %q", c.Status, c.Outcome, c.LastError)
	}
	late := newCall()
	if _, claimed := testRules().Next(late, Claimed{ClaimID: "x", At: late.Request.WindowEnd}); claimed {
		t.Error("claimed at the window's end")
	}
}

func TestWhichFailuresAreRetried(t *testing.T) {
	talk := func(r Rules) *path { return start(t, r).claimed().intended().bound().streaming().greeted().spoken() }
	deaf := func(r Rules) *path { return start(t, r).claimed().intended().bound().streaming() }
	onlyBusy := testRules()
	onlyBusy.RetryStatuses = []Status{Busy}
	for _, c := range []struct {
		name   string
		p      *path
		status Status
		reason EndReason
		again  bool
	}{
		{"refused for good", start(t, testRules()).claimed().intended().do("", Refused{Attempt: 1, Permanent: true, Words: "21211", At: t0.Add(time.Minute)}), Failed, EndRefusedDial, false},
		{"rate limited", start(t, testRules()).claimed().intended().do("", Refused{Attempt: 1, Words: "20429", At: t0.Add(time.Minute)}), Failed, EndRateLimited, true},
		{"canceled", start(t, testRules()).claimed().intended().bound().reported(Canceled, 1), Canceled, EndCanceled, false},
		{"status not listed", start(t, onlyBusy).claimed().intended().bound().reported(NoAnswer, 1), NoAnswer, EndNoAnswer, false},
		{"completed without a stream", start(t, testRules()).claimed().intended().bound().reported(Completed, 1), Failed, EndGreetingUnheard, true},
		{"hung up before the greeting", deaf(testRules()).reported(Completed, 3).ended(EndCalleeHangup), Failed, EndGreetingUnheard, true},
		{"model lost", talk(testRules()).ended(EndModelLost), Failed, EndModelLost, true},
		{"refused by the callee", talk(testRules()).ended(EndRefused), Completed, EndRefused, false},
		{"hung up", talk(testRules()).ended(EndCalleeHangup), Completed, EndCalleeHangup, false},
		{"voicemail", talk(testRules()).ended(EndVoicemail), NoAnswer, EndVoicemail, true},
		{"host lost", talk(testRules()).do("", Ticked{At: t0.Add(10 * time.Minute)}), Failed, EndHostLost, true},
		{"unknown to the provider", start(t, testRules()).claimed().intended().do("", DialLost{Attempt: 1, At: t0.Add(5 * time.Second)}, NotPlaced{Attempt: 1, At: t0.Add(5 * time.Minute)}), Failed, EndDialUnknown, true},
		{"never heard of again", start(t, testRules()).claimed().intended().bound().do("", Ticked{At: t0.Add(time.Hour)}), Failed, EndProviderLost, true},
		{"never bound", start(t, testRules()).claimed().intended().do("", Ticked{At: t0.Add(time.Hour)}), Failed, EndDialUnknown, true},
		{"answered, no stream", start(t, testRules()).claimed().intended().bound().reported(InProgress, 1).do("", Ticked{At: t0.Add(time.Hour)}), Failed, EndStreamUnopened, true},
		{"mock, nobody came", mockUnopened(t), NoAnswer, EndStreamUnopened, false},
	} {
		a := c.p.call.Attempts[0]
		if a.Status != c.status || a.EndReason != c.reason || c.p.call.Final() == c.again {
			t.Errorf("%s: %s %s, final %v", c.name, a.Status, a.EndReason, c.p.call.Final())
		}
	}
}

func TestTheProvidersLastWordWaitsForOurOwnSession(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted().spoken().booking().booked().reported(Completed, 4)
	if p.call.Final() || p.call.Status != InProgress {
		t.Fatal("the provider's word ended a session that is still alive")
	}
	p.ended(EndCalleeHangup)
	if a := p.call.Attempts[0]; a.Status != Completed || a.LineDownAt == nil || p.call.Outcome != Booked {
		t.Fatalf("%+v", a)
	}
}

func TestAMachineVerdictCountsOnlyBeforeTheCalleeSpoke(t *testing.T) {
	verdict := func(p *path) bool {
		_, ok := p.rules.Next(p.call, MachineHeard{Attempt: 1, ProviderCallID: ca1, At: p.next()})
		return ok
	}
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted()
	if !verdict(p) {
		t.Error("ignored before the callee spoke")
	}
	if verdict(p.spoken()) {
		t.Error("heeded after the callee spoke")
	}
}

func TestAnOldClaimIsGivenUpAndItsHolderNeverDials(t *testing.T) {
	p := start(t, testRules()).claimed()
	p.do("given up", Ticked{At: p.at.Add(claimPatience)})
	if len(p.call.Attempts) != 0 || p.call.NextAttemptAt == nil {
		t.Fatal("the attempt is not due again")
	}
	p.do("claimed anew", Claimed{ClaimID: "second worker", At: p.next()})
	if _, ok := p.rules.Next(p.call, Intended{Attempt: 1, ClaimID: "claim-1", At: p.next()}); ok {
		t.Fatal("the first worker came back and dialled")
	}
}

func TestATakenBackAgreementIsUnconfirmedAlsoWhereTheAnswerCameLater(t *testing.T) {
	talk := func() *path {
		return start(t, testRules()).claimed().intended().bound().streaming().greeted().spoken().booking()
	}
	if c := talk().booked().revoked().call; c.Outcome != Unconfirmed || c.Event == nil {
		t.Errorf("after the booking: %s", c.Outcome)
	}
	if c := talk().revoked().booked().call; c.Outcome != Unconfirmed || c.Event == nil {
		t.Errorf("before its answer: %s", c.Outcome)
	}
	p := talk()
	if _, changed := p.rules.Next(p.call, AgreementRevoked{Attempt: 1, StreamID: sid, Said: EndUnclear, At: p.next()}); changed {
		t.Error("unclear is how the model was told to end such a call")
	}
	p = talk().revoked().do("", BookingDenied{Key: testBooking().Key, At: t0.Add(time.Minute)})
	if p.ended(EndRefused); p.call.Outcome != NotBooked {
		t.Errorf("denied: %s", p.call.Outcome)
	}
}

func TestABookingWithoutAnswerHoldsTheCallAndIsUnconfirmedInTheEnd(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted().spoken().booking()
	intended := p.at
	p.ended(EndModelLost)
	if c := p.call; c.Final() || c.Status != Queued || c.NextAttemptAt != nil || c.Due == nil {
		t.Fatalf("%s, next attempt %v", c.Status, c.NextAttemptAt)
	}
	if _, changed := p.rules.Next(p.call, Ticked{At: intended.Add(bookingPatience - time.Second)}); changed {
		t.Fatal("given up too early")
	}
	p.do("", Ticked{At: intended.Add(bookingPatience)})
	if c := p.call; !c.Final() || c.Outcome != Unconfirmed || c.Status != Failed || c.Notice.Key != "call-1:unconfirmed" {
		t.Fatalf("%s %s", c.Status, c.Outcome)
	}
	if _, changed := p.rules.Next(p.call, BookingAnswered{Key: testBooking().Key, EventID: "late", At: p.next()}); changed {
		t.Error("a later answer contradicted what the owner was told")
	}
}

func TestALineThatCannotBePutDownIsGivenUpAfterAnHour(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted().ended(EndRefused)
	ended := p.at
	if due := p.rules.due(&p.call); due == nil || due.After(ended.Add(hangUpRetry)) {
		t.Fatalf("the hang-up is not repeated: %v", due)
	}
	p.do("", Ticked{At: ended.Add(hangUpRetry + hangUpPatience + time.Second)})
	if p.call.Attempts[0].LineDownAt == nil {
		t.Fatal("still to be put down")
	}
}

func TestALineBoundAfterItsAttemptWasGivenUpIsPutDown(t *testing.T) {
	p := start(t, testRules()).claimed().intended().do("", Ticked{At: t0.Add(time.Hour)})
	p.do("", Bound{Attempt: 1, ProviderCallID: "CA-late", At: p.next()})
	if at := hangUpAt(&p.call.Attempts[0]); at.IsZero() {
		t.Fatal("a line is up and nobody will put it down")
	}
}

func TestANoticeIsSentPlainOnceThenGivenUp(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted().ended(EndRefused)
	refused := &NotifyError{WithoutRouting: true, Err: errors.New("400")}
	send := func() {
		p.do("", NoticeSending{Body: []byte("b"), Until: p.at.Add(time.Minute), At: p.call.Notice.NextTryAt.Add(time.Second)})
	}
	send()
	p.do("", NoticeTried{Err: refused, At: p.next()})
	if n := p.call.Notice; !n.Plain || n.Key != "call-1:not_booked:plain" || n.Body != nil || n.State != NoticePending {
		t.Fatalf("%+v", n)
	}
	send()
	p.do("", NoticeTried{Err: refused, At: p.next()})
	if n := p.call.Notice; n.State != NoticeGivenUp || n.LastError == "" || n.Tries != 2 || n.FinishedAt == nil {
		t.Fatalf("%+v", n)
	}
}
