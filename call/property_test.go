package call

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world plays one call against workers, a provider, a media session and a bridge of
// which nothing can be relied upon.
type world struct {
	t      *rapid.T
	rules  Rules
	call   Call
	now    time.Time
	claims []Intended
	dialed map[int]int
	booked bool
	serial int
}

func (w *world) apply(e Event) bool {
	next, changed := step(w.t, w.rules, w.call, e)
	w.call = next
	if c := w.call; c.Outcome == Booked {
		w.booked = true
	}
	if w.booked && w.call.Outcome != Booked && w.call.Outcome != Unconfirmed {
		w.t.Fatalf("a booked outcome became %s", w.call.Outcome)
	}
	return changed
}

func (w *world) coin(label string) bool { return rapid.Bool().Draw(w.t, label) }

func (w *world) attempt() int {
	return rapid.IntRange(1, max(1, len(w.call.Attempts))).Draw(w.t, "attempt")
}

func (w *world) providerID(n int) string { return fmt.Sprintf("CA%d", n) }

func (w *world) claim() {
	w.serial++
	id := fmt.Sprintf("claim-%d", w.serial)
	if w.apply(Claimed{ClaimID: id, At: w.now}) {
		w.claims = append(w.claims, Intended{Attempt: len(w.call.Attempts), ClaimID: id})
	}
}

// dial lets any worker that ever held a claim go on with it, however late.
func (w *world) dial() {
	if len(w.claims) == 0 {
		return
	}
	e := rapid.SampledFrom(w.claims).Draw(w.t, "claim")
	e.At = w.now
	if !w.apply(e) {
		return
	}
	w.dialed[e.Attempt]++
	if w.dialed[e.Attempt] > 1 {
		w.t.Fatalf("attempt %d was dialled twice", e.Attempt)
	}
	switch rapid.IntRange(0, 4).Draw(w.t, "create's answer") {
	case 0:
		w.apply(Refused{Attempt: e.Attempt, Permanent: w.coin("for good"), RetryAfter: time.Hour, Words: "no", At: w.now})
	case 1:
		w.apply(DialLost{Attempt: e.Attempt, Words: "time-out", At: w.now})
	case 2: // the worker died here
	default:
		w.apply(Bound{Attempt: e.Attempt, ProviderCallID: w.providerID(e.Attempt), At: w.now})
	}
}

func (w *world) report() {
	n := w.attempt()
	w.apply(Reported{Attempt: n, Report: ProviderReport{
		ProviderCallID: w.providerID(rapid.IntRange(1, 3).Draw(w.t, "provider's call")), Status: rapid.SampledFrom(Statuses()).Draw(w.t, "status"),
		Sequence: rapid.IntRange(-1, 4).Draw(w.t, "sequence"), Minutes: rapid.IntRange(0, 2).Draw(w.t, "minutes"),
	}, At: w.now})
}

func (w *world) session() {
	n, stream := w.attempt(), fmt.Sprintf("stream-%d", rapid.IntRange(1, 2).Draw(w.t, "stream"))
	b := testBooking()
	all := []Event{
		Answered{Attempt: n, ProviderCallID: w.providerID(n), At: w.now},
		StreamOpened{Attempt: n, ProviderCallID: w.providerID(n), StreamID: stream, At: w.now},
		StreamRenewed{Attempt: n, StreamID: stream, At: w.now},
		GreetingHeard{Attempt: n, StreamID: stream, At: w.now},
		CalleeSpoke{Attempt: n, StreamID: stream, At: w.now},
		SlotsOffered{Attempt: n, StreamID: stream, At: w.now},
		MachineHeard{Attempt: n, ProviderCallID: w.providerID(n), At: w.now},
		BookingIntended{Attempt: n, StreamID: stream, Booking: b, At: w.now},
		BookingAnswered{Key: b.Key, EventID: "event-1", At: w.now},
		BookingDenied{Key: b.Key, At: w.now},
		AgreementRevoked{Attempt: n, StreamID: stream, At: w.now},
		SessionEnded{Attempt: n, StreamID: stream, Reason: rapid.SampledFrom(EndReasons()).Draw(w.t, "reason"), At: w.now},
		Measured{Attempt: n, StreamID: stream, Measures: testMeasures(rapid.IntRange(1, 3).Draw(w.t, "measures")), At: w.now},
		LineDown{Attempt: n, At: w.now},
		Postponed{Until: w.now.Add(time.Minute), Words: "wait", At: w.now},
		Deferred{Until: w.now.Add(30 * time.Second), At: w.now},
		NotPlaced{Attempt: n, At: w.now},
	}
	w.apply(rapid.SampledFrom(all).Draw(w.t, "event"))
}

// good plays a conversation without mishap, so that bookings are reached often.
func (w *world) good() {
	n := len(w.call.Attempts)
	if n == 0 {
		return
	}
	w.apply(StreamOpened{Attempt: n, ProviderCallID: w.providerID(n), StreamID: "stream-1", At: w.now})
	w.apply(GreetingHeard{Attempt: n, StreamID: "stream-1", At: w.now})
	w.apply(BookingIntended{Attempt: n, StreamID: "stream-1", Booking: testBooking(), At: w.now})
	if w.coin("bridge answers") {
		w.apply(BookingAnswered{Key: testBooking().Key, EventID: "event-1", At: w.now})
	}
	if w.coin("taken back") {
		w.apply(AgreementRevoked{Attempt: n, StreamID: "stream-1", At: w.now})
	}
}

func (w *world) cancel() { w.apply(CancelRequested{Reason: "not needed", At: w.now}) }

// attend does what Service.Attend does, with peers that answer when they please.
func (w *world) attend() {
	w.apply(Ticked{At: w.now})
	for i := range w.call.Attempts {
		if at := hangUpAt(&w.call.Attempts[i]); !at.IsZero() && !w.now.Before(at) && w.coin("line goes down") {
			w.apply(LineDown{Attempt: i + 1, At: w.now})
		}
	}
	if a := w.call.Last(); a != nil {
		if at := w.rules.lookUpAt(a); !at.IsZero() && !w.now.Before(at) {
			w.lookUp(a.Number)
		}
	}
	if b := w.call.Booking; b != nil && w.apply(BookingTried{Key: b.Key, Next: w.now.Add(bookingRetry), At: w.now}) {
		switch rapid.IntRange(0, 4).Draw(w.t, "bridge") {
		case 0:
			w.apply(BookingAnswered{Key: b.Key, EventID: "event-1", At: w.now})
		case 1:
			w.apply(BookingDenied{Key: b.Key, At: w.now})
		}
	}
	if w.coin("no place") {
		w.apply(Postponed{Until: w.now.Add(5 * time.Minute), Words: "wait", At: w.now})
	}
	if w.coin("a step fails") {
		w.apply(Deferred{Until: w.now.Add(deferral), At: w.now})
	}
	w.claim()
	w.dial()
	if w.apply(NoticeSending{Body: []byte("body"), Until: w.now.Add(30 * time.Second), At: w.now}) {
		w.notify()
	}
}

func (w *world) lookUp(n int) {
	switch rapid.IntRange(0, 3).Draw(w.t, "look-up") {
	case 0:
		w.apply(NotPlaced{Attempt: n, At: w.now})
	case 1:
		w.apply(Reported{Attempt: n, Report: ProviderReport{ProviderCallID: w.providerID(n), Status: rapid.SampledFrom(Statuses()).Draw(w.t, "looked up"), Sequence: -1}, At: w.now})
	}
}

func (w *world) notify() {
	switch rapid.IntRange(0, 3).Draw(w.t, "hooks") {
	case 0:
		w.apply(NoticeTried{At: w.now})
	case 1:
		w.apply(NoticeTried{Err: &NotifyError{WithoutRouting: true, Err: errors.New("400")}, At: w.now})
	case 2:
		w.apply(NoticeTried{Err: &NotifyError{Retry: true, Err: errors.New("503")}, Next: w.now.Add(15 * time.Minute), At: w.now})
	}
}

// TestWhateverHappensTheCallEndsAndNothingHappensTwice walks until every outcome was reached:
// a booking is one walk in fifty.
func TestWhateverHappensTheCallEndsAndNothingHappensTwice(t *testing.T) {
	outcomes := map[Outcome]int{}
	for runs := 0; runs < 10 && (outcomes[Booked] == 0 || outcomes[NotBooked] == 0 || outcomes[Unconfirmed] == 0); runs++ {
		rapid.Check(t, func(t *rapid.T) { outcomes[walk(t)]++ })
	}
	if outcomes[Booked] == 0 || outcomes[NotBooked] == 0 || outcomes[Unconfirmed] == 0 {
		t.Errorf("the walks do not reach every outcome: %v", outcomes)
	}
}

// walk lets anything happen to a call, and returns how it ended.
func walk(t *rapid.T) Outcome {
	w := &world{t: t, rules: testRules(), call: newCall(), now: t0, dialed: map[int]int{}}
	w.rules.NoStreamIsFinal = w.coin("mock")
	w.rules.Notify = w.coin("notify")
	if w.coin("calling hours") {
		w.rules.Policy.Hours = CallingHours{Start: 8 * 60, End: 21 * 60}
	}
	actions := []func(){w.claim, w.dial, w.report, w.session, w.session, w.good, w.attend}
	if w.coin("somebody may stop it") {
		actions = append(actions, w.cancel)
	}
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		if w.coin("time passes") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
		}
		rapid.SampledFrom(actions).Draw(t, "action")()
	}
	w.settle()
	if w.call.Due != nil {
		t.Fatalf("the sweep never came to an end: due %v at %v, %s", w.call.Due, w.now, mustJSON(t, w.call))
	}
	if !w.call.Final() || w.call.Outcome == Pending {
		t.Fatalf("nothing is due and the call is not final: %s", mustJSON(t, w.call))
	}
	if w.rules.Notify && (w.call.Notice == nil || w.call.Notice.State == NoticePending) {
		t.Fatalf("the owner was never told nor given up on: %s", mustJSON(t, w.call))
	}
	return w.call.Outcome
}

// settle lets only time and the sweep act, every minute at the soonest.
func (w *world) settle() {
	for range 3000 {
		if w.call.Due == nil {
			return
		}
		w.now = maxTime(w.now.Add(time.Minute), *w.call.Due)
		w.attend()
	}
}
