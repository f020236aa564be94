package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/internal/freeport"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// The parties of the demo. The numbers are of the range that is kept for fiction.
const (
	calleeNumber = "+14155550123"
	ownNumber    = "+14155550100"
	ownerZone    = "America/Los_Angeles"
)

// stage is everything around the call agent, and the call agent itself.
type stage struct {
	play  play
	story *story

	twilio   *twiliotest.Server
	phone    *phoneWitness
	realtime *realtimetest.Server
	calendar *calendarbridge.Bridge
	hook     *hookReceiver
	format   string
	heard    *modelAudio

	base, toolToken string
	// client invokes the tools, as Clawdbot would.
	client    *http.Client
	icsPath   string
	servers   []*http.Server
	stopAgent func() error
}

// raise starts the simulators and the call agent.
func raise(ctx context.Context, p play, o Options, dir string, story *story, start time.Time) (_ *stage, err error) {
	s := &stage{play: p, story: story, format: o.Format, toolToken: secret(), hook: newHookReceiver(story), phone: newPhoneWitness(story)}
	s.heard = newModelAudio(story, func() int { return len(s.twilio.Calls()) })
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	now := func() time.Time { return dayOne().Add(time.Since(start)) }
	authToken, accountSID := secret()[:32], "AC"+secret()[:32]
	world := worldOf(o.Secure)
	s.client = world.client()
	if s.twilio, err = twiliotest.New(twiliotest.Options{
		AccountSID: accountSID, AuthToken: authToken, Numbers: []string{ownNumber},
		Script: twiliotest.Script{Attempts: p.cast.callee},
		Ring:   1500 * time.Millisecond, Observe: s.phone.observe, Wire: o.phone,
		DialContext: world.dial, TLS: world.tls,
	}); err != nil {
		return nil, fmt.Errorf("raise the fake Twilio: %w", err)
	}
	s.realtime = realtimetest.New(realtimetest.Config{
		Script: func(int, *http.Request) realtimetest.Script { return p.cast.script(len(s.twilio.Calls())) },
		Record: func(side string, event json.RawMessage) {
			s.heard.record(side, event)
			if o.model != nil {
				o.model(side, event)
			}
		},
	})
	if err := s.openCalendar(dir, now); err != nil {
		return nil, err
	}
	urls, err := s.serveAll(ctx)
	if err != nil {
		return nil, err
	}
	listen, err := s.address(ctx, o.Secure)
	if err != nil {
		return nil, err
	}
	site := s.site(o, urls, accountSID, authToken, dir)
	site.Listen, site.Now = listen, now
	if s.stopAgent, err = o.Serve(ctx, site); err != nil {
		return nil, fmt.Errorf("start the call agent: %w", err)
	}
	return s, nil
}

// openCalendar fills the owner's calendar, so that the first free time is not simply
// the first time, and opens our own bridge over it.
func (s *stage) openCalendar(dir string, now func() time.Time) error {
	s.icsPath = filepath.Join(dir, "calendar", "primary.ics")
	if err := os.MkdirAll(filepath.Dir(s.icsPath), 0o755); err != nil {
		return fmt.Errorf("make the calendar's folder: %w", err)
	}
	if err := os.WriteFile(s.icsPath, []byte(strings.ReplaceAll(busyWeek, "\n", "\r\n")), 0o644); err != nil {
		return fmt.Errorf("write the owner's calendar: %w", err)
	}
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return fmt.Errorf("load the owner's zone: %w", err)
	}
	s.calendar, err = calendarbridge.Open(filepath.Dir(s.icsPath), calendarbridge.Options{Location: zone, Now: now})
	if err != nil {
		return fmt.Errorf("open the calendar: %w", err)
	}
	return nil
}

// busyWeek is what the owner's calendar holds before the call.
const busyWeek = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//call-agent//demo//EN
BEGIN:VEVENT
UID:offsite@demo
DTSTAMP:20260301T000000Z
DTSTART;TZID=America/Los_Angeles:20260302T080000
DTEND;TZID=America/Los_Angeles:20260302T180000
SUMMARY:Offsite
END:VEVENT
BEGIN:VEVENT
UID:standup@demo
DTSTAMP:20260301T000000Z
DTSTART;TZID=America/Los_Angeles:20260223T090000
DTEND;TZID=America/Los_Angeles:20260223T093000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE
SUMMARY:Stand-up
END:VEVENT
END:VCALENDAR
`

// simulators are the addresses of what the call agent talks to.
type simulators struct{ twilio, realtime, calendar, hook string }

func (s *stage) serveAll(ctx context.Context) (u simulators, err error) {
	bridge := s.play.bridge
	if bridge == nil {
		bridge = s.calendar
	}
	for _, x := range []struct {
		url *string
		h   http.Handler
	}{{&u.twilio, s.twilio}, {&u.realtime, s.realtime}, {&u.calendar, s.story.calendar(bridge)}, {&u.hook, s.hook}} {
		if *x.url, err = s.serve(ctx, x.h); err != nil {
			return u, err
		}
	}
	return u, nil
}

// serve serves a handler on a free loopback port until the stage is closed.
func (s *stage) serve(ctx context.Context, h http.Handler) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen on loopback: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	s.servers = append(s.servers, srv)
	go func() { _ = srv.Serve(l) }() // ends with close, which closes srv
	return "http://" + l.Addr().String(), nil
}

func secret() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// site is the configuration as an owner would write it: contract section 5, with
// secrets in the environment.
func (s *stage) site(o Options, u simulators, accountSID, authToken, dir string) Site {
	openai := map[string]any{"baseUrl": strings.Replace(u.realtime, "http", "ws", 1) + "/v1", "apiKey": "{env.DEMO_OPENAI_KEY}"}
	if o.Model == modelOpenAI {
		openai = map[string]any{"apiKey": "{env.OPENAI_API_KEY}"}
	}
	stream := map[string]any{"secret": "{env.DEMO_STREAM_SECRET}"}
	if o.Secure != nil && len(o.Secure.Streams) > 0 {
		stream["hosts"] = o.Secure.Streams
	}
	if o.Format != "" {
		openai["outputFormat"] = o.Format
	}
	if o.InputFormat != "" {
		openai["inputFormat"] = o.InputFormat
	}
	site := Site{
		LogTo: filepath.Join(dir, "server.log"),
		Secrets: map[string]string{
			"DEMO_TWILIO_TOKEN": authToken, "DEMO_OPENAI_KEY": secret(), "DEMO_STREAM_SECRET": secret(),
			"DEMO_HOOKS_TOKEN": s.hook.token,
		},
		Document: map[string]any{
			"telephony": map[string]any{"provider": "twilio"},
			"server":    map[string]any{"publicBaseUrl": s.base},
			"stream":    stream,
			"twilio": map[string]any{
				"accountSid": accountSID, "authToken": "{env.DEMO_TWILIO_TOKEN}", "fromNumber": ownNumber,
				"baseUrl": u.twilio, "validateStreamSignature": "require",
			},
			"openai":   openai,
			"calendar": map[string]any{"baseUrl": u.calendar},
			"notify":   map[string]any{"hooksUrl": u.hook + "/hooks", "hooksToken": "{env.DEMO_HOOKS_TOKEN}"},
			"defaults": map[string]any{"timezone": ownerZone},
			"tools":    map[string]any{"tokens": []any{everything(s.toolToken)}},
			"data_dir": filepath.Join(dir, "state"),
		},
	}
	maps.Copy(site.Document, s.play.settings)
	return site
}

// everything is a token that may do all there is, for whoever tries it on his own machine.
func everything(token string) map[string]any {
	sum := sha256.Sum256([]byte(token))
	return map[string]any{"name": "demo", "sha256": hex.EncodeToString(sum[:]), "scopes": []string{"call", "status", "cancel", "read", "delete"}}
}

// address settles where the call agent listens, and how the world calls that.
func (s *stage) address(ctx context.Context, secure *Secure) (listen string, err error) {
	if secure != nil {
		s.base = secure.Base
		return secure.Listen, nil
	}
	port, err := freeport.Loopback(ctx)
	listen = net.JoinHostPort("127.0.0.1", port)
	s.base = "http://" + listen
	return listen, err
}

// close ends everything that raise started, the call agent first.
func (s *stage) close() error {
	var all error
	if s.stopAgent != nil {
		all = s.stopAgent()
		s.stopAgent = nil
	}
	if s.twilio != nil {
		s.twilio.Close()
	}
	if s.realtime != nil {
		all = errors.Join(all, s.realtime.Close())
	}
	for _, srv := range s.servers {
		all = errors.Join(all, srv.Close())
	}
	if s.calendar != nil {
		all = errors.Join(all, s.calendar.Close())
	}
	return all
}
