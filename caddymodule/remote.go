package caddymodule

import (
	"context"
	"os"

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/remote"
	"github.com/clawdbot/call-agent/internal/config"
)

// isRemote says whether a document and the environment make this a media host whose
// control plane is elsewhere. What is wrong with them is found where they are read.
func isRemote(document []byte) bool {
	c := config.New()
	_ = c.DecodeJSON(document)
	_ = c.ApplyEnv(os.LookupEnv)
	return c.Remote()
}

// remoteSettings reads the configuration of a media host: the control plane's own
// document from SSM, over it this host's, and the environment. Reading it changes
// nothing, so that caddy validate may do it too; it needs the host's role.
func remoteSettings(ctx context.Context, document []byte, faults config.Faults, site string) (reading, error) {
	c := config.New()
	c.Cloud = true
	r := reading{config: c}
	var err error
	if r.environment, err = remote.Environment(ctx, os.LookupEnv); err != nil {
		return r, add(faults, config.Fault{Key: "control_plane", Problem: err.Error(), Mend: "set them where the server is started, or write control_plane local"})
	}
	text, err := r.environment.ReadText(ctx)
	if err != nil {
		return r, add(faults, config.Fault{Key: "control_plane", Problem: err.Error(), Mend: "see the message; " + cloud.VarParameter + " names the parameter"})
	}
	r.hash = cloud.Hash(text)
	faults = add(faults, c.DecodeJSON(text))
	faults = add(faults, c.DecodeJSON(document))
	faults = add(faults, c.ApplyEnv(os.LookupEnv))
	if site == "" {
		site = siteAddress(os.Getenv(listenVariable), c.Server.Port)
	}
	if c.Server.PublicBaseURL == "" && c.ControlPlane != config.ControlPlaneRemote {
		c.Server.PublicBaseURL = c.ControlPlane
	}
	faults = add(faults, c.Validate())
	var named bool
	if r.own, named = remote.OwnURL(c, site); !named {
		faults = add(faults, config.Fault{
			Key: "stream.hosts", Problem: "does not name this host, " + r.own + ", so that no call would be handed to it",
			Mend: "add it to the document (make secrets), or give the site the name that stands there",
		})
	}
	return r, faultsOrNil(faults)
}
