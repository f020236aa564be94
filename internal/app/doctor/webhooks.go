package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

// checkWebhooks knocks as Twilio does, with a status of a call that does not exist: it
// changes nothing. Then it knocks as a forger does.
func checkWebhooks(ctx context.Context, p *patient) Check {
	target := fmt.Sprintf("%s/status?callId=%s&attempt=1", p.config.Server.PublicBaseURL, stream.EchoCall)
	fields := url.Values{
		"CallSid": {"CA" + strings.Repeat("0", 32)}, "AccountSid": {p.config.Twilio.AccountSID}, "ApiVersion": {"2010-04-01"},
		"CallStatus": {"completed"}, "Direction": {"outbound-api"}, "SequenceNumber": {"0"}, "From": {""}, "To": {""},
	}
	token := p.config.Twilio.AuthTokens[0].Reveal()
	signed, err := p.knock(ctx, target, fields, token)
	if err != nil {
		return failed(trouble(err, hostOf(target)), "see "+nameAddress)
	}
	forged, err := p.knock(ctx, target, fields, "forged"+token)
	if err != nil {
		return failed(trouble(err, hostOf(target)), "see "+nameAddress)
	}
	const other = "restart the server after every change of the configuration; if a proxy stands before it, let it pass path and query on unchanged (no prefix taken away, nothing decoded)"
	switch {
	case signed == http.StatusNoContent && forged == http.StatusForbidden:
		return fine("a signed webhook is taken, a forged one refused")
	case signed == http.StatusNoContent && forged == http.StatusNoContent && !p.config.Twilio.ValidateSignature:
		return warning("signatures are not checked", "set twilio.validateSignature true, unless Twilio is simulated on this machine")
	case signed == http.StatusNoContent:
		return failed(fmt.Sprintf("a forged webhook is not refused (HTTP %d)", forged), "the server runs with another configuration, or something else answers for it; "+other)
	case signed == http.StatusForbidden:
		return failed("a webhook as Twilio signs it is refused: the server has another auth token or public address, or a proxy rewrites the URL", other)
	}
	return failed(fmt.Sprintf("a signed webhook is answered with HTTP %d, not 204", signed), "see the server's log; "+other)
}

// knock posts a webhook and returns the answer's status.
func (p *patient) knock(ctx context.Context, target string, fields url.Values, token string) (int, error) {
	a, err := p.ask(ctx, http.MethodPost, target, fields.Encode(),
		"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8", "X-Twilio-Signature", twilio.Sign(token, target, fields))
	return a.status, err
}
