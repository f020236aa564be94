package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// SurroundOptions of Surround.
type SurroundOptions struct {
	// Out is the folder of the calendar, which is kept from one run to the next.
	Out string
	// Streams are the ws bases of the media hosts.
	Streams []string
	// Stdout gets the story as it happens.
	Stdout io.Writer
}

// Surroundings are what a call agent of several processes talks to on one machine: a fake
// Twilio whose callees all speak the same part, the simulated model, a calendar and a
// receiver of hooks, on the wall clock.
type Surroundings struct {
	stage    *stage
	document map[string]any
}

// Surround raises them.
func Surround(ctx context.Context, o SurroundOptions) (_ *Surroundings, err error) {
	p, err := playOf(Options{})
	if err != nil {
		return nil, err
	}
	story := newStory(o.Stdout, time.Now())
	s := &stage{play: p, story: story, toolToken: secret(), hook: newHookReceiver(story), phone: newPhoneWitness(story)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	authToken, accountSID := secret()[:32], "AC"+secret()[:32]
	if s.twilio, err = twiliotest.New(twiliotest.Options{
		AccountSID: accountSID, AuthToken: authToken, Numbers: []string{ownNumber},
		Script: twiliotest.Script{Attempts: p.cast.callee}, Ring: 1500 * time.Millisecond, Observe: s.phone.observe,
	}); err != nil {
		return nil, fmt.Errorf("raise the fake Twilio: %w", err)
	}
	s.heard = newModelAudio(story, func() int { return len(s.twilio.Calls()) })
	s.realtime = realtimetest.New(realtimetest.Config{
		Script: func(int, *http.Request) realtimetest.Script { return p.cast.script(1) }, Record: s.heard.record,
	})
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return nil, fmt.Errorf("load the owner's zone: %w", err)
	}
	s.icsPath = filepath.Join(o.Out, "calendar", "primary.ics")
	if s.calendar, err = calendarbridge.Open(filepath.Dir(s.icsPath), calendarbridge.Options{Location: zone}); err != nil {
		return nil, fmt.Errorf("open the calendar of --out: %w", err)
	}
	urls, err := s.serveAll(ctx)
	if err != nil {
		return nil, err
	}
	return &Surroundings{stage: s, document: s.whole(o, urls, accountSID, authToken)}, nil
}

// whole is the configuration document as it stands in SSM, secrets and all.
func (s *stage) whole(o SurroundOptions, u simulators, accountSID, authToken string) map[string]any {
	site := s.site(Options{}, u, accountSID, authToken, o.Out)
	d, secrets := site.Document, site.Secrets
	delete(d, "server")
	delete(d, "data_dir")
	d["stream"] = map[string]any{"hosts": o.Streams, "secret": secrets["DEMO_STREAM_SECRET"]}
	d["twilio"].(map[string]any)["authToken"] = authToken
	d["openai"].(map[string]any)["apiKey"] = secrets["DEMO_OPENAI_KEY"]
	d["notify"].(map[string]any)["hooksToken"] = s.hook.token
	d["tools"] = map[string]any{"tokens": []any{s.toolToken}}
	d["policy"] = map[string]any{"calling_hours": "00:00–24:00"}
	return d
}

// Document is the configuration document for the call agent among them.
func (s *Surroundings) Document() map[string]any { return s.document }

// Invite says how to place a call, once the call agent is at that address.
func (s *Surroundings) Invite(out io.Writer, base string) {
	fmt.Fprintf(out, `
Everything outside is simulated: Twilio, whoever is called, the model, the calendar, Clawdbot's hook. Place a call:

curl -s %[1]s/tools/call_agent -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"to":"%[3]s","goal":"Book a dental check-up","durationMinutes":30}'

Appointments: %[4]s
The token is this run's. Stop with Ctrl-C.
`, strings.TrimRight(base, "/"), s.stage.toolToken, calleeNumber, s.stage.icsPath)
}

// Close ends them.
func (s *Surroundings) Close() error { return s.stage.close() }
