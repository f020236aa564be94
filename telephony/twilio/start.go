package twilio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// retryFragment asks Twilio to try our webhook again, twice, on a 5xx or a failed
// connection: the fragment is a connection override, neither sent nor signed
// (research sections 2.2 and 4). Our webhooks answer every repeat alike.
const retryFragment = "#rc=2&rp=5xx,ct,rt"

// isSID says whether s is a call SID (research section 1.1).
func isSID(s string) bool {
	hex, ok := strings.CutPrefix(s, "CA")
	return ok && len(hex) == 32 && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
}

// StartCall creates the call, once. Machine detection is asynchronous, so that the
// callee never waits in silence for its verdict (research section 3). An error is a
// *call.DialError.
func (p *Provider) StartCall(ctx context.Context, d call.Dial) (call.Started, error) {
	var sid string
	err := p.withAPI(ctx, func(api *openapi.ApiService) error {
		created, err := api.CreateCall(p.createParams(d))
		if err != nil {
			return err
		}
		if created.Sid == nil || !isSID(*created.Sid) {
			return errNotUnderstood
		}
		sid = *created.Sid
		return nil
	})
	if err != nil {
		return call.Started{}, dialError(err)
	}
	return call.Started{ProviderCallID: sid}, nil
}

func (p *Provider) createParams(d call.Dial) *openapi.CreateCallParams {
	post := http.MethodPost
	c := (&openapi.CreateCallParams{}).
		SetTo(d.To).SetFrom(p.from).
		SetUrl(d.VoiceURL + retryFragment).SetMethod(post).
		SetStatusCallback(d.StatusURL + retryFragment).SetStatusCallbackMethod(post).
		SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"}).
		SetMachineDetection("Enable").SetAsyncAmd("true").
		SetAsyncAmdStatusCallback(d.MachineURL + retryFragment).SetAsyncAmdStatusCallbackMethod(post)
	if d.RingTimeout > 0 {
		c.SetTimeout(wholeSeconds(d.RingTimeout))
	}
	if d.MaxLength > 0 {
		c.SetTimeLimit(wholeSeconds(d.MaxLength))
	}
	return c
}

// wholeSeconds rounds up: a limit of Twilio's must not cut what ours still allows.
func wholeSeconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

// dialError says what a failed create means for the attempt (research section 1.3):
// 429 was not processed, other 4xx are final, and whatever may have been processed
// is unknown and never repeated.
func dialError(err error) *call.DialError {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{err: err}
	}
	d := &call.DialError{Kind: call.DialUnknown, Err: e}
	if e.code != 0 {
		d.Code = fmt.Sprintf("twilio %d", e.code)
	} else if e.status != 0 {
		d.Code = fmt.Sprintf("twilio http %d", e.status)
	}
	switch {
	case e.status == http.StatusTooManyRequests:
		d.Kind, d.RetryAfter = call.DialRefusedForNow, e.retryAfter
		d.Words = wordsOf(e, "Twilio has too much to do for this account right now; the call will be tried again.")
	case e.status >= 400 && e.status < 500:
		d.Kind = call.DialRefusedForGood
		d.Words = wordsOf(e, "Twilio refused the call; look the code up at www.twilio.com/docs/api/errors and mend what it says.")
	case e.status == 0 && nothingSent(e.err):
		d.Kind = call.DialNotSent
		d.Words = "Twilio could not be reached, so nothing was dialled; check this host's network, DNS and twilio.baseUrl."
	default:
		d.Words = "Twilio's answer was lost or not understood, so the call may have been placed; it is not repeated until that is known."
	}
	return d
}

// nothingSent says that the failure came before any byte of the request was sent.
func nothingSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &cert) || (errors.As(err, &op) && op.Op == "dial")
}
