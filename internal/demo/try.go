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
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// TryOptions of a server for a person.
type TryOptions struct {
	// Listen is host and port; a browser gives its microphone to localhost and https only.
	Listen string
	// Out is the folder of calendar, state and log. The calendar is kept from one run to
	// the next; the calls are not, since their links and token end with the run.
	Out string
	// Callee says that the callee is simulated, too, and so is the phone company; otherwise
	// the phone is a page in the browser.
	Callee bool
	// Record keeps how the calls sound, in the folder, until the next run.
	Record bool
	// Token is the tool token; empty means one of this run's own.
	Token string
	// HooksURL and HooksToken are where the owner is told how a call ended; both or neither.
	HooksURL, HooksToken string
	Serve                Serve
	Stdout               io.Writer
}

// Try runs the server with the simulated model until ctx ends. It prints a tool token, a
// ready curl, and who answers the call.
func Try(ctx context.Context, o TryOptions) (err error) {
	if (o.HooksURL == "") != (o.HooksToken == "") {
		return errors.New("CALLAGENT_NOTIFY_HOOKS_URL and CALLAGENT_NOTIFY_HOOKS_TOKEN go together: set both, or neither")
	}
	base, err := tryBase(ctx, o.Listen)
	if err != nil {
		return err
	}
	story := newStory(io.Discard, time.Now())
	s := &stage{story: story, toolToken: o.Token, hook: newHookReceiver(story), base: base}
	if s.toolToken == "" {
		s.toolToken = secret()
	}
	defer func() { err = errors.Join(err, s.close()) }()
	script := "person"
	if o.Callee {
		script = Scenarios()[0]
	}
	s.realtime = realtimetest.New(realtimetest.Config{Script: func(int, *http.Request) realtimetest.Script {
		script, _ := realtimetest.ScriptOf(script)
		return script
	}})
	if err := s.openTryCalendar(o); err != nil {
		return err
	}
	zone := zoneOf(os.Getenv("TZ"), "/etc/localtime", "/etc/timezone")
	site, err := s.trySite(ctx, o, zone)
	if err != nil {
		return err
	}
	if s.stopAgent, err = o.Serve(ctx, site); err != nil {
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

// trySite starts what the call agent talks to, and returns its configuration.
func (s *stage) trySite(ctx context.Context, o TryOptions, zone string) (site Site, err error) {
	var urls simulators
	if urls.realtime, err = s.serve(ctx, s.realtime); err != nil {
		return site, err
	}
	if urls.calendar, err = s.serve(ctx, s.calendar); err != nil {
		return site, err
	}
	accountSID, authToken := "AC"+secret()[:32], secret()[:32]
	if o.Callee {
		if urls.twilio, err = s.simulateCallee(ctx, accountSID, authToken); err != nil {
			return site, err
		}
	}
	site = s.site(Options{}, urls, accountSID, authToken, o.Out)
	site.Listen = o.Listen
	site.Document["defaults"] = map[string]any{"timezone": zone}
	// A second attempt would ring at a link that nobody is shown.
	site.Document["retry"] = map[string]any{"maxAttempts": 1}
	if o.Callee {
		// It may be tried at any hour, and again and again.
		site.Document["policy"] = map[string]any{"calling_hours": "00:00-24:00", "max_calls_per_day": 1000, "max_attempts_per_number_per_day": 1000}
	} else {
		delete(site.Document, "twilio")
		site.Document["telephony"] = map[string]any{"provider": "mock"}
	}
	if o.Record {
		site.Document["recording"] = map[string]any{"enabled": true}
	}
	delete(site.Document, "notify")
	if o.HooksURL != "" {
		site.Document["notify"] = map[string]any{"hooksUrl": o.HooksURL, "hooksToken": "{env.DEMO_HOOKS_TOKEN}"}
		site.Secrets["DEMO_HOOKS_TOKEN"] = o.HooksToken
	}
	return site, nil
}

// simulateCallee starts a phone company at which everybody picks up, and takes the first
// time that is offered.
func (s *stage) simulateCallee(ctx context.Context, accountSID, authToken string) (url string, err error) {
	p, err := playOf(Options{})
	if err != nil {
		return "", err
	}
	s.twilio, err = twiliotest.New(twiliotest.Options{
		AccountSID: accountSID, AuthToken: authToken, Numbers: []string{ownNumber},
		Script: twiliotest.Script{Attempts: p.cast.callee}, Ring: 1500 * time.Millisecond,
	})
	if err != nil {
		return "", fmt.Errorf("raise the fake Twilio: %w", err)
	}
	return s.serve(ctx, s.twilio)
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
