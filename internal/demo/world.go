package demo

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// world is how those outside reach the call agent: by its name and with trust in its
// certificate, where it has them. The zero value is the plain network.
type world struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	tls  *tls.Config
}

// worldOf resolves every name to where the site listens: names of a test are in no DNS.
func worldOf(s *Secure) world {
	if s == nil {
		return world{}
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listen)
	}
	return world{dial: dial, tls: &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12}}
}

func (w world) client() *http.Client {
	if w.dial == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{DialContext: w.dial, TLSClientConfig: w.tls, DisableKeepAlives: true}}
}
