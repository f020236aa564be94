package telephonytest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/freeport"
)

// createSaysAll: our URLs as they are (a vendor's own settings may stand in the
// fragment, which is not sent to us), ring time and length, the whole number, and no
// link for anybody.
func createSaysAll(r *rig) {
	d := dial(callee, 1)
	started := r.start(callee)
	requests, creates := r.wire.asked()
	if requests != 1 || len(creates) != 1 {
		r.Fatalf("one dial made %d requests, %d of them creates", requests, len(creates))
	}
	got := creates[0]
	for _, u := range []*string{&got.VoiceURL, &got.StatusURL, &got.MachineURL} {
		*u, _, _ = strings.Cut(*u, "#")
	}
	want := Create{To: d.To, VoiceURL: d.VoiceURL, StatusURL: d.StatusURL, MachineURL: d.MachineURL, RingTimeout: d.RingTimeout, MaxLength: d.MaxLength}
	if r.v.lacks(Machines) {
		want.MachineURL = ""
	}
	if got != want {
		r.Errorf("asked for %+v\nwant      %+v", got, want)
	}
	if started.Hint != "" || started.StreamURL != "" {
		r.Errorf("a carrier's call can be taken by nobody else, but a link was handed out: %+v", started)
	}
}

// startsAnyway: without a carrier nothing can be refused, and somebody is handed a link.
func startsAnyway(r *rig) {
	over, cancel := context.WithCancel(r.Context())
	cancel()
	ids := map[string]bool{}
	for n := 1; n <= 3; n++ {
		started, err := r.phone.StartCall(over, dial(callee, n))
		if err != nil || started.ProviderCallID == "" || started.Hint == "" || started.StreamURL == "" {
			r.Errorf("attempt %d: %+v, %v; want an id and both links", n, started, err)
		}
		ids[started.ProviderCallID] = true
	}
	if len(ids) != 3 {
		r.Errorf("three attempts have %d ids", len(ids))
	}
}

// fails places a call that must fail, and returns why.
func (r *rig) fails(ctx context.Context, phone call.Telephony) *call.DialError {
	r.Helper()
	_, err := phone.StartCall(ctx, dial(callee, 1))
	var d *call.DialError
	if !errors.As(err, &d) {
		r.Fatalf("StartCall: %v; want a *call.DialError", err)
	}
	if d.Words == "" || !strings.HasSuffix(d.Words, ".") {
		r.Errorf("the words %q are no plain sentence", d.Words)
	}
	r.discreet(err)
	return d
}

func dialErrors(r *rig) {
	for _, tc := range []struct {
		name  string
		fault fault
		kind  call.DialKind
	}{
		{"refused for good", refusedForGood, call.DialRefusedForGood},
		{"refused for now", refusedForNow, call.DialRefusedForNow},
		{"a proxy's 503", serverError, call.DialUnknown},
		{"a success nobody can read", garbled, call.DialUnknown},
		{"cut off", cutOff, call.DialUnknown},
	} {
		_, before := r.wire.asked()
		r.wire.let(tc.fault)
		d := r.fails(r.Context(), r.phone)
		if d.Kind != tc.kind {
			r.Errorf("%s: kind %d (%v), want %d", tc.name, d.Kind, d, tc.kind)
		}
		if tc.kind != call.DialUnknown && d.Code == "" {
			r.Errorf("%s: the vendor's code is lost", tc.name)
		}
		if _, after := r.wire.asked(); len(after)-len(before) != 1 {
			r.Errorf("%s: the vendor was asked %d times", tc.name, len(after)-len(before))
		}
	}
}

func notSent(r *rig) {
	port, err := freeport.Loopback(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	if d := r.fails(r.Context(), r.v.Open("http://127.0.0.1:"+port)); d.Kind != call.DialNotSent {
		r.Errorf("kind %d (%v), want not sent", d.Kind, d)
	}
}

// lostAnswer: the context ends while the vendor works, or before it was asked; the
// connection breaks, fresh or used before.
func lostAnswer(r *rig) {
	r.wire.let(hangs)
	ctx, cancel := context.WithTimeout(r.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	d := r.fails(ctx, r.phone)
	if took := time.Since(began); took > tooLong {
		r.Fatalf("a context of 500 ms ended the request after %v", took)
	}
	if d.Kind != call.DialUnknown || !errors.Is(d, context.DeadlineExceeded) {
		r.Errorf("time-out: kind %d, cause %v", d.Kind, d.Err)
	}

	_, before := r.wire.asked()
	over, cancelled := context.WithCancel(r.Context())
	cancelled()
	d = r.fails(over, r.phone)
	if _, after := r.wire.asked(); d.Kind != call.DialUnknown && (d.Kind != call.DialNotSent || len(after) != len(before)) {
		r.Errorf("context over: kind %d after %d requests", d.Kind, len(after)-len(before))
	}

	r.wire.let(fine)
	r.start(otherCallee) // leaves a connection that will be used again
	_, before = r.wire.asked()
	r.wire.let(cutOff)
	if d := r.fails(r.Context(), r.phone); d.Kind != call.DialUnknown {
		r.Errorf("cut off on a used connection: kind %d", d.Kind)
	}
	if _, after := r.wire.asked(); len(after)-len(before) != 1 {
		r.Errorf("cut off on a used connection: the vendor was asked %d times", len(after)-len(before))
	}
}

// retryAfter is given in seconds or as a date (RFC 9110 section 10.2.3), or wrongly.
func retryAfter(r *rig) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, tc := range []struct {
		header   string
		min, max time.Duration
	}{
		{"", 0, 0},
		{"7", 7 * time.Second, 7 * time.Second},
		{"0", 0, 0},
		{"-5", 0, 0},
		{"soon", 0, 0},
		{"99999999999999999999", 0, 0},
		{date(time.Minute), 0, time.Minute}, // a vendor that sends seconds need not read dates
		{date(-time.Minute), 0, 0},
	} {
		r.wire.let(refusedForNow)
		r.wire.retryAfter = tc.header
		if d := r.fails(r.Context(), r.phone); d.RetryAfter < tc.min || d.RetryAfter > tc.max {
			r.Errorf("Retry-After: %q became %v", tc.header, d.RetryAfter)
		}
	}
	r.wire.let(refusedForGood)
	if d := r.fails(r.Context(), r.phone); d.RetryAfter != 0 {
		r.Errorf("a refusal for good is to be repeated after %v", d.RetryAfter)
	}
}

// hostileAnswers: no client reads more than 1 MiB or follows a redirect (contract section 5).
func hostileAnswers(r *rig) {
	r.wire.let(endless)
	if d := r.fails(r.Context(), r.phone); d.Kind != call.DialUnknown {
		r.Errorf("endless answer: kind %d", d.Kind)
	}
	if n := r.wire.poured.Load(); n >= tooMuch {
		r.Errorf("%d bytes of an endless answer were read", n)
	}
	before, _ := r.wire.asked()
	r.wire.let(redirected)
	if d := r.fails(r.Context(), r.phone); d.Kind != call.DialUnknown {
		r.Errorf("redirect: kind %d", d.Kind)
	}
	if after, _ := r.wire.asked(); after-before != 1 {
		r.Errorf("a redirect was followed: %d requests", after-before)
	}
}
