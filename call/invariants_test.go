package call

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// step applies one event and checks everything that holds for every step.
func step(t rapid.TB, r Rules, c Call, e Event) (Call, bool) {
	t.Helper()
	before := mustJSON(t, c)
	next, changed := quickStep(t, r, c, e)
	if after := mustJSON(t, c); after != before {
		t.Fatalf("%T changed its input:\n%s\n%s", e, before, after)
	}
	return next, changed
}

// quickStep leaves it to the caller to see that the input stayed what it was.
func quickStep(t rapid.TB, r Rules, c Call, e Event) (Call, bool) {
	t.Helper()
	next, changed := r.Next(c, e)
	if !changed {
		if !reflect.DeepEqual(next, c) {
			t.Fatalf("%T says that it changed nothing, and did", e)
		}
		return next, false
	}
	checkStep(t, c, next, e)
	checkCall(t, r, next, e)
	if again, twice := r.Next(next, e); twice && !countsEveryTry(e) {
		t.Fatalf("%T changed something when it came twice; due %v and %v", e, next.Due, again.Due)
	}
	return next, true
}

// countsEveryTry: only a posted notice is counted each time; it is ours and is never reported twice.
func countsEveryTry(e Event) bool { _, ok := e.(NoticeTried); return ok }

// checkStep: what no event may do.
func checkStep(t rapid.TB, a, b Call, e Event) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%T %s:\n%s\n%s", e, what, mustJSON(t, a), mustJSON(t, b))
	}
	if b.UpdatedAt.Before(a.UpdatedAt) {
		fail("turned the clock back")
	}
	if a.Outcome != b.Outcome && a.Outcome != Pending && (a.Outcome != Booked || b.Outcome != Unconfirmed) {
		fail("turned the outcome")
	}
	if a.Event != nil && (b.Event == nil || b.Event.EventID != a.Event.EventID || b.Event.Key != a.Event.Key) {
		fail("lost the event")
	}
	if a.Final() && (!b.Final() || a.Status != b.Status || a.Outcome != b.Outcome || !a.CompletedAt.Equal(*b.CompletedAt) || len(a.Attempts) != len(b.Attempts)) {
		fail("changed a final call")
	}
	if a.Outcome != Pending && len(b.Attempts) > len(a.Attempts) {
		fail("made an attempt of a decided call")
	}
	if len(b.Attempts) > len(a.Attempts)+1 {
		fail("made two attempts")
	}
	if a.CancelRequestedAt != nil && (b.CancelRequestedAt == nil || !b.CancelRequestedAt.Equal(*a.CancelRequestedAt)) {
		fail("forgot that the call is to be stopped")
	}
	if a.CancelRequestedAt != nil && len(b.Attempts) > len(a.Attempts) {
		fail("made an attempt of a call that is to be stopped")
	}
	if was, is := a.StepsAfter(0), b.StepsAfter(0); len(is) < len(was) || len(is) > len(was)+5 {
		fail("lost a step")
	} else {
		for i := range was {
			if was[i].ID != is[i].ID || was[i].Event != is[i].Event || !was[i].At.Equal(is[i].At) || was[i].Attempt != is[i].Attempt {
				fail("renumbered a step")
			}
		}
	}
	for i, was := range a.Attempts {
		if i >= len(b.Attempts) {
			if was.IntendedAt != nil {
				fail("forgot an attempt that may have been dialled")
			}
			continue
		}
		checkAttempt(fail, was, b.Attempts[i])
	}
}

func checkAttempt(fail func(string), was, is Attempt) {
	if was.Status.Terminal() && (is.Status != was.Status || is.EndReason != was.EndReason || !is.EndedAt.Equal(*was.EndedAt) || is.FarewellPlayed != was.FarewellPlayed) {
		fail("left an attempt's terminal status")
	}
	if was.Live() && is.Live() && is.Status.rank() < was.Status.rank() {
		fail("moved an attempt's status back")
	}
	if was.IntendedAt != nil && (is.IntendedAt == nil || !is.IntendedAt.Equal(*was.IntendedAt) || !is.StreamExpiry.Equal(*was.StreamExpiry) || is.ClaimID != was.ClaimID) {
		fail("intended an attempt twice")
	}
	if was.ProviderCallID != "" && is.ProviderCallID != was.ProviderCallID {
		fail("bound an attempt twice")
	}
	if was.StreamID != "" && is.StreamID != was.StreamID {
		fail("opened a stream twice")
	}
	if was.Measures != nil && is.Measures == nil || is.Measures != nil && is.StreamID == "" {
		fail("measured what is no session, or forgot a measure")
	}
	if was.PhoneMinutes != 0 && is.PhoneMinutes != was.PhoneMinutes {
		fail("billed a phone call twice")
	}
}

// checkCall: what holds of every call, whatever happened.
func checkCall(t rapid.TB, r Rules, c Call, e Event) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Fatalf("after %T %s:\n%s", e, what, mustJSON(t, c))
	}
	last := c.Last()
	live := last != nil && last.Live()
	awaited := c.Booking != nil && c.Outcome == Pending || live && last.Unknown
	if c.Final() == (live || c.NextAttemptAt != nil || awaited) {
		fail("final must mean: nothing live, due or unknown")
	}
	if c.Final() != c.Status.Terminal() || c.Final() && c.Outcome == Pending || !c.Final() && c.Outcome == NotBooked {
		fail("status, outcome and finality disagree")
	}
	if !c.Final() && c.Due == nil {
		fail("something still has to happen, and nothing is due")
	}
	if c.NextAttemptAt != nil && (c.Outcome != Pending || c.Booking != nil || c.Status != Queued || len(c.Attempts) >= c.MaxAttempts || !c.NextAttemptAt.Before(c.Request.WindowEnd)) {
		fail("an attempt is due that must not be made")
	}
	if (c.Event != nil) != (c.Outcome == Booked || c.Outcome == Unconfirmed && c.Booking == nil) || c.Event != nil && c.Event.EventID == "" {
		fail("outcome and event disagree")
	}
	if (c.Notice != nil) != (c.Final() && r.Notify) {
		fail("a final call has a notice, and no other has")
	}
	if n := c.Notice; n != nil && (n.State == NoticePending) == (n.NextTryAt == nil) {
		fail("a notice is due exactly while it is pending")
	}
	for i, a := range c.Attempts {
		if a.Number != i+1 || a.Live() && i+1 != len(c.Attempts) || a.Live() == (a.EndedAt != nil) || !a.Live() && (a.EndReason == "" || a.Unknown) {
			fail("the attempts are in disorder")
		}
	}
	checkSteps(fail, c)
	checkDocument(t, c)
}

// checkSteps: each stage comes once for an attempt, the end exactly at the end.
func checkSteps(fail func(string), c Call) {
	type key struct {
		stage   Stage
		attempt int
	}
	seen := map[key]bool{}
	steps := c.StepsAfter(0)
	for i, s := range steps {
		k := key{s.Event, s.Attempt}
		if seen[k] || s.ID != i+1 || (s.Event == StageEnded) != (c.Final() && i == len(steps)-1) || (s.Event == StageQueued) != (i == 0) {
			fail("the steps are in disorder: " + string(s.Event))
		}
		seen[k] = true
	}
	if booked := seen[key{StageBooked, len(c.Attempts)}]; c.Outcome == Booked && !booked {
		fail("booked, and no step says so")
	}
}

// checkDocument: the status document of contract section 1 says what the record says.
func checkDocument(t rapid.TB, c Call) {
	t.Helper()
	var d struct {
		Status        Status
		Outcome       Outcome
		Attempt       int
		NextAttemptAt *time.Time
		CompletedAt   *time.Time
		Attempts      []struct {
			Status  Status
			EndedAt *time.Time
		}
		Event  *struct{ EventID string }
		Report *struct{ Untrusted bool }
	}
	if err := json.Unmarshal([]byte(mustJSON(t, c.Document())), &d); err != nil {
		t.Fatal(err)
	}
	final := slices.Contains([]Status{Completed, Busy, NoAnswer, Failed, Canceled}, d.Status)
	for _, a := range d.Attempts {
		if final && a.EndedAt == nil {
			t.Fatalf("a final document with a live attempt: %+v", d)
		}
	}
	if d.Attempts == nil || d.Attempt != len(d.Attempts) || final != (d.CompletedAt != nil) || final && (d.NextAttemptAt != nil || d.Outcome == Pending) ||
		d.Outcome == Booked && d.Event == nil || d.Report != nil && !d.Report.Untrusted {
		t.Fatalf("the document contradicts itself: %+v", d)
	}
}

func mustJSON(t rapid.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
