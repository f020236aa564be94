package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// checkCertificate looks at the certificate of the public address as a provider does.
func checkCertificate(ctx context.Context, p *patient) Check {
	base, err := url.Parse(p.config.Server.PublicBaseURL)
	if err != nil || base.Scheme != "https" {
		return skipped("the public address is not https", goPublic)
	}
	<-p.answered
	if !p.online.there {
		return skipped("nothing answers at the public address", "see "+nameAddress)
	}
	chain, err := p.chainOf(ctx, base)
	if err != nil {
		return failed(trouble(err, base.Host), "check that port 443 leads to the call agent")
	}
	leaf := chain[0]
	if err := p.verify(chain, base.Hostname()); err != nil {
		finding, mend := distrust(err, leaf, base.Hostname())
		return failed(finding, mend)
	}
	life, left := leaf.NotAfter.Sub(leaf.NotBefore), leaf.NotAfter.Sub(p.Now())
	finding := fmt.Sprintf("valid for %s, %d days left, by %s", base.Hostname(), int(left/(24*time.Hour)), issuer(leaf))
	// Caddy renews when a third of the life is left; at a quarter something keeps it from that.
	if left < life/4 {
		return warning(finding+", and it should have been renewed by now", "read the server's log for what keeps the renewal from working; port 80 or 443 must be reachable for it")
	}
	return fine(finding)
}

// chainOf is what the host presents. It is not trusted here: verify judges it, and no
// request is made over this connection.
func (p *patient) chainOf(ctx context.Context, base *url.URL) ([]*x509.Certificate, error) {
	port := base.Port()
	if port == "" {
		port = "443"
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: base.Hostname(), MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(base.Hostname(), port))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // only looked at
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return nil, errors.New("it presents no certificate")
	}
	return chain, nil
}

func (p *patient) verify(chain []*x509.Certificate, host string) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: p.Roots, Intermediates: between, CurrentTime: p.Now()})
	return err
}

// distrust says why a certificate is not valid, and what to do.
func distrust(err error, leaf *x509.Certificate, host string) (finding, mend string) {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch by := issuer(leaf); {
	case strings.Contains(by, "STAGING"):
		return "it was issued by a staging authority, which nobody trusts", "take acme_ca with the staging address out of the Caddyfile, and restart the server"
	case strings.Contains(by, "Caddy Local Authority"):
		return "Caddy issued it itself, which nobody trusts", "use a public name in CALLAGENT_LISTEN, not an address or localhost, and no `tls internal`"
	case errors.As(err, &name):
		return "it is not for " + host, "let CALLAGENT_LISTEN and server.publicBaseUrl name the same host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("it is valid from %s to %s, which is not now", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly)),
			"check this host's clock; read the server's log for what keeps the renewal from working"
	}
	return "its chain leads to no authority that is trusted (issuer " + issuer(leaf) + ")",
		"let Caddy obtain the certificate, or give the proxy the full chain (fullchain.pem, not cert.pem)"
}

func issuer(leaf *x509.Certificate) string {
	if len(leaf.Issuer.Organization) > 0 && leaf.Issuer.CommonName != "" {
		return leaf.Issuer.Organization[0] + " " + leaf.Issuer.CommonName
	}
	return leaf.Issuer.CommonName + strings.Join(leaf.Issuer.Organization, " ")
}
