package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// newClient follows no redirect (contract section 5) and keeps no connection: nothing of
// it is left when the doctor has gone.
func newClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext:     (&net.Dialer{Timeout: checkLimit}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response whose body has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask makes one request. Body may be ""; header are names and values in turn.
func (p *patient) ask(ctx context.Context, method, target, body string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the address cannot be asked")
	}
	r.Header.Set("User-Agent", "callagent-doctor")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(r)
	if err != nil {
		return answer{}, unaddressed(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("the answer broke off: %w", err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: b}, nil
}

// unaddressed takes the URL out of a client error: its path may be a token.
func unaddressed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// redirect is where an answer sends one, without path and query; "" if nowhere.
func (a answer) redirect() string {
	if a.status < 300 || a.status > 399 {
		return ""
	}
	if u, err := url.Parse(a.header.Get("Location")); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return "another path"
}

// trouble says in plain words why a host did not answer.
func trouble(err error, host string) string {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name " + host + " has no address"
	case errors.As(err, &dns):
		return "the name " + host + " cannot be looked up"
	case untrusted(err):
		return host + " has no certificate that can be trusted"
	case errors.As(err, &record):
		return host + " does not speak TLS there"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at " + host
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return host + " did not answer in time"
	}
	return host + " did not answer: " + err.Error()
}

func untrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// hostOf is a URL's host with its port.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Host
}
