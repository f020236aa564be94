package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/callsapi"
	"github.com/clawdbot/call-agent/internal/toolapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// direct carries requests to a handler without a network, so that time can be virtual.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, r.Context().Err()
}

// desk is a person at a terminal, in front of the real tools.
type desk struct {
	*calltest.World
	out, err bytes.Buffer
	o        Options
}

type everything struct{}

func (everything) Match(bearer string) (string, func(string) bool, bool) {
	return "t", func(string) bool { return true }, bearer == "secret"
}

func newDesk() *desk {
	d := &desk{World: calltest.NewWorld()}
	d.Service.Numbers = toolapi.Numbers{}
	log, mux := slog.New(slog.DiscardHandler), http.NewServeMux()
	mux.Handle("/", toolapi.New(toolapi.Options{Service: d.Service, Tokens: everything{}, Log: log}))
	callsapi.New(callsapi.Options{Service: d.Service, Tokens: everything{}, Log: log}).Mount(mux)
	d.o = Options{URL: "https://call.example", Token: "secret", Stdout: &d.out, Stderr: &d.err, Zone: time.UTC, transport: direct{mux}}
	return d
}

var errand = Errand{To: "+14155550123", Goal: "Book a dental check-up.", Duration: 30 * time.Minute, UserName: "Ann Lee"}

func (d *desk) id(t *testing.T) call.ID {
	t.Helper()
	return d.Telephony.Dials()[0].CallID
}

// talk holds the whole call on the telephone, a second after it is dialled.
func (d *desk) talk(t *testing.T) {
	time.Sleep(time.Second)
	dial, sid := d.Telephony.Dials()[0], "CA0001"
	ctx := context.Background()
	if err := d.Service.ProviderStatus(ctx, dial.CallID, 1, call.ProviderReport{ProviderCallID: sid, Status: call.Ringing, Sequence: 1}); err != nil {
		t.Error(err)
	}
	time.Sleep(3 * time.Second)
	token, err := d.Service.CheckStream(ctx, dial.StreamToken)
	if err != nil {
		t.Error(err)
	}
	live, err := d.Service.OpenStream(ctx, token, calltest.Account, sid)
	if err != nil {
		t.Error(err)
		return
	}
	_ = live.GreetingHeard(ctx)
	at := call.NewDesk(live)
	slots := at.Use(ctx, call.ToolFindSlots, []byte(`{}`)).Slots
	time.Sleep(5 * time.Second)
	at.Use(ctx, call.ToolCreateEvent, []byte(`{"start":"`+slots[0].Start+`"}`))
	time.Sleep(2 * time.Second)
	if err := live.End(ctx, call.SessionEnd{Reason: call.EndBooked, FarewellPlayed: true, Report: call.Report{Summary: "Booked.\x1b[2J"}}); err != nil {
		t.Error(err)
	}
}

func TestACallIsWaitedForAndItsEventsArePrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		go d.talk(t)
		e := errand
		e.Wait = true
		if status := Call(t.Context(), d.o, e); status != Done {
			t.Fatalf("%d: %s", status, d.err.String())
		}
		for _, want := range []string{" to +1******0123 is dialing.", "00:00:00  queued", "ringing", "answered", "proposing", "booked Fri 31 Dec 1999 16:30 (America/Los_Angeles)", "ended completed, booked [booked]", "completed, booked.", "appointment"} {
			if !strings.Contains(d.out.String(), want) {
				t.Errorf("no %q in:\n%s", want, d.out.String())
			}
		}
		if strings.Contains(d.out.String(), "\x1b") || strings.Contains(d.out.String(), "4155550123") {
			t.Error("the terminal was given an order, or a whole number")
		}
	})
}

func TestAProgramGetsWhatTheServerAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.o.JSON = true
		go d.talk(t)
		if status := Call(t.Context(), d.o, errand); status != Done {
			t.Fatal(status)
		}
		var a call.Answer
		if err := json.Unmarshal(d.out.Bytes(), &a); err != nil || a.Status != call.Dialing {
			t.Errorf("%s, %v", d.out.String(), err)
		}
		d.out.Reset()
		if status := Tail(t.Context(), d.o, string(a.CallID)); status != Done {
			t.Error(status)
		}
		lines := strings.Split(strings.TrimSpace(d.out.String()), "\n")
		for i, l := range lines {
			var e call.StepDocument
			if err := json.Unmarshal([]byte(l), &e); err != nil || e.ID != i+1 {
				t.Errorf("line %d: %s, %v", i, l, err)
			}
		}
		if len(lines) != 7 {
			t.Errorf("%d events", len(lines))
		}
		d.out.Reset()
		var s shown
		if status := Status(t.Context(), d.o, string(a.CallID)); status != Done || json.Unmarshal(d.out.Bytes(), &s) != nil || s.Call.Outcome != call.Booked {
			t.Errorf("%d %s", status, d.out.String())
		}
	})
}

func TestADryRunIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		e := errand
		e.DryRun, e.CalleeTimezone = true, "America/New_York"
		if status := Call(t.Context(), d.o, e); status != Done || len(d.Telephony.Dials()) != 0 {
			t.Fatalf("%d: %s", status, d.err.String())
		}
		for _, want := range []string{"would go to +1******0123. Nothing was dialled.", "on behalf of Ann Lee.", "(America/New_York)", "New York time", "not known", "at once"} {
			if !strings.Contains(d.out.String(), want) {
				t.Errorf("no %q in:\n%s", want, d.out.String())
			}
		}
	})
}

func TestACallIsStoppedAndWhoTailsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		Call(t.Context(), d.o, errand)
		id := string(d.id(t))
		go func() {
			time.Sleep(4 * time.Second)
			o := d.o
			o.Stdout = io.Discard
			if status := Cancel(context.Background(), o, id, "not needed"); status != Done {
				t.Error(status)
			}
		}()
		if status := Tail(t.Context(), d.o, id); status != NotBooked || !strings.Contains(d.out.String(), "ended canceled, not_booked") {
			t.Errorf("%d %s", status, d.out.String())
		}
		d.out.Reset()
		if status := Cancel(t.Context(), d.o, id, ""); status != Done || d.out.String() != "Call "+id+" is canceled.\n" {
			t.Errorf("%d %s", status, d.out.String())
		}
	})
}

func TestWrongUseIsSaidSoBeforeAnythingIsSent(t *testing.T) {
	for want, change := range map[string]func(*Options, *Errand){
		"--to":              func(_ *Options, e *Errand) { e.To = "" },
		"--goal":            func(_ *Options, e *Errand) { e.Goal = "" },
		"--duration":        func(_ *Options, e *Errand) { e.Duration = 90 * time.Second },
		"--dry-run":         func(_ *Options, e *Errand) { e.DryRun, e.Wait = true, true },
		VarToken:            func(o *Options, _ *Errand) { o.Token = "" },
		"check " + VarToken: func(o *Options, _ *Errand) { o.Token = "a\nb" },
		"no address":        func(o *Options, _ *Errand) { o.URL = "call.example" },
		"write https":       func(o *Options, _ *Errand) { o.URL = "http://call.example" },
	} {
		var out bytes.Buffer
		o, e := Options{URL: DefaultURL, Token: "secret", Stderr: &out, transport: direct{http.NotFoundHandler()}}, errand
		change(&o, &e)
		if status := Call(t.Context(), o, e); status != Misused || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "secret") {
			t.Errorf("%s: %d %s", want, status, out.String())
		}
	}
}

func TestWhatTheServerRefusesIsSaidWithItsFields(t *testing.T) {
	d := newDesk()
	e := errand
	e.To, e.WindowEnd = "4155550123", "tomorrow"
	if status := Call(t.Context(), d.o, e); status != Refused || !strings.Contains(d.err.String(), "\n  to ") || !strings.Contains(d.err.String(), "\n  windowEnd ") {
		t.Errorf("%d %s", status, d.err.String())
	}
	d.o.Token = "wrong"
	if status := Status(t.Context(), d.o, "k3"); status != Refused {
		t.Error(status)
	}
}

// nasty is a server that answers as it likes, one after the other; the last answer stays.
type nasty struct {
	answers []func(http.ResponseWriter)
	asked   int
	keys    map[string]int
}

func (n *nasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.keys == nil {
		n.keys = map[string]int{}
	}
	n.keys[r.Header.Get("Idempotency-Key")]++
	n.answers[min(n.asked, len(n.answers)-1)](w)
	n.asked++
}

func says(status int, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAServerThatIsNotWellIsAskedAgainForAMinuteUnderTheSameKey(t *testing.T) {
	taken := says(200, `{"ok":true,"callId":"k3","status":"dialing"}`)
	for what, tt := range map[string]struct {
		answers []func(http.ResponseWriter)
		status  int
		atLeast time.Duration
	}{
		"comes back":          {[]func(http.ResponseWriter){says(503, "no"), says(502, "<html>"), taken}, Done, 3 * time.Second},
		"says when":           {[]func(http.ResponseWriter){says(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "17"), taken}, Done, 17 * time.Second},
		"stays away":          {[]func(http.ResponseWriter){says(503, "no")}, Unavailable, 50 * time.Second},
		"waits too long":      {[]func(http.ResponseWriter){says(429, `{}`, "Retry-After", "86400")}, Unavailable, 0},
		"is no call agent":    {[]func(http.ResponseWriter){says(200, "<html>hello</html>")}, Unavailable, 0},
		"is somewhere else":   {[]func(http.ResponseWriter){says(302, "", "Location", "https://evil.example/")}, Refused, 0},
		"has no such address": {[]func(http.ResponseWriter){says(404, "404 page not found")}, Refused, 0},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &nasty{answers: tt.answers}
				var out bytes.Buffer
				began := time.Now()
				status := Call(t.Context(), Options{URL: DefaultURL, Token: "secret", Stdout: io.Discard, Stderr: &out, transport: direct{n}}, errand)
				if took := time.Since(began); status != tt.status || took < tt.atLeast || took > time.Minute || len(n.keys) != 1 || n.keys[""] > 0 {
					t.Errorf("%d after %s, keys %v: %s", status, took, n.keys, out.String())
				}
			})
		})
	}
}

// broken is a network that breaks a while.
type broken struct {
	direct
	until time.Time
}

func (b broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if time.Now().Before(b.until) {
		return nil, errors.New("connection refused")
	}
	return b.direct.RoundTrip(r)
}

func TestWhoTailsACallOutlivesARestartAndNotAnInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		Call(t.Context(), d.o, errand)
		o := d.o
		o.transport = broken{o.transport.(direct), time.Now().Add(30 * time.Second)}
		go d.talk(t)
		if status := Tail(t.Context(), o, string(d.id(t))); status != Done {
			t.Errorf("%d %s", status, d.err.String())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		o.transport = broken{o.transport.(broken).direct, time.Now().Add(time.Hour)}
		if status := Tail(ctx, o, "k3"); status != Interrupted {
			t.Error(status)
		}
	})
}
