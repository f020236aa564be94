package twiliotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// webhookTimeout is Twilio's cap for one webhook.
	webhookTimeout = 15 * time.Second
	// maxTwiML is the size above which Twilio refuses a document (11750).
	maxTwiML = 64 << 10
)

// Codes of Twilio's debugger for webhooks.
const (
	codeHTTPFailure     = 11200
	codeConnectFailure  = 11205
	codeDocumentTooLong = 11750
	codeInvalidXML      = 12100
	codeSchema          = 12200
	codeContentType     = 12300
)

// hook is where TwiML comes from or a callback goes to.
type hook struct {
	url, method              string
	twiml                    string // inline instead of url
	fallback, fallbackMethod string
}

// reply is what our side answered.
type reply struct {
	status      int
	contentType string
	body        []byte
}

// fields are those of every webhook of a call (docs: "Twilio's request to your application").
func (c *Call) fields(status string) url.Values {
	fields := url.Values{
		"AccountSid": {c.server.options.AccountSID}, "ApiVersion": {apiVersion}, "CallSid": {c.sid}, "CallStatus": {status},
		"Direction": {"outbound-api"}, "From": {c.from}, "To": {c.to}, "Called": {c.to}, "Caller": {c.from},
	}
	for _, party := range []string{"Called", "Caller", "From", "To"} {
		for _, place := range []string{"City", "State", "Zip", "Country"} {
			fields.Set(party+place, "")
		}
	}
	return fields
}

// call sends one webhook, after the forgeries if the script wants them, and repeats it once if
// the connection fails, with the same I-Twilio-Idempotency-Token.
func (c *Call) call(ctx context.Context, h hook, fields url.Values) (reply, error) {
	if c.answer.Nasty.Forge {
		c.forge(ctx, h, fields)
	}
	token := newUUID()
	genuine := func(r *http.Request, signature string) {
		r.Header.Set(signatureHeader, signature)
		r.Header.Set("I-Twilio-Idempotency-Token", token)
	}
	answer, err := c.send(ctx, h, fields, genuine)
	var network *url.Error
	if errors.As(err, &network) && !network.Timeout() && ctx.Err() == nil {
		answer, err = c.send(ctx, h, fields, genuine)
	}
	return answer, err
}

// forge sends what an attacker would; anything but 403 is a violation.
func (c *Call) forge(ctx context.Context, h hook, fields url.Values) {
	attacks := map[string]func(*http.Request, string){
		"without a signature":      func(*http.Request, string) {},
		"with a foreign signature": func(r *http.Request, _ string) { r.Header.Set(signatureHeader, sign("not the token", h.url, fields)) },
	}
	for name, attack := range attacks {
		answer, err := c.send(ctx, h, fields, attack)
		if err == nil && answer.status != http.StatusForbidden {
			c.violation(0, "a webhook %s was answered %d instead of 403", name, answer.status)
		}
	}
}

// send makes one HTTP request; header puts the signature in or leaves it out.
func (c *Call) send(ctx context.Context, h hook, fields url.Values, header func(*http.Request, string)) (reply, error) {
	target, _, _ := strings.Cut(h.url, "#")
	verb, body, signed := http.MethodPost, io.Reader(strings.NewReader(fields.Encode())), fields
	if h.method == http.MethodGet {
		verb, body, signed = http.MethodGet, nil, nil
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + fields.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, verb, target, body)
	if err != nil {
		return reply{}, fmt.Errorf("webhook %s: %w", h.url, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	request.Header.Set("User-Agent", "TwilioProxy/1.1")
	request.Header.Set("Accept", "*/*")
	header(request, sign(c.server.options.AuthToken, signedForm(target), signed))
	response, err := c.server.client.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("webhook: %w", err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxTwiML+1))
	if err != nil {
		return reply{}, fmt.Errorf("webhook's answer: %w", err)
	}
	return reply{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), body: content}, nil
}

// notify sends a callback whose answer does not matter, except that it must be one.
func (c *Call) notify(ctx context.Context, what string, h hook, fields url.Values) {
	answer, err := c.call(ctx, h, fields)
	switch {
	case c.server.ctx.Err() != nil:
	case err != nil:
		c.violation(codeConnectFailure, "%s callback: %v", what, err)
	case answer.status < 200 || answer.status > 299:
		c.violation(codeHTTPFailure, "%s callback was answered %d", what, answer.status)
	case len(answer.body) > 0 && !isXML(answer.contentType):
		c.violation(codeContentType, "%s callback was answered with %q: use 204, or <Response/> as text/xml", what, answer.contentType)
	}
}

func isXML(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/xml", "application/xml", "text/html":
		return true
	}
	return false
}
