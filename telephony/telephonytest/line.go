package telephonytest

import (
	"context"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func endCall(r *rig) {
	id := r.start(callee).ProviderCallID
	for n, what := range []string{"a ringing call", "a call that is down", "a call that is still down"} {
		if err := r.phone.EndCall(r.Context(), id); err != nil {
			r.Errorf("%d: ending %s: %v", n+1, what, err)
		}
	}
	if report, found, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: id}); err != nil || !found || !report.Status.Terminal() {
		r.Errorf("the line is still up: %+v %t %v", report, found, err)
	}
	if err := r.phone.EndCall(r.Context(), r.v.UnknownID); err != nil {
		r.Errorf("a call that the vendor does not know cannot be up, but: %v", err)
	}
	r.strangeIDs(func(id string) error { return r.phone.EndCall(r.Context(), id) })
}

// strangeIDs: what is no id of the vendor's never gets into a path of its API.
func (r *rig) strangeIDs(ask func(id string) error) {
	r.Helper()
	before, _ := r.wire.asked()
	for _, id := range []string{"mock-k3-1", "../../x", r.v.UnknownID + "/recordings", r.v.UnknownID + "?x=1", "\x00", " "} {
		if err := ask(id); err == nil {
			r.Errorf("the id %q was taken for the vendor's", id)
		}
	}
	if after, _ := r.wire.asked(); after != before {
		r.Errorf("the vendor was asked %d times about ids that are not its own", after-before)
	}
}

// endAnyway: without a carrier our side of the line is all there is.
func endAnyway(r *rig) {
	id := r.start(callee).ProviderCallID
	for range 2 {
		if err := r.phone.EndCall(r.Context(), id); err != nil {
			r.Error(err)
		}
	}
}

func endFaults(r *rig) {
	id := r.start(callee).ProviderCallID
	for _, f := range []fault{serverError, notFoundPage, cutOff, redirected} {
		r.wire.let(f)
		err := r.phone.EndCall(r.Context(), id)
		if err == nil {
			r.Errorf("fault %d was taken for a line that is down", f)
		}
		r.discreet(err)
	}
	r.hangsNoLonger(func(ctx context.Context) error { return r.phone.EndCall(ctx, id) })
}

// hangsNoLonger: the context bounds a request.
func (r *rig) hangsNoLonger(ask func(context.Context) error) {
	r.Helper()
	r.wire.let(hangs)
	ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := ask(ctx); err == nil {
		r.Error("no answer was taken for one")
	}
	if took := time.Since(began); took > tooLong {
		r.Errorf("a context of 50 ms ended the request after %v", took)
	}
}

func lookUp(r *rig) {
	id, other := r.start(callee).ProviderCallID, r.start(otherCallee).ProviderCallID
	if id == other {
		r.Fatalf("two calls have one id %q", id)
	}
	report, found, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: id})
	if err != nil || !found || report.ProviderCallID != id || report.Foreign || report.Sequence != -1 || report.Machine {
		r.Errorf("%+v %t %v", report, found, err)
	}
	if s := report.Status; s != call.Dialing && s != call.Ringing {
		r.Errorf("a call that was just placed is %q", s)
	}
	if _, found, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: r.v.UnknownID}); found || err != nil {
		r.Errorf("an unknown call: %t %v, want not found", found, err)
	}
	r.strangeIDs(func(id string) error {
		_, _, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: id})
		return err
	})
}

// ourRecordDecides: nobody but us knows what became of a call without a carrier. To say
// that it is over, or not there, would end it.
func ourRecordDecides(r *rig) {
	id := r.start(callee).ProviderCallID
	report, found, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: id, To: callee})
	if err != nil || !found || report.Status.Terminal() || report.Status == "" || report.ProviderCallID != id || report.Sequence != -1 {
		r.Errorf("%+v %t %v, want a call that goes on", report, found, err)
	}
}

func lookUpFaults(r *rig) {
	id := r.start(callee).ProviderCallID
	questions := []call.LookUp{{ProviderCallID: id}}
	if !r.v.lacks(Search) {
		questions = append(questions, call.LookUp{To: callee, DialledAfter: time.Now().Add(-time.Minute)})
	}
	for _, q := range questions {
		for _, f := range []fault{serverError, notFoundPage, garbled, endless, cutOff, redirected} {
			r.wire.let(f)
			_, found, err := r.phone.LookUp(r.Context(), q)
			if err == nil || found {
				r.Errorf("fault %d, by id %t: found %t, %v; want an error", f, q.ProviderCallID != "", found, err)
			}
			r.discreet(err)
		}
		r.hangsNoLonger(func(ctx context.Context) error {
			_, _, err := r.phone.LookUp(ctx, q)
			return err
		})
	}
}

// search: a create was carried out and its answer was lost. Earlier attempts to the
// same number are excluded, other numbers and older calls do not count.
func search(r *rig) {
	began := time.Now()
	first := r.start(callee).ProviderCallID
	r.start(otherCallee)
	r.wire.let(cutOff)
	_ = r.fails(r.Context(), r.phone)
	r.wire.let(fine)
	ask := func(to string, after time.Time, exclude ...string) string {
		report, found, err := r.phone.LookUp(r.Context(), call.LookUp{To: to, DialledAfter: after, Exclude: exclude})
		if err != nil || found != (report.ProviderCallID != "") || report.Foreign {
			r.Errorf("%+v %t %v", report, found, err)
		}
		return report.ProviderCallID
	}
	lost := ask(callee, began, first)
	if lost == "" || lost == first {
		r.Fatalf("the lost call is %q, want one that is not %q", lost, first)
	}
	if id := ask(callee, began, lost); id != first {
		r.Errorf("without the lost call %q is left, want %q", id, first)
	}
	for what, id := range map[string]string{
		"after all are excluded":                ask(callee, began, first, lost),
		"after the last of them":                ask(callee, began.Add(time.Hour)),
		"to a number never called":              ask("+14155550199", began),
		"to a part of a number":                 ask(callee[:len(callee)-1], began),
		"with an id excluded that is not there": ask("+14155550199", began, r.v.UnknownID, first),
	} {
		if id != "" {
			r.Errorf("%s there is %q, want nothing", what, id)
		}
	}
}

// searchIsAnError: who cannot search does not know that there is no such call.
func searchIsAnError(r *rig) {
	r.start(callee)
	if _, found, err := r.phone.LookUp(r.Context(), call.LookUp{To: callee, DialledAfter: time.Now().Add(-time.Minute)}); found || err == nil {
		r.Errorf("found %t, %v; want an error", found, err)
	}
}
