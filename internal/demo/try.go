package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// TryOptions of a server for a person.
type TryOptions struct {
	// Listen is host and port; a browser gives its microphone to localhost and https only.
	Listen string
	// Out is the folder of calendar and state; it is kept from one run to the next.
	Out    string
	Serve  Serve
	Stdout io.Writer
}

// Try runs the server with the mock provider and the simulated model until ctx ends.
// It prints a tool token, a ready curl, and how to answer the call.
func Try(ctx context.Context, o TryOptions) (err error) {
	story := newStory(io.Discard, time.Now())
	s := &stage{story: story, toolToken: secret(), hook: newHookReceiver(story)}
	defer func() { err = errors.Join(err, s.close()) }()
	s.realtime = realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script {
		script, _ := realtimetest.ScriptOf("person")
		return script
	}})
	dir := filepath.Join(o.Out, "calendar")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the calendar's folder: %w", err)
	}
	if s.calendar, err = calendarbridge.Open(dir, calendarbridge.Options{}); err != nil {
		return fmt.Errorf("open the calendar: %w", err)
	}
	var urls simulators
	if urls.realtime, err = s.serve(ctx, s.realtime); err != nil {
		return err
	}
	if urls.calendar, err = s.serve(ctx, s.calendar); err != nil {
		return err
	}
	s.base = "http://" + o.Listen
	if s.stopAgent, err = o.Serve(ctx, s.trySite(urls, o)); err != nil {
		return fmt.Errorf("start the call agent: %w", err)
	}
	s.invite(o, dir)
	<-ctx.Done()
	return nil
}

func (s *stage) trySite(u simulators, o TryOptions) Site {
	site := s.site(Options{}, u, "", "", o.Out)
	site.Listen = o.Listen
	for _, twilioOnly := range []string{"twilio", "notify"} {
		delete(site.Document, twilioOnly)
	}
	site.Document["telephony"] = map[string]any{"provider": "mock"}
	zone := time.Local.String()
	if zone == "Local" || zone == "" {
		zone = "UTC"
	}
	site.Document["defaults"] = map[string]any{"timezone": zone}
	return site
}

func (s *stage) invite(o TryOptions, calendarDir string) {
	fmt.Fprintf(o.Stdout, `The call agent listens on %[1]s. The model is simulated: it takes your first turn for an
answer and every later one for a yes. Place a call:

  curl -s %[1]s/tools/call_agent -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' \
    -d '{"to":"+14155550123","goal":"Book a dental check-up","durationMinutes":30}'

Then open the "hint" of its answer in a browser, and talk: %[1]s/mock#callId=…&token=…
What was booked is in %[3]s. Stop with Ctrl-C.
`, s.base, s.toolToken, filepath.Join(calendarDir, "primary.ics"))
}
