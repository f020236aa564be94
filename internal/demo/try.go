package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// TryOptions of a server for a person.
type TryOptions struct {
	// Listen is host and port; a browser gives its microphone to localhost and https only.
	Listen string
	// Out is the folder of calendar, state and log. The calendar is kept from one run to
	// the next; the calls are not, since their links and token end with the run.
	Out    string
	Serve  Serve
	Stdout io.Writer
}

// Try runs the server with the mock provider and the simulated model until ctx ends.
// It prints a tool token, a ready curl, and how to answer the call.
func Try(ctx context.Context, o TryOptions) (err error) {
	base, err := tryBase(ctx, o.Listen)
	if err != nil {
		return err
	}
	story := newStory(io.Discard, time.Now())
	s := &stage{story: story, toolToken: secret(), hook: newHookReceiver(story), base: base}
	defer func() { err = errors.Join(err, s.close()) }()
	s.realtime = realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script {
		script, _ := realtimetest.ScriptOf("person")
		return script
	}})
	if err := s.openTryCalendar(o); err != nil {
		return err
	}
	var urls simulators
	if urls.realtime, err = s.serve(ctx, s.realtime); err != nil {
		return err
	}
	if urls.calendar, err = s.serve(ctx, s.calendar); err != nil {
		return err
	}
	zone := zoneOf(os.Getenv("TZ"), "/etc/localtime", "/etc/timezone")
	if s.stopAgent, err = o.Serve(ctx, s.trySite(urls, o, zone)); err != nil {
		return fmt.Errorf("start the call agent: %w", err)
	}
	s.invite(o, zone)
	<-ctx.Done()
	fmt.Fprintln(o.Stdout, "\nStopped.")
	return nil
}

// tryBase is the server's address for a browser. It refuses a port that is taken:
// Caddy would share it with whoever else allows that.
func tryBase(ctx context.Context, listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("--listen %q is no address (%w); write one like localhost:4546", listen, err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return "", fmt.Errorf("cannot listen on %s (%w): another program is there, perhaps an earlier run; stop it, or choose another port: bin/callagent try --listen localhost:4546", listen, err)
	}
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("free %s again: %w", listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// openTryCalendar opens the calendar, and so takes the folder; what an earlier run
// knew of its calls is dropped then.
func (s *stage) openTryCalendar(o TryOptions) (err error) {
	s.icsPath = filepath.Join(o.Out, "calendar", "primary.ics")
	if s.calendar, err = calendarbridge.Open(filepath.Dir(s.icsPath), calendarbridge.Options{}); err != nil {
		return fmt.Errorf("open the calendar of --out: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(o.Out, "state")); err != nil {
		return fmt.Errorf("drop the last run's calls: %w", err)
	}
	return nil
}

func (s *stage) trySite(u simulators, o TryOptions, zone string) Site {
	site := s.site(Options{}, u, "", "", o.Out)
	site.Listen = o.Listen
	for _, twilioOnly := range []string{"twilio", "notify"} {
		delete(site.Document, twilioOnly)
	}
	site.Document["telephony"] = map[string]any{"provider": "mock"}
	site.Document["defaults"] = map[string]any{"timezone": zone}
	// A second attempt would ring at a link that nobody is shown.
	site.Document["retry"] = map[string]any{"maxAttempts": 1}
	return site
}

// zoneOf is this machine's time zone by its IANA name, which Go does not tell, or UTC.
func zoneOf(tz, localtime, timezone string) string {
	candidates := []string{strings.TrimPrefix(tz, ":")}
	if target, err := filepath.EvalSymlinks(localtime); err == nil {
		if _, name, ok := strings.Cut(filepath.ToSlash(target), "zoneinfo/"); ok {
			candidates = append(candidates, name)
		}
	}
	if b, err := os.ReadFile(timezone); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(b)))
	}
	for _, name := range candidates {
		if _, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return name
		}
	}
	return "UTC"
}

func (s *stage) invite(o TryOptions, zone string) {
	fmt.Fprintf(o.Stdout, `
The call agent listens on %[1]s. The phone is a page in your browser; the model is simulated.
It understands no words: it takes your first turn for an answer, every later one for a yes.

1. Place a call, in another terminal. It prints the link of the ringing phone, or what is wrong:

curl -s %[1]s/tools/call_agent -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"to":"+14155550123","goal":"Book a dental check-up","durationMinutes":30}' \
  | sed 's/.*"hint":"\([^"]*\)".*/\1/; s/\\u0026/\&/g'

2. Open that link in a browser on this machine, within ten minutes, and answer. It looks like this:
   %[1]s/mock#callId=…&token=…
3. Say hello, and hear who is calling. Answer its question; when it offers a time, say yes; it books and says goodbye.
4. See what came of it, with the callId of the link in place of CALLID:

curl -s %[1]s/tools/call_agent_status -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"callId":"CALLID"}'

Appointments: %[3]s (kept from run to run; times are in %[4]s)
Server's log: %[5]s
The token is this run's. Stop with Ctrl-C.
`, s.base, s.toolToken, s.icsPath, zone, filepath.Join(o.Out, "server.log"))
}
