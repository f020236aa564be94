// Package demo plays one whole call on one machine: the product itself, served as
// always, between a fake Twilio with a callee who speaks, a simulated (or the real)
// model, the calendar bridge of ours and a receiver of hooks. It acts as an outside
// client does, and judges from outside: by the calendar file, the recording of the
// line, the hook as received and the status document. It never looks into the server.
package demo

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// Site is a call agent to be served.
type Site struct {
	// Listen is a loopback host and port.
	Listen string
	// Document is the configuration of contract section 5, its secrets as {env.NAME};
	// Secrets are those variables.
	Document map[string]any
	Secrets  map[string]string
	// LogTo is the file for the server's log.
	LogTo string
	// Now is the call agent's clock; nil is the wall clock.
	Now func() time.Time
}

// Serve starts the call agent and returns how to stop it.
type Serve func(ctx context.Context, site Site) (stop func() error, err error)

// Options of a demo.
type Options struct {
	// Scenario is one of Scenarios; empty is the first.
	Scenario string
	// Out is the folder under which the scenario's folder is written anew.
	Out string
	// Model is "" for the simulated model, "openai" for the real one (with OPENAI_API_KEY).
	Model string
	// Format is the model's output format, InputFormat its input's: audio/pcmu (default),
	// audio/pcma or audio/pcm.
	Format, InputFormat string
	Serve               Serve
	// Secure is set where the site is served over https, under a name.
	Secure *Secure
	// Stdout gets the timeline as it happens.
	Stdout io.Writer

	// model and phone, if set, hear every message of the two sockets; for tests.
	model func(side string, event json.RawMessage)
	phone func(twiliotest.WireMessage)
}

// Secure is a site behind TLS.
type Secure struct {
	// Base is its address as the world knows it, https://name:port; Streams are the wss
	// bases of its media hosts, none where they are the same.
	Base    string
	Streams []string
	// Listen is where every name of it is reached; Roots are whom the world trusts.
	Listen string
	Roots  *x509.CertPool
}

// modelOpenAI is the value of MODEL that asks for the real model.
const modelOpenAI = "openai"

// longest bounds a scenario (contract section 6: at most 90 s each).
const longest = 90 * time.Second

// dayOne is when every demo takes place: a Monday at ten in Los Angeles, so that it
// ends the same at 03:00 on a Sunday and on the day of a DST change.
func dayOne() time.Time {
	return time.Date(2026, time.March, 2, 10, 0, 0, 0, time.FixedZone("PST", -8*60*60)).UTC()
}

// ErrFailed means that the call was made, and did not end as the scenario states.
var ErrFailed = errors.New("the scenario did not end as it should")

// Run plays one scenario. It returns nil exactly when everything the scenario states
// holds; the files are written in any case.
func Run(ctx context.Context, o Options) error {
	p, err := playOf(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("the scenario took longer than %v", longest))
	defer cancel()
	dir := filepath.Join(o.Out, p.name)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("make room for the scenario's files: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the scenario's folder: %w", err)
	}
	start := time.Now()
	story := newStory(o.Stdout, start)
	story.announce(p, o)
	s, err := raise(ctx, p, o, dir, story, start)
	if err != nil {
		return err
	}
	end, perr := s.perform(ctx)
	err = s.close() // before judging: what came too late has come
	if perr != nil {
		return errors.Join(perr, err)
	}
	if err != nil {
		return err
	}
	checks := judge(p, s, end)
	if err := writeFiles(dir, s, end); err != nil {
		return err
	}
	return story.verdict(dir, end, checks)
}
