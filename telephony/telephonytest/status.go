package telephonytest

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// id is one that the vendor may have given.
func (v Vendor) id() string { return v.UnknownID }

// word is the vendor's for one of our statuses, or for the next that it has.
func (v Vendor) word(s call.Status) string {
	words := make([]string, 0, len(v.Statuses))
	for word, status := range v.Statuses {
		if status == s {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words[0]
}

// report maps a callback, which must succeed.
func (r *rig) report(c Callback) call.ProviderReport {
	r.Helper()
	report, err := r.phone.MapStatus(r.v.Form(c))
	if err != nil {
		r.Errorf("%+v: %v", c, err)
	}
	r.sound(report)
	return report
}

// sound fails the test if a report says what none may.
func (r *rig) sound(p call.ProviderReport) {
	r.Helper()
	const longest = 500
	switch {
	case p.ProviderCallID == "":
		r.Error("a report names no call")
	case p.Sequence < -1:
		r.Errorf("a report has sequence %d", p.Sequence)
	case p.Status != "" && !slices.Contains(mapped, p.Status):
		r.Errorf("a report has the status %q", p.Status)
	case len([]rune(p.Words)) > longest || strings.ContainsAny(p.Words, "\r\n\x00"):
		r.Errorf("a report's words are not one line of %d: %q", longest, p.Words)
	case strings.Contains(p.Words, callee[2:]):
		r.Errorf("a report's words hold the callee's number: %q", p.Words)
	}
}

func statuses(r *rig) {
	for word, want := range r.v.Statuses {
		got := r.report(Callback{ProviderCallID: r.v.id(), To: callee, Status: word, Sequence: -1})
		if got.Status != want || got.ProviderCallID != r.v.id() || got.Machine || got.Foreign || got.Sequence != -1 {
			r.Errorf("%q became %+v, want %q", word, got, want)
		}
		if !want.Terminal() && got.Words != "" {
			r.Errorf("%q explains a failure: %q", word, got.Words)
		}
	}
	for _, word := range []string{"asleep", "Completed ", strings.Repeat("x", 5000)} {
		got, err := r.phone.MapStatus(r.v.Form(Callback{ProviderCallID: r.v.id(), To: callee, Status: word, Sequence: -1}))
		if err == nil && got.Status != "" {
			r.Errorf("the unknown status of %d characters became %q", len(word), got.Status)
		}
		r.discreet(err)
	}
}

func mapsNothing(r *rig) {
	for _, form := range []url.Values{nil, {}, {"CallStatus": {"completed"}, "CallSid": {"x"}}} {
		if got, err := r.phone.MapStatus(form); err == nil {
			r.Errorf("without webhooks %v became %+v", form, got)
		}
	}
}

func sequences(r *rig) {
	for _, n := range []int{-1, 0, 1, 7, 1 << 20} {
		c := Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.Ringing), Sequence: n}
		if got := r.report(c); got.Sequence != n {
			r.Errorf("sequence %d became %d", n, got.Sequence)
		}
	}
}

func noSequences(r *rig) {
	if got := r.report(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.Ringing), Sequence: 3}); got.Sequence != -1 {
		r.Errorf("a vendor that numbers nothing said %d", got.Sequence)
	}
}

// machines: a verdict is not a status. One that is not known hangs up on nobody.
func machines(r *rig) {
	for word, machine := range r.v.Verdicts {
		got := r.report(Callback{ProviderCallID: r.v.id(), To: callee, Verdict: word, Sequence: -1})
		if got.Machine != machine || got.Status != "" || got.ProviderCallID != r.v.id() {
			r.Errorf("the verdict %q became %+v, want machine %t", word, got, machine)
		}
	}
	for _, word := range []string{"", "perhaps", "not_a_machine", "Human", strings.Repeat("x", 5000)} {
		got, err := r.phone.MapStatus(r.v.Form(Callback{ProviderCallID: r.v.id(), To: callee, Verdict: word, Sequence: -1}))
		if err == nil && (got.Machine || got.Status != "") {
			r.Errorf("the unknown verdict %.20q became %+v", word, got)
		}
	}
}

func noMachines(r *rig) {
	for _, word := range []string{"machine", "machine_start", "fax", "yes"} {
		got, err := r.phone.MapStatus(r.v.Form(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.InProgress), Verdict: word, Sequence: -1}))
		if err == nil && got.Machine {
			r.Errorf("a vendor that detects nothing took %q for a machine", word)
		}
	}
}

func foreign(r *rig) {
	for _, theirs := range []bool{true, false} {
		got := r.report(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.Completed), Sequence: -1, Foreign: theirs})
		if got.Foreign != theirs {
			r.Errorf("foreign %t became %t", theirs, got.Foreign)
		}
	}
}

func noAccounts(r *rig) {
	if got := r.report(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.Completed), Sequence: -1, Foreign: true}); got.Foreign {
		r.Error("a vendor that names no account told of a foreign one")
	}
}

// garbage: MapStatus is total. Forms are made of what a vendor sends and what nobody does.
func garbage(r *rig) {
	for _, form := range []url.Values{nil, {}, {"": {""}}, {"a": nil}} {
		if got, err := r.phone.MapStatus(form); err == nil {
			r.Errorf("%v became %+v", form, got)
		}
	}
	values := []string{
		"", " ", "0", "-1", "1e9", "99999999999999999999", "NaN", "\x00", "\xff\xfe", "a\r\nb", "../../x", "<Response/>", callee,
		"calling " + callee + "\nfailed", strings.Repeat("A", 70_000), "🙂", "human", "completed", r.v.id(), r.v.id() + "\n",
	}
	const rounds = 3000
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same garbage every time
	for range rounds {
		form := r.v.Form(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(call.Failed), Sequence: random.IntN(9) - 1})
		for name := range form {
			switch random.IntN(6) {
			case 0:
				form.Del(name)
			case 1:
				form[name] = nil
			case 2:
				form.Set(name, values[random.IntN(len(values))])
			case 3:
				form[name] = []string{values[random.IntN(len(values))], form.Get(name)}
			}
		}
		got, err := r.phone.MapStatus(form)
		if err != nil {
			r.discreet(err)
			continue
		}
		r.sound(got)
		if r.Failed() {
			r.Fatalf("after the form %.300q", form)
		}
	}
}
