// Package twilio makes phone calls through Twilio Programmable Voice: it creates,
// ends and looks up calls over REST, renders TwiML, maps Twilio's webhooks to the
// domain's words and checks their signatures. It implements [call.Telephony].
//
// It owns the translation between Twilio's vocabulary and ours, error codes included.
// It never decides what becomes of a call, never repeats a request by itself, and
// never puts a phone number, a credential or Twilio's own error text into an error.
//
// The REST calls go through twilio-go; of it only the packages that are needed are
// imported, since its root package costs minutes of build.
package twilio

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Name is the value of telephony.provider that selects this package.
const Name = "twilio"

// Options are what a Provider needs to know.
type Options struct {
	// AccountSID is the account that places the calls; webhooks of another one are foreign.
	AccountSID string
	// AuthTokens are the account's tokens: the first signs our REST requests, and
	// webhooks may be signed with any of them (rotation).
	AuthTokens []string
	// FromNumber is the number we call from, in E.164.
	FromNumber string
	// BaseURL replaces scheme, host and path prefix of Twilio's REST API; empty for Twilio's own.
	BaseURL string
	// Transport carries the REST requests; nil for one with a bounded dial.
	Transport http.RoundTripper
	// AcceptUnsigned leaves webhooks unchecked (twilio.validateSignature false): only for
	// a loopback BaseURL, anything else is refused by New.
	AcceptUnsigned bool
}

// Provider is call.Telephony over Twilio. All methods may be called concurrently.
type Provider struct {
	accountSID     string
	authTokens     []string
	from           string
	base           *url.URL
	transport      http.RoundTripper
	acceptUnsigned bool
}

// apiURL is where Twilio's REST API lives. TWILIO_EDGE and TWILIO_REGION do not change it.
const apiURL = "https://api.twilio.com"

// isAlphanumeric: that is what Twilio's credentials are made of; twilio-go refuses others (21222, 21224).
func isAlphanumeric(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// New checks the options and names every fault at once. It does not speak to Twilio.
func New(o Options) (*Provider, error) {
	base, err := baseURL(o.BaseURL)
	faults := []error{err}
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	fault(!isAlphanumeric(o.AccountSID), "twilio.accountSid must be the account's SID, AC and 32 letters or digits; copy it from the Twilio console")
	fault(len(o.AuthTokens) == 0, "twilio.authToken is missing; copy it from the Twilio console")
	for _, t := range o.AuthTokens {
		fault(!isAlphanumeric(t), "twilio.authToken must be letters and digits only; copy it from the Twilio console")
	}
	fault(!strings.HasPrefix(o.FromNumber, "+"), "twilio.fromNumber must be a number of the account in E.164, such as +14155550100")
	fault(o.AcceptUnsigned && base != nil && !loopback(base), "twilio.validateSignature may be false only with a loopback twilio.baseUrl; set it to true")
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	p := &Provider{
		accountSID: o.AccountSID, authTokens: o.AuthTokens, from: o.FromNumber,
		base: base, transport: o.Transport, acceptUnsigned: o.AcceptUnsigned,
	}
	if p.transport == nil {
		p.transport = defaultTransport()
	}
	return p, nil
}

func baseURL(s string) (*url.URL, error) {
	if s == "" {
		s = apiURL
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("twilio.baseUrl must be a scheme and a host, such as " + apiURL)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u)) {
		return nil, errors.New("twilio.baseUrl must be https; http only for a loopback host")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// defaultTransport gives up on a connection soon enough that a host which does not
// answer is known to have got nothing (see [dialError]).
func defaultTransport() http.RoundTripper {
	const dialLimit, tlsLimit = 4 * time.Second, 5 * time.Second
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = tlsLimit
	return t
}

// Name is "twilio".
func (p *Provider) Name() string { return Name }

// Routes is nil: Twilio needs none beside the webhooks.
func (p *Provider) Routes() map[string]http.Handler { return nil }

var _ call.Telephony = (*Provider)(nil)
