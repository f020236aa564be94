package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// urlProblem says what keeps s from being a base URL of one of the schemes; "" for nothing.
func urlProblem(s string, schemes ...string) string {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "is missing"
	case err != nil || u.Hostname() == "":
		return "is not a URL"
	case !slices.Contains(schemes, u.Scheme):
		return "does not begin with " + strings.Join(schemes, ":// or ") + "://"
	case u.User != nil:
		return "holds a user name or password"
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "has a query or fragment"
	}
	return ""
}

// checkVendorURL: credentials go there, so any host but this one needs TLS (contract section 5).
func checkVendorURL(key, base string, schemes []string, fs *Faults) {
	if problem := urlProblem(base, schemes...); problem != "" {
		fs.add(false, key, problem, "write a base URL such as "+schemes[0]+"://host")
		return
	}
	fs.add(secure(base) || loopback(base), key, "would send credentials without TLS", "write "+schemes[0]+"://, or a loopback host")
}

func secure(base string) bool {
	return strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "wss://")
}

// loopback says whether the URL's host is this machine.
func loopback(base string) bool {
	host := hostOf(base)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	return addr.Unmap().IsLoopback()
}

// private says whether the URL's host is this machine or its own network, as far as its name tells.
func private(base string) bool {
	host := hostOf(base)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return loopback(base) || !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal")
	}
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
