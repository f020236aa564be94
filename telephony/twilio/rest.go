package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// Limits of one REST exchange. No client of ours reads more than 1 MiB (contract section 5).
const (
	maxAnswer    = 1 << 20
	requestLimit = 10 * time.Second
)

// exchange is the transport of one use of twilio-go. The library takes no context,
// hides its base URL, and loses Retry-After and the HTTP status of errors it cannot decode
// (research section 8); all of these live here. Not for concurrent use.
type exchange struct {
	ctx  context.Context //nolint:containedctx // of this one use; twilio-go has no parameter for it
	base *url.URL
	next http.RoundTripper
	// status is the HTTP status of the last answer, 0 before the first; retryAfter its header.
	status     int
	retryAfter string
}

// withAPI runs use with a twilio-go service bound to ctx, 10 s at most, and turns its
// failure into an *apiError.
func (p *Provider) withAPI(ctx context.Context, use func(*openapi.ApiService) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	x := &exchange{ctx: ctx, base: p.base, next: p.transport}
	c := &client.Client{
		Credentials: client.NewCredentials(p.accountSID, p.authTokens[0]),
		HTTPClient: &http.Client{
			Transport:     x,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.SetAccountSid(p.accountSID)
	// Not NewRequestHandler: it reads TWILIO_EDGE and TWILIO_REGION, which would change the host.
	err := use(openapi.NewApiService(&client.RequestHandler{Client: c}))
	if err == nil {
		return nil
	}
	return x.failure(err)
}

// RoundTrip sends the request to the configured base, bound to the exchange's context.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(x.ctx)
	out.URL.Scheme, out.URL.Host, out.Host = x.base.Scheme, x.base.Host, ""
	out.URL.Path, out.URL.RawPath = x.base.Path+out.URL.Path, ""
	res, err := x.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	x.status, x.retryAfter = res.StatusCode, res.Header.Get("Retry-After")
	if res.StatusCode >= 300 && res.StatusCode < 400 { // twilio-go would take it for success
		_ = res.Body.Close()
		return nil, errors.New("the answer is a redirect, which is not followed")
	}
	res.Body = &bounded{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

// bounded refuses to read past its limit.
type bounded struct {
	io.ReadCloser
	left int
}

// Read reads at most what is left, and errs at an answer that is longer.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// apiError is a failed exchange. It holds neither Twilio's message nor the URL: both
// name phone numbers and the account.
type apiError struct {
	// status is the HTTP status, 0 where no answer came.
	status int
	// code is Twilio's, 0 where the answer held none.
	code int
	// retryAfter is how long Twilio asked us to wait, 0 where it did not say.
	retryAfter time.Duration
	// err is the cause where no error of Twilio's was understood.
	err error
}

// Error says status, code and cause.
func (e *apiError) Error() string {
	switch {
	case e.status == 0:
		return fmt.Sprintf("no answer from Twilio: %v", e.err)
	case e.code != 0:
		return fmt.Sprintf("Twilio answered HTTP %d, code %d", e.status, e.code)
	default:
		return fmt.Sprintf("Twilio answered HTTP %d: %v", e.status, e.err)
	}
}

// Unwrap returns the cause.
func (e *apiError) Unwrap() error { return e.err }

// errNotUnderstood stands for an answer that is not Twilio's JSON.
var errNotUnderstood = errors.New("the answer is not what Twilio's API documents")

func (x *exchange) failure(err error) *apiError {
	e := &apiError{status: x.status, retryAfter: waitOf(x.retryAfter)}
	var rest *client.TwilioRestError
	var transport *url.Error
	switch {
	case errors.As(err, &rest):
		e.code = rest.Code
		if e.status == 0 { // twilio-go refused the credentials before sending (21222, 21224)
			e.status = rest.Status
		}
		if e.code == 0 {
			e.err = errNotUnderstood
		}
	case x.status != 0:
		e.err = errNotUnderstood
	case errors.As(err, &transport):
		e.err = transport.Err // without the URL
	default:
		e.err = err
	}
	return e
}

// waitOf reads Retry-After: seconds, or a date (RFC 9110 section 10.2.3).
func waitOf(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
