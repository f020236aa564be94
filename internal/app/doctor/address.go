package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// reach is how far one gets at the public address.
type reach struct {
	// there: something answers, whatever it is; ours: it is a call agent.
	there, ours bool
}

// startServer is the mend of a server that is not there.
const startServer = "start the server (bin/callagent run --config Caddyfile) and run the doctor again"

// goPublic is the mend of an address that only this machine can reach.
const goPublic = "for going live: give this host a public name, let ports 80 and 443 through, and start the server with\n" +
	"CALLAGENT_LISTEN=call.example.com CALLAGENT_SERVER_PUBLIC_BASE_URL=https://call.example.com; the certificate comes by itself"

// checkAddress asks our own server at the address that the provider will use.
func checkAddress(ctx context.Context, p *patient) Check {
	base := p.config.Server.PublicBaseURL
	if base == "" {
		return failed("server.publicBaseUrl is not set", goPublic)
	}
	host := hostOf(base)
	if c, ok := p.resolve(ctx, base); !ok {
		return c
	}
	a, err := p.ask(ctx, "GET", base+"/healthz", "")
	switch {
	case err != nil && untrusted(err):
		p.online.there = true
		return failed(host+" answers, but with a certificate that cannot be trusted", "see certificate")
	case err != nil:
		return failed(trouble(err, host), p.reachable())
	}
	p.online.there = true
	if to := a.redirect(); to != "" {
		return failed(fmt.Sprintf("%s redirects to %s, and a provider's signed webhooks do not follow", host, to),
			"set server.publicBaseUrl to the address that answers by itself, or take the redirect of it away")
	}
	if h, ours := readHealth(a.body); a.status != 200 || !ours || !h.OK {
		return failed(fmt.Sprintf("something answers at %s (HTTP %d), but it is no call agent", host, a.status),
			startServer+"\nif it runs, check that the proxy before it passes every path on, and that no other program has its port")
	}
	p.online.ours = true
	if loopback(base) {
		return fine(host + " answers; only this machine can reach it")
	}
	return fine(host + " answers")
}

// resolve looks the name up. An address of this network cannot be called from outside.
func (p *patient) resolve(ctx context.Context, base string) (c Check, ok bool) {
	u, err := url.Parse(base)
	if err != nil {
		return failed("server.publicBaseUrl is no URL", "see configuration"), false
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return failed(trouble(err, u.Hostname()), "create an A record (and AAAA, if the host has IPv6) of that name at whoever serves its DNS, with this host's public address"), false
	}
	for _, a := range addresses {
		if a = a.Unmap(); !p.mock() && !loopback(p.config.Twilio.BaseURL) && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()) {
			return failed(fmt.Sprintf("%s has the address %s, which Twilio cannot reach", u.Hostname(), a), "let its DNS record name this host's public address"), false
		}
	}
	return Check{}, true
}

// reachable is the mend of a server that does not answer.
func (p *patient) reachable() string {
	if loopback(p.config.Server.PublicBaseURL) {
		return startServer
	}
	return startServer + "\nif it runs, let ports 80 and 443 through the firewall to it; where a router keeps a network from its own public address, run the doctor elsewhere"
}

// loopback says whether a URL's host is this machine.
func loopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
	}
	return ip.Unmap().IsLoopback()
}

// checkServer asks the running server how it is.
func checkServer(ctx context.Context, p *patient) Check {
	a, err := p.ask(ctx, "GET", p.config.Server.PublicBaseURL+"/readyz", "")
	if err != nil {
		return failed(trouble(err, hostOf(p.config.Server.PublicBaseURL)), startServer)
	}
	if a.status == 200 {
		return fine("it runs, and is ready for calls")
	}
	h, ours := readHealth(a.body)
	if !ours {
		return failed(fmt.Sprintf("what answers /readyz (HTTP %d) is no call agent", a.status), startServer)
	}
	return failed(fmt.Sprintf("it runs, and is not ready (HTTP %d): %s", a.status, h.why()),
		"mend what it names; the server's log says more")
}
