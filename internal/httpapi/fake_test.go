package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// phone is a provider whose webhooks say what the test tells it.
type phone struct {
	*calltest.Telephony
	// signed is what ValidateRequest returns; report and mapErr what MapStatus does.
	signed, mapErr error
	report         call.ProviderReport
}

func (*phone) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	return "text/xml", fmt.Appendf(nil, "kind %d %s %s", v.Kind, v.StreamURL, v.AfterURL), nil
}

func (p *phone) ValidateRequest(*http.Request, []byte, string) error { return p.signed }

func (p *phone) MapStatus(url.Values) (call.ProviderReport, error) { return p.report, p.mapErr }

func (*phone) Routes() map[string]http.Handler {
	return map[string]http.Handler{"GET /extra": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "extra") })}
}
