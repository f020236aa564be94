// Package telephonytest is the one contract suite that every call.Telephony must pass.
//
// It owns what call.Telephony promises, as tests, and the faults of the network between
// a provider and its vendor. It knows no vendor: the tests of each provider hand in a
// fake of theirs as a [Vendor]. What a provider does not have is stated in Vendor.Lacks
// and held to the opposite; nothing is skipped in silence. It is imported by tests alone.
package telephonytest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Vendor is a fake of one provider's vendor and the provider that is tested over it.
type Vendor struct {
	// Name is the value of telephony.provider that selects the provider.
	Name string
	// Open makes the provider, set up for the account of the fake, whose API is at base.
	// Base is empty where Lacks has Carrier. It is called more than once.
	Open func(base string) call.Telephony
	// Secrets are what no error may hold: keys, account, our own number.
	Secrets []string

	// Fake is the vendor's API. A call it accepts keeps ringing until it is ended.
	Fake http.Handler
	// ReadCreate says whether a request asks for a call to be placed, and with what. The
	// body may be read.
	ReadCreate func(r *http.Request) (Create, bool)
	// RefuseForGood and RefuseForNow answer a create request as the vendor does who will
	// never place that call, or has too much to do now. Where the answer is to carry one,
	// RefuseForNow finds Retry-After in the header of w.
	RefuseForGood, RefuseForNow http.HandlerFunc
	// UnknownID looks like an id of the vendor's and is none.
	UnknownID string

	// Sign signs a webhook to us as the vendor would that was given signedURL; Forge does
	// as one would who has the vendor's documentation and not the key.
	Sign, Forge func(r *http.Request, signedURL string, body []byte)
	// Form writes a webhook's fields.
	Form func(Callback) url.Values
	// Statuses are the vendor's words for ours. Every one of ours but queued must have at
	// least one, or stand in Lacks as Of(status).
	Statuses map[string]call.Status
	// Verdicts are the vendor's words for who answered, and whether that is a machine.
	Verdicts map[string]bool

	// Lacks says why the provider does not have a capability.
	Lacks map[Capability]string
}

// Capability is something that not every provider has.
type Capability string

// Capabilities that may be lacking.
const (
	// Carrier: a vendor who is asked to place, end and look up calls.
	Carrier Capability = "a carrier"
	// Search: calls can be found by number, for a create whose answer was lost.
	Search Capability = "a search by number"
	// Webhooks: the vendor posts signed forms. Without, so are the following.
	Webhooks Capability = "webhooks"
	// Machines: answering machines are detected.
	Machines Capability = "machine detection"
	// Sequences: the vendor numbers a call's callbacks.
	Sequences Capability = "sequence numbers"
	// Accounts: webhooks name the account whose call it is.
	Accounts Capability = "accounts"
)

// Of is the capability of telling of a status.
func Of(s call.Status) Capability { return Capability("the status " + s) }

// Create is a request to place a call, as the vendor reads it.
type Create struct {
	To                              string
	VoiceURL, StatusURL, MachineURL string
	RingTimeout, MaxLength          time.Duration
}

// Callback is what a webhook says.
type Callback struct {
	ProviderCallID, To string
	// Status and Verdict are the vendor's words; empty where the webhook has none.
	Status, Verdict string
	// Sequence is -1 where the webhook has none.
	Sequence int
	// Foreign: of a call of somebody else's account.
	Foreign bool
}

// lacks says whether the provider is without a capability.
func (v Vendor) lacks(c Capability) bool {
	_, ok := v.Lacks[c]
	return ok
}

// part is one promise; needs is the capability it is about, if any, and without is the
// promise of a provider that lacks it.
type part struct {
	name          string
	needs         Capability
	test, without func(*rig)
}

var parts = []part{
	{"its name selects it", "", name, nil},
	{"its routes leave ours alone", "", routes, nil},

	{"a create asks once, for exactly the call that was wanted", Carrier, createSaysAll, startsAnyway},
	{"what an error of a create means for the attempt", Carrier, dialErrors, nil},
	{"a vendor who cannot be reached got nothing", Carrier, notSent, nil},
	{"a lost answer is never asked for again", Carrier, lostAnswer, nil},
	{"a refusal for now says how long", Carrier, retryAfter, nil},
	{"an endless answer and a redirect are not followed", Carrier, hostileAnswers, nil},

	{"the line is put down, and once is enough", Carrier, endCall, endAnyway},
	{"a line that was not put down is an error", Carrier, endFaults, nil},
	{"a call is looked up by its id", Carrier, lookUp, ourRecordDecides},
	{"not found is the vendor's word, never a fault's", Carrier, lookUpFaults, nil},
	{"a call whose id was lost is found by number", Search, search, searchIsAnError},

	{"a genuine webhook is accepted, as often as it comes", Webhooks, genuine, refusesAll},
	{"a forged webhook is refused", Webhooks, forged, nil},
	{"a webhook counts only where and as it was signed", Webhooks, tampered, nil},
	{"Host and forwarded headers do not count", Webhooks, hostsDoNotCount, nil},
	{"every status is mapped", Webhooks, statuses, mapsNothing},
	{"callbacks keep their order", Sequences, sequences, noSequences},
	{"a machine is told from a human", Machines, machines, noMachines},
	{"calls of other accounts are foreign", Accounts, foreign, noAccounts},
	{"garbage is no report", Webhooks, garbage, nil},
	{"an answered call is told what to do", Webhooks, voice, nil},

	{"all at the same time", Carrier, together, togetherWithout},
}

// ofWebhooks cannot be had without webhooks.
var ofWebhooks = map[Capability]bool{Machines: true, Sequences: true, Accounts: true}

// run holds rig's provider against the part.
func (p part) run(r *rig) {
	switch {
	case p.needs == Search && r.v.lacks(Carrier), ofWebhooks[p.needs] && r.v.lacks(Webhooks):
		return // the lack of the greater was tested
	case p.needs == "" || !r.v.lacks(p.needs):
		p.test(r)
	case p.without != nil:
		p.without(r)
	}
}

// Run holds a provider against the contract; each part gets a fresh vendor from open.
func Run(t *testing.T, open func(t testing.TB) Vendor) {
	v := open(t)
	v.complete(t)
	for c, why := range v.Lacks {
		t.Logf("%s has not %s: %s", v.Name, c, why)
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.run(newRig(t, open(t))) })
	}
}

// complete fails the test where a hook is missing and its lack is not stated, or both.
func (v Vendor) complete(t testing.TB) {
	t.Helper()
	either := func(c Capability, hooks ...bool) {
		for _, has := range hooks {
			if has == v.lacks(c) {
				t.Fatalf("%s: set every hook of %q, or say in Lacks why the provider is without, but not both", v.Name, c)
			}
		}
	}
	either(Carrier, v.Fake != nil, v.ReadCreate != nil, v.RefuseForGood != nil, v.RefuseForNow != nil)
	either(Webhooks, v.Sign != nil, v.Forge != nil, v.Form != nil, v.Statuses != nil)
	if (v.UnknownID == "") != (v.lacks(Carrier) && v.lacks(Webhooks)) {
		t.Fatalf("%s: UnknownID is what calls are named by, to the vendor and in its webhooks", v.Name)
	}
	if !v.lacks(Webhooks) {
		either(Machines, len(v.Verdicts) > 0)
		told := map[call.Status]bool{}
		for _, s := range v.Statuses {
			told[s] = true
		}
		for _, s := range mapped {
			either(Of(s), told[s])
		}
	}
	for c, why := range v.Lacks {
		if len(why) < len("it has none") {
			t.Fatalf("%s: Lacks[%q] must say why", v.Name, c)
		}
	}
}

// mapped are the statuses that a vendor can tell of.
var mapped = []call.Status{
	call.Dialing, call.Ringing, call.InProgress, call.Completed, call.Busy, call.NoAnswer, call.Failed, call.Canceled,
}
