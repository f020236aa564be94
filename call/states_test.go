package call

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// state is a call in one distinguishable state; at is when it got there.
type state struct {
	name  string
	rules Rules
	call  Call
	at    time.Time
}

const (
	sid = "stream-1"
	ca1 = "CA1"
)

// path tells a call's story a second at a time; every step must change something.
type path struct {
	t testing.TB
	state
}

func (p *path) do(name string, events ...Event) *path {
	p.t.Helper()
	for _, e := range events {
		next, changed := p.rules.Next(p.call, e)
		if !changed {
			p.t.Fatalf("%s: %T changed nothing", name, e)
		}
		p.call, p.at = next, e.at()
	}
	p.name = name
	return p
}

func (p path) fork() *path { return &p }

func start(t testing.TB, r Rules) *path {
	return &path{t: t, state: state{name: "due", rules: r, call: newCall(), at: t0}}
}

func (p *path) next() time.Time { return p.at.Add(time.Second) }

func (p *path) claimed() *path {
	n := len(p.call.Attempts) + 1
	at := p.next()
	if p.call.NextAttemptAt != nil && at.Before(*p.call.NextAttemptAt) {
		at = *p.call.NextAttemptAt
	}
	return p.do("claimed", Claimed{ClaimID: fmt.Sprintf("claim-%d", n), At: at})
}

func (p *path) intended() *path {
	n := len(p.call.Attempts)
	return p.do("intended", Intended{Attempt: n, ClaimID: fmt.Sprintf("claim-%d", n), At: p.next()})
}

func (p *path) bound() *path {
	n := len(p.call.Attempts)
	return p.do("bound", Bound{Attempt: n, ProviderCallID: fmt.Sprintf("CA%d", n), At: p.next()})
}

func (p *path) reported(s Status, sequence int) *path {
	n := len(p.call.Attempts)
	return p.do(string(s), Reported{Attempt: n, Report: ProviderReport{ProviderCallID: fmt.Sprintf("CA%d", n), Status: s, Sequence: sequence}, At: p.next()})
}

func (p *path) streaming() *path {
	n := len(p.call.Attempts)
	return p.do("streaming", StreamOpened{Attempt: n, ProviderCallID: fmt.Sprintf("CA%d", n), StreamID: sid, At: p.next()})
}

func (p *path) greeted() *path {
	n := len(p.call.Attempts)
	return p.do("greeting heard", GreetingHeard{Attempt: n, StreamID: sid, At: p.next()})
}

func (p *path) spoken() *path {
	n := len(p.call.Attempts)
	return p.do("callee spoke", CalleeSpoke{Attempt: n, StreamID: sid, At: p.next()})
}

func (p *path) booking() *path {
	n := len(p.call.Attempts)
	return p.do("booking intended", BookingIntended{Attempt: n, StreamID: sid, Booking: testBooking(), At: p.next()})
}

func (p *path) booked() *path {
	return p.do("booked", BookingAnswered{Key: testBooking().Key, EventID: "event-1", At: p.next()})
}

func (p *path) revoked() *path {
	n := len(p.call.Attempts)
	return p.do("revoked", AgreementRevoked{Attempt: n, StreamID: sid, At: p.next()})
}

func (p *path) ended(r EndReason) *path {
	n := len(p.call.Attempts)
	return p.do("session ended: "+string(r), SessionEnded{
		Attempt: n, StreamID: sid, Reason: r, FarewellPlayed: true,
		Report: &Report{Summary: "They said yes."}, At: p.next(),
	})
}

// states are all states that the transition function tells apart.
func states(t testing.TB) []state {
	var all []state
	keep := func(name string, p *path) *path {
		s := p.state
		s.name = name
		all = append(all, s)
		return p.fork()
	}
	r := testRules()
	due := keep("no attempt, due", start(t, r))
	claimed := keep("claimed", due.claimed())
	intended := keep("intended", claimed.fork().intended())
	keep("unknown", intended.fork().do("unknown", DialLost{Attempt: 1, Words: "time-out", At: intended.next()}))
	bound := keep("bound", intended.fork().bound())
	ringing := keep("ringing", bound.fork().reported(Ringing, 1))
	answered := keep("answered", ringing.fork().do("answered", Answered{Attempt: 1, ProviderCallID: ca1, At: ringing.next()}))
	early := keep("streaming before the greeting", answered.fork().streaming())
	talking := keep("streaming after the greeting", early.fork().greeted())
	talking = keep("callee spoke", talking.fork().spoken())
	keep("provider ended while streaming", talking.fork().reported(Completed, 3))
	booking := keep("streaming, booking intended", talking.fork().booking())
	keep("streaming, pending booking revoked", booking.fork().revoked())
	booked := keep("streaming, booked", booking.fork().booked())
	keep("streaming, booked, revoked", booked.fork().revoked())
	keep("streaming, booking tried again", booking.fork().do("", StreamRenewed{Attempt: 1, StreamID: sid, At: booking.at.Add(31 * time.Second)},
		BookingTried{Key: testBooking().Key, Next: booking.at.Add(2 * time.Minute), At: booking.at.Add(32 * time.Second)}))
	keep("over, booking's answer unknown", booking.fork().ended(EndUnclear))
	keep("between attempts, busy", bound.fork().reported(Busy, 1))
	keep("between attempts, line down", talking.fork().ended(EndModelLost).do("", LineDown{Attempt: 1, At: talking.at.Add(time.Minute)}))
	keep("between attempts, rate limited", intended.fork().do("", Refused{Attempt: 1, Words: "429", At: intended.next()}))
	second := keep("second attempt bound", bound.fork().reported(Busy, 1).claimed().intended().bound())
	keep("second attempt streaming", second.fork().streaming())
	keep("final, refused for good", intended.fork().do("", Refused{Attempt: 1, Permanent: true, Words: "21211", At: intended.next()}))
	keep("final, not booked", talking.fork().ended(EndRefused))
	final := keep("final, booked", booked.fork().ended(EndBooked))
	keep("final, unconfirmed", booked.fork().revoked().ended(EndUnclear))
	keep("final, unconfirmed after patience", booking.fork().ended(EndUnclear).do("", Ticked{At: booking.at.Add(bookingPatience)}))
	keep("final, window over", due.do("", Ticked{At: t0.AddDate(0, 0, 14)}))
	keep("final, mock stream unopened", mockUnopened(t))
	sending := keep("notice under way", final.fork().do("", NoticeSending{Body: []byte("body"), Until: final.at.Add(time.Minute), At: final.at.Add(time.Second)}))
	keep("notice to be repeated", sending.fork().do("", NoticeTried{Err: &NotifyError{Retry: true, Err: errors.New("503")}, Next: final.at.Add(time.Hour), At: final.at.Add(2 * time.Second)}))
	keep("notice plain", sending.fork().do("", NoticeTried{Err: &NotifyError{WithoutRouting: true, Err: errors.New("400")}, At: final.at.Add(2 * time.Second)}))
	keep("notice delivered", sending.fork().do("", NoticeTried{At: final.at.Add(2 * time.Second)}))
	keep("notice given up", sending.fork().do("", NoticeTried{Err: &NotifyError{Err: errors.New("404")}, At: final.at.Add(2 * time.Second)}))
	keep("final, canceled before a dial", start(t, r).canceled())
	keep("claimed, then canceled", claimed.fork().canceled())
	asked := keep("canceled before the create's answer", intended.fork().canceled())
	keep("canceled, then bound", asked.fork().bound())
	keep("canceled, then unknown", asked.fork().do("", DialLost{Attempt: 1, Words: "time-out", At: asked.next()}))
	keep("canceled while it rang", ringing.fork().canceled())
	keep("canceled in talk", talking.fork().canceled())
	keep("canceled after booking", booked.fork().canceled())
	keep("canceled, booking's answer unknown", booking.fork().canceled().ended(EndCanceled))
	keep("canceled between attempts", bound.fork().reported(Busy, 1).canceled())
	quiet := testRules()
	quiet.Notify = false
	keep("final, nobody to tell", start(t, quiet).claimed().intended().bound().streaming().greeted().ended(EndRefused))
	return all
}

func (p *path) canceled() *path {
	return p.do("canceled", CancelRequested{Reason: "not needed", At: p.next()})
}

func mockUnopened(t testing.TB) *path {
	r := testRules()
	r.NoStreamIsFinal = true
	p := start(t, r).claimed().intended().bound()
	return p.do("unopened", Ticked{At: *p.call.Attempts[0].StreamExpiry})
}

// events are all events, with right and with wrong names, at a time.
func events(at time.Time) []Event {
	b := testBooking()
	other := b
	other.Key, other.Start = "other key", b.Start.Add(time.Hour)
	all := []Event{
		Claimed{ClaimID: "claim-x", At: at},
		AnswerGiven{Answer: Answer{OK: true, CallID: "call-1", Status: Dialing}, At: at},
		CancelRequested{Reason: "another", At: at},
		Ticked{At: at},
		Postponed{Until: at.Add(time.Hour), Words: "wait", At: at},
		Postponed{Until: at, Words: "wait", At: at},
		Deferred{Until: at.Add(time.Hour), At: at},
		BookingAnswered{Key: b.Key, EventID: "event-9", At: at},
		BookingAnswered{Key: "other key", EventID: "event-8", At: at},
		BookingAnswered{Key: b.Key, At: at},
		BookingDenied{Key: b.Key, At: at},
		BookingDenied{Key: "other key", At: at},
		BookingTried{Key: b.Key, Next: at.Add(time.Minute), At: at},
		BookingTried{Key: b.Key, At: at},
		NoticeSending{Body: []byte("x"), Until: at.Add(time.Minute), At: at},
		NoticeSending{At: at},
		NoticeTried{At: at},
		NoticeTried{Err: &NotifyError{Retry: true, Err: errors.New("503")}, Next: at.Add(time.Hour), At: at},
		NoticeTried{Err: &NotifyError{WithoutRouting: true, Err: errors.New("400")}, At: at},
		NoticeTried{Err: &NotifyError{Err: errors.New("404")}, At: at},
	}
	for _, n := range []int{1, 2, 7} {
		all = append(all, Intended{Attempt: n, ClaimID: fmt.Sprintf("claim-%d", n), At: at}, Intended{Attempt: n, ClaimID: "another worker", At: at},
			Refused{Attempt: n, Words: "429", At: at}, Refused{Attempt: n, Permanent: true, Words: "21211", At: at},
			DialLost{Attempt: n, Words: "time-out", At: at}, NotPlaced{Attempt: n, At: at}, LineDown{Attempt: n, At: at})
		for _, id := range []string{"", ca1, "CA2"} {
			all = append(all, Bound{Attempt: n, ProviderCallID: id, At: at}, Answered{Attempt: n, ProviderCallID: id, At: at},
				MachineHeard{Attempt: n, ProviderCallID: id, At: at}, StreamOpened{Attempt: n, ProviderCallID: id, StreamID: "stream-2", At: at})
			for _, s := range append(Statuses(), "nonsense") {
				for _, sequence := range []int{-1, 1, 5} {
					all = append(all, Reported{Attempt: n, Report: ProviderReport{ProviderCallID: id, Status: s, Sequence: sequence, Words: "13224"}, At: at})
				}
			}
		}
		for _, id := range []string{"", sid, "stream-2"} {
			all = append(all, StreamRenewed{Attempt: n, StreamID: id, At: at}, GreetingHeard{Attempt: n, StreamID: id, At: at},
				CalleeSpoke{Attempt: n, StreamID: id, At: at}, SlotsOffered{Attempt: n, StreamID: id, At: at}, BookingIntended{Attempt: n, StreamID: id, Booking: other, At: at},
				AgreementRevoked{Attempt: n, StreamID: id, At: at}, AgreementRevoked{Attempt: n, StreamID: id, Said: EndUnclear, At: at},
				SessionEnded{Attempt: n, StreamID: id, Reason: EndBooked, FarewellPlayed: true, Report: &Report{Summary: "s"}, Words: "w", At: at},
				SessionEnded{Attempt: n, StreamID: id, Reason: EndBooked, Measures: testMeasures(1), At: at},
				Measured{Attempt: n, StreamID: id, Measures: testMeasures(2), At: at}, Measured{Attempt: n, StreamID: id, At: at})
		}
	}
	for _, reason := range append(EndReasons(), "nonsense") {
		all = append(all, SessionEnded{Attempt: 1, StreamID: sid, Reason: reason, At: at})
	}
	return all
}
