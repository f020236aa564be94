package caddymodule

import (
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/clawdbot/call-agent/internal/config"
)

// publicURL is the key that follows from the site's address where it is not written.
const publicURL = "server.publicBaseUrl"

// addressOf is where the site whose handler is being provisioned is reached from
// outside, or why that cannot be known. The Caddyfile's site names have become the host
// matcher of the route by then, and the port that of the server; ports given as
// http_port and https_port are internal ones, behind the standard ports.
func addressOf(ctx caddy.Context) (base, unknown string) {
	srv, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	app := httpApp(ctx)
	if srv == nil || app == nil || len(srv.Listen) == 0 {
		return "", "the handler stands in no site"
	}
	name, unknown := nameOf(srv)
	if unknown != "" {
		return "", unknown
	}
	listen, err := caddy.ParseNetworkAddress(srv.Listen[0])
	if err != nil || listen.IsUnixNetwork() || listen.IsFdNetwork() {
		return "", "the site listens on no port"
	}
	scheme, standard := "http", uint(app.HTTPPort)
	if standard == 0 {
		standard = caddyhttp.DefaultHTTPPort
	}
	if len(srv.TLSConnPolicies) > 0 {
		scheme, standard = "https", uint(app.HTTPSPort)
		if standard == 0 {
			standard = caddyhttp.DefaultHTTPSPort
		}
	}
	if listen.StartPort == standard {
		if strings.Contains(name, ":") {
			name = "[" + name + "]" // an IPv6 address
		}
		return scheme + "://" + name, ""
	}
	return scheme + "://" + net.JoinHostPort(name, strconv.FormatUint(uint64(listen.StartPort), 10)), ""
}

// httpApp is the app that is loading this module.
func httpApp(ctx caddy.Context) *caddyhttp.App {
	for _, m := range ctx.Modules() {
		if app, ok := m.(*caddyhttp.App); ok {
			return app
		}
	}
	return nil
}

// nameOf is the only name of the route that is being provisioned: the first one
// whose handlers are still raw, since Caddy goes through them in order.
func nameOf(srv *caddyhttp.Server) (name, unknown string) {
	var names []string
	for _, route := range srv.Routes {
		if len(route.HandlersRaw) == 0 {
			continue
		}
		for _, set := range route.MatcherSets {
			for _, m := range set {
				if hosts, ok := m.(*caddyhttp.MatchHost); ok {
					names = append(names, *hosts...)
				}
			}
		}
		break
	}
	switch {
	case len(names) == 0:
		return "", "the site has no name of its own"
	case len(names) > 1:
		return "", "the site has more than one name: " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
	case strings.ContainsAny(names[0], "*{"):
		return "", "the site's name " + names[0] + " is a pattern"
	}
	return names[0], ""
}

// withDefault writes the public address into a document that has none.
func withDefault(document []byte, base string) ([]byte, error) {
	if base == "" {
		return document, nil
	}
	tree := map[string]any{}
	if len(document) > 0 {
		if err := json.Unmarshal(document, &tree); err != nil || tree == nil {
			return document, nil //nolint:nilerr // what is no object is the configuration's fault to find
		}
	}
	group, key, _ := strings.Cut(publicURL, ".")
	server, ok := tree[group].(map[string]any)
	if tree[group] != nil && !ok {
		return document, nil
	}
	if v, ok := server[key]; ok && v != nil && v != "" {
		return document, nil
	}
	if server == nil {
		server = map[string]any{}
		tree[group] = server
	}
	server[key] = base
	return json.Marshal(tree)
}

// explain adds to a fault of a public address that nobody gave why the site's is not it.
func explain(err error, c *config.Config, unknown string) error {
	var faults config.Faults
	if unknown == "" || c == nil || c.Given(publicURL) || !errors.As(err, &faults) {
		return err
	}
	for i, f := range faults {
		if f.Key == publicURL {
			faults[i].Mend = "write the https address at which the provider reaches this host; it would follow from the site's address, but " + unknown
		}
	}
	return faults
}
