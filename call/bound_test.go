package call

import (
	"testing"
	"time"
)

// A call found by number may be an earlier attempt's; it must not be taken for a later one's.
func TestALookUpNeverTakesAnotherAttemptsCall(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().reported(Busy, 1)
	p.claimed().intended().do("unknown", DialLost{Attempt: 2, Words: "lost", At: p.next()})
	found := Reported{Attempt: 2, Report: ProviderReport{ProviderCallID: ca1, Status: Completed, Sequence: -1}, At: p.at.Add(3 * time.Minute)}
	if next, changed := p.rules.Next(p.call, found); changed || !next.Attempts[1].Live() {
		t.Errorf("attempt 2 took the call of attempt 1: %+v", next.Attempts[1])
	}
}

// A session that goes on renewing after the provider put the line down has one lease left.
func TestALeaseEndsWithTheLine(t *testing.T) {
	p := start(t, testRules()).claimed().intended().bound().streaming().greeted().reported(Completed, 3)
	if _, changed := p.rules.Next(p.call, StreamRenewed{Attempt: 1, StreamID: sid, At: p.at.Add(20 * time.Second)}); changed {
		t.Error("the lease of a line that is down was renewed")
	}
	p.do("", Ticked{At: p.at.Add(LeaseLength)})
	if a := p.call.Last(); a.EndReason != EndHostLost {
		t.Errorf("ended as %s", a.EndReason)
	}
}
