// Package mock is telephony without a carrier: whoever holds the link picks up. A
// person does so in the browser, on the page this package serves; a program connects
// to the stream URL itself. Both speak Twilio's Media Streams to /voice/stream. It
// implements [call.Telephony].
//
// It owns the page. It keeps no record of calls (ours is the only one there is), sends
// nothing anywhere, and has no webhooks: every one that comes is refused.
package mock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// Name is the value of telephony.provider that selects this package.
const Name = "mock"

// Options are what a Provider needs to know.
type Options struct {
	// PublicURL is server.publicBaseUrl without a trailing slash; the page lives below it.
	PublicURL string
}

// Provider is call.Telephony without a carrier. All methods may be called concurrently.
type Provider struct {
	publicURL string
}

var _ call.Telephony = (*Provider)(nil)

// New returns the provider.
func New(o Options) *Provider {
	return &Provider{publicURL: strings.TrimRight(o.PublicURL, "/")}
}

// Name is "mock".
func (p *Provider) Name() string { return Name }

// StartCall dials nobody: it hands out the links by which the call can be taken.
// The token stands in the fragment, which browsers send to no server.
func (p *Provider) StartCall(_ context.Context, d call.Dial) (call.Started, error) {
	fragment := "callId=" + url.QueryEscape(string(d.CallID)) + "&token=" + url.QueryEscape(d.StreamToken)
	return call.Started{
		ProviderCallID: fmt.Sprintf("mock-%s-%d", d.CallID, d.Attempt),
		Hint:           p.publicURL + "/mock#" + fragment,
		StreamURL:      d.StreamURL,
	}, nil
}

// VoiceResponse has nobody to answer; the reply's kind in plain text is all there is to say.
func (p *Provider) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	words := map[call.VoiceKind]string{
		call.VoiceConnect: "connect", call.VoiceHangUp: "hang up", call.VoiceApology: "apology", call.VoiceInbound: "inbound",
	}
	word, ok := words[v.Kind]
	if !ok {
		return "", nil, fmt.Errorf("mock: unknown kind of reply %d", v.Kind)
	}
	return "text/plain; charset=utf-8", []byte(word + "\n"), nil
}

// ErrNoWebhooks refuses every webhook: there is no carrier that could send one.
var ErrNoWebhooks = errors.New("mock: this provider has no webhooks; set telephony.provider to the carrier that sends them")

// ValidateRequest refuses every request.
func (p *Provider) ValidateRequest(*http.Request, []byte, string) error { return ErrNoWebhooks }

// MapStatus refuses every form, as ValidateRequest refuses what carries it.
func (p *Provider) MapStatus(url.Values) (call.ProviderReport, error) {
	return call.ProviderReport{}, ErrNoWebhooks
}

// EndCall succeeds: the line is the stream, and our side of it has ended.
func (p *Provider) EndCall(context.Context, string) error { return nil }

// LookUp says that the phone is ringing: whether somebody takes the call, only our
// own record knows.
func (p *Provider) LookUp(_ context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	return call.ProviderReport{ProviderCallID: q.ProviderCallID, Status: call.Ringing, Sequence: -1}, true, nil
}
