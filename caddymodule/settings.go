package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/config"
)

// listenVariable is where the shipped Caddyfile takes its site's address from.
const listenVariable = config.EnvPrefix + "LISTEN"

// reading is a configuration as the server runs with it.
type reading struct {
	config *config.Config
	// The rest is for a media host whose control plane is elsewhere: where the document
	// came from, its hash, and the host's own wss base.
	environment cloud.Environment
	hash, own   string
}

// address is where the server is reached, as far as it knows.
func (r reading) address() string {
	if r.own != "" {
		return r.own
	}
	return r.config.Server.PublicBaseURL
}

// settings reads a document as the server does: placeholders, defaults, the document,
// the environment, in this order, then every rule. Site is where the site is reached, or
// "" where that is not known. The error, if any, is a config.Faults with everything that
// is wrong at once; what could be read is returned with it, for the doctor.
func settings(ctx context.Context, document []byte, site string) (reading, error) {
	resolved, faults := resolve(document)
	if isRemote(resolved) {
		return remoteSettings(ctx, resolved, faults, site)
	}
	resolved, err := withDefault(resolved, site)
	faults = add(faults, err)
	c := config.New()
	if len(resolved) > 0 {
		faults = add(faults, c.DecodeJSON(resolved))
	}
	faults = add(faults, c.ApplyEnv(os.LookupEnv))
	if c.Server.PublicBaseURL == "" {
		c.Server.PublicBaseURL = siteAddress(os.Getenv(listenVariable), c.Server.Port)
	}
	faults = add(faults, c.Validate())
	return reading{config: c}, faultsOrNil(faults)
}

func faultsOrNil(faults config.Faults) error {
	if len(faults) == 0 {
		return nil
	}
	return faults
}

// add appends what err holds, one fault per key: what is wrong with the way a key is
// written explains what is missing then.
func add(faults config.Faults, err error) config.Faults {
	var more config.Faults
	var one config.Fault
	switch {
	case err == nil:
	case errors.As(err, &more):
	case errors.As(err, &one):
		more = config.Faults{one}
	default:
		more = config.Faults{{Key: "configuration", Problem: err.Error(), Mend: "see the message"}}
	}
	for _, f := range more {
		known := false
		for _, g := range faults {
			known = known || f.Key == g.Key
		}
		if !known {
			faults = append(faults, f)
		}
	}
	return faults
}

// siteAddress is the default of server.publicBaseUrl: the first address of the shipped
// Caddyfile's site, as Caddy reads it (a name without a scheme is served over https),
// or where the server listens.
func siteAddress(listen string, port int) string {
	address, _, _ := strings.Cut(strings.TrimSpace(listen), ",")
	if address = strings.TrimSpace(address); address == "" {
		address = fmt.Sprintf("http://localhost:%d", port)
	}
	scheme, host, found := strings.Cut(address, "://")
	if !found {
		scheme, host = "https", address
		if name, _, err := net.SplitHostPort(address); err == nil && name == "" {
			scheme = "http" // Caddy serves a bare port without TLS
		}
	}
	if strings.HasPrefix(host, ":") {
		host = "localhost" + host
	}
	return scheme + "://" + strings.TrimSuffix(host, "/")
}
