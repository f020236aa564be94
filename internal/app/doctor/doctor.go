// Package doctor examines a configuration and the world around it for somebody who wants
// to go live: what is missing, what does not answer, what a proxy or a provider's console
// gets wrong, each with its mend.
//
// It owns the list of checks and their words. It changes nothing, places no call, creates
// no event, sends no notice, and shows no secret and no full phone number; it may run
// beside a live server. What a check needs of an adapter, the adapter offers as a probe:
// the doctor only composes.
package doctor

import (
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
)

// State is what a check came to.
type State string

// The states. Only Failed keeps one from going live.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Check is one line of the report.
type Check struct {
	Name    string `json:"name"`
	State   State  `json:"state"`
	Finding string `json:"finding"`
	// Mend is what to type or where to click; it may have several lines. "" where State is OK.
	Mend string `json:"mend,omitempty"`
}

// Report is what the doctor found. OK says that nothing failed.
type Report struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Options are what the doctor examines.
type Options struct {
	// Config is nil where it could not even be read.
	Config *config.Config
	// Faults keep the server from starting with Config; Warnings do not.
	Faults   config.Faults
	Warnings []string
	// Source is where Config was read, as a person calls it.
	Source string
	// Hash is that of the document that several planes share, and Table asks the table that
	// they share whether it answers; both only for a media host whose control plane is elsewhere.
	Hash  string
	Table func(context.Context) error
	// GatewayToken opens the assistant's gateway; "" leaves its plugin unexamined.
	GatewayToken string
	// Roots are the trusted authorities; nil means the system's.
	Roots *x509.CertPool
	// Now is nil for the wall clock.
	Now func() time.Time
}

// Bounds of the examination.
const (
	checkLimit = 5 * time.Second
	totalLimit = 15 * time.Second
	// maxAnswer is as much as is read of any answer (contract section 5).
	maxAnswer = 1 << 20
)

// test is one row of the examination.
type test struct {
	name string
	// needs are the keys without which it cannot be done: while one of them is at fault, it waits.
	needs []string
	// twilio: it concerns Twilio alone.
	twilio bool
	// online: it is pointless unless our own server answers at its public address.
	online bool
	do     func(context.Context, *patient) Check
}

// patient is what the checks of one examination share.
type patient struct {
	Options
	config *config.Config
	client *http.Client
	// answered is closed when the public address has been examined; online says how it went.
	answered chan struct{}
	online   reach
}

// Run examines. It takes 15 s at most, and waits for everything it started. The checks
// are in a fixed order.
func Run(ctx context.Context, o Options) Report {
	ctx, cancel := context.WithTimeout(ctx, totalLimit)
	defer cancel()
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &patient{Options: o, config: o.Config, client: newClient(o.Roots), answered: make(chan struct{})}
	tests := examination(o)
	checks := make([]Check, len(tests))
	var all sync.WaitGroup
	for i, t := range tests {
		all.Go(func() {
			checks[i] = p.examine(ctx, t)
			checks[i].Name = t.name
		})
	}
	all.Wait()
	hide := newHider(o.Config)
	report := Report{OK: true, Checks: checks}
	for i := range checks {
		c := &checks[i]
		c.Finding, c.Mend = hide.line(c.Finding), hide.lines(c.Mend)
		report.OK = report.OK && c.State != Failed
	}
	return report
}

// examination is the table of checks, in the order of the report.
func examination(o Options) []test {
	const base = "server.publicBaseUrl"
	kept := test{name: "data folder", do: checkData}
	if o.Table != nil {
		kept = test{name: "call table", do: checkTable}
	}
	tests := []test{
		{name: "configuration", do: checkConfiguration},
		{name: "tool tokens", needs: []string{"tools.tokens"}, do: checkTokens},
		{name: "policy", do: checkPolicy},
		kept,
		{name: "time zones", needs: []string{"defaults.timezone"}, do: checkZones},
		{name: "clock", do: checkClock},
		{name: nameAddress, needs: []string{base}, do: checkAddress},
		{name: "certificate", needs: []string{base}, do: checkCertificate},
		{name: "server", needs: []string{base}, online: true, do: checkServer},
		{name: "signed webhooks", needs: []string{base, "twilio.authToken", "twilio.accountSid"}, twilio: true, online: true, do: checkWebhooks},
	}
	tests = append(tests, streamTests(o.Config)...)
	if o.Hash != "" {
		tests = append(tests, test{name: "one configuration", needs: []string{"stream.hosts"}, do: checkPlanes})
	}
	return append(
		tests,
		test{name: "model", needs: []string{"openai.apiKey", "openai.baseUrl", "openai.model"}, do: checkModel},
		test{name: "calendar", needs: []string{"calendar.baseUrl", "calendar.token"}, do: checkCalendar},
		test{name: "notification hook", needs: []string{"notify.hooksUrl", "notify.hooksToken"}, do: checkHook},
		test{name: "assistant's plugin", needs: []string{"notify.hooksUrl"}, do: checkPlugin},
		test{name: nameAccount, needs: []string{"twilio.accountSid", "twilio.authToken", "twilio.baseUrl"}, do: checkAccount},
		test{name: "Twilio number", needs: []string{"twilio.accountSid", "twilio.authToken", "twilio.baseUrl", "twilio.fromNumber"}, twilio: true, do: checkNumber},
	)
}

// Names that other checks refer to.
const (
	nameAddress = "public address"
	nameStream  = "media stream"
	nameAccount = "Twilio account"
)

// examine does one check, or says why it cannot be done.
func (p *patient) examine(ctx context.Context, t test) Check {
	if t.name == nameAddress {
		defer close(p.answered)
	}
	if p.config == nil && t.name != "configuration" {
		return skipped("the configuration could not be read", "")
	}
	for _, key := range t.needs {
		if p.faulty(key) {
			return skipped("waits for "+key, "see configuration")
		}
	}
	if t.twilio && p.mock() {
		return skipped("telephony.provider is mock", "see "+nameAccount)
	}
	if p.config != nil && p.config.Remote() && p.config.Server.PublicBaseURL == "" && slices.Contains(t.needs, "server.publicBaseUrl") && !strings.HasPrefix(t.name, nameStream) {
		return skipped("control_plane names no address", "write control_plane https://<the API> to have the functions examined, too")
	}
	if t.online {
		<-p.answered
		if !p.online.ours {
			return skipped("our server does not answer at its public address", "see "+nameAddress)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	return t.do(ctx, p)
}

func (p *patient) mock() bool { return p.config.Telephony.Provider == config.ProviderMock }

func (p *patient) faulty(key string) bool {
	for _, f := range p.Faults {
		if f.Key == key {
			return true
		}
	}
	return false
}

func fine(finding string) Check          { return Check{State: OK, Finding: finding} }
func warning(finding, mend string) Check { return Check{State: Warning, Finding: finding, Mend: mend} }

func failed(finding, mend string) Check { return Check{State: Failed, Finding: finding, Mend: mend} }

func skipped(finding, mend string) Check { return Check{State: Skipped, Finding: finding, Mend: mend} }
