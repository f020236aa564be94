package doctor

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

func TestAHealthyHostHasNothingToMend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{hooks: gateway(200, problem(`"kind":"refused","code":"not_found"`))})
	r := w.examine(nil, func(o *Options) { o.GatewayToken = gatewayToken })
	if !r.OK || len(r.Checks) != 17 {
		t.Errorf("%d checks, OK %t", len(r.Checks), r.OK)
	}
	for _, c := range r.Checks {
		if c.State != OK {
			t.Errorf("%+v", c)
		}
	}
	w.want(r, "data folder", OK, "a running call agent holds the call store")
	w.want(r, "policy", OK, "the country of twilio.fromNumber", "08:00–21:00", "20 calls a day", "4 attempts a day to one number", "5 calls at once", "600 seconds each")
	for _, asked := range w.posted {
		if !strings.HasPrefix(asked, "GET ") && !strings.HasPrefix(asked, "POST ") {
			t.Error(asked)
		}
	}
	b, err := json.Marshal(r)
	if err != nil || !strings.HasPrefix(string(b), `{"ok":true,"checks":[{"name":"configuration","state":"ok","finding":"Caddyfile: complete"},`) {
		t.Errorf("%v %s", err, b)
	}
	var text bytes.Buffer
	r.Print(&text)
	if lines := strings.Count(text.String(), "\n"); lines != 19 || !strings.HasSuffix(text.String(), "17 ok, 0 warnings, 0 failed, 0 skipped\n") {
		t.Errorf("%d lines:\n%s", lines, text.String())
	}
}

func TestBeforeTheServerRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{down: true})
	r := w.examine(nil, nil)
	if r.OK {
		t.Error("nothing failed")
	}
	w.want(r, nameAddress, Failed, "nobody listens", "bin/callagent run")
	for _, name := range []string{"certificate", "server", "signed webhooks", "media stream"} {
		w.want(r, name, Skipped, "see public address")
	}
	for _, name := range []string{"configuration", "model", "calendar", "notification hook", nameAccount, "clock"} {
		w.want(r, name, OK)
	}
	w.want(r, "data folder", OK, "does not exist yet and can be created")
	if _, err := os.Stat(w.keys["data_dir"]); err == nil {
		t.Error("the doctor created the data folder")
	}
}

func TestNothingButDefaults(t *testing.T) {
	t.Parallel()
	w := &world{T: t}
	c := config.New()
	o := Options{Config: c, Source: "Caddyfile"}
	c.Server.PublicBaseURL, c.DataDir, c.Calendar.BaseURL = "http://127.0.0.1:1", t.TempDir(), "http://127.0.0.1:1"
	asFaults(c.Validate(), &o.Faults)
	r := Run(t.Context(), o)
	w.wantNoSecret(r)
	w.want(r, "configuration", Failed, "stream.secret", "tools.tokens", "openai.apiKey", "CALLAGENT_OPENAI_API_KEY", "CALLAGENT_STREAM_SECRET", "CALLAGENT_TOOLS_TOKENS", "openssl rand -hex 32")
	w.want(r, "tool tokens", Skipped, "waits for tools.tokens")
	w.want(r, "model", Skipped, "waits for openai.apiKey")
	w.want(r, nameAccount, Skipped, "mock", "CALLAGENT_TELEPHONY_PROVIDER=twilio", "CALLAGENT_TWILIO_ACCOUNT_SID", "CALLAGENT_TWILIO_AUTH_TOKEN", "CALLAGENT_TWILIO_FROM_NUMBER", "CALLAGENT_SERVER_PUBLIC_BASE_URL")
	w.want(r, "Twilio number", Skipped, "see Twilio account")
	w.want(r, "signed webhooks", Skipped, "mock")
	w.want(r, "certificate", Skipped, "CALLAGENT_LISTEN=")
	w.want(r, "calendar", Failed, "nobody listens", "bin/callagent calendar")
	w.want(r, "notification hook", Warning, "nobody is told")
	w.want(r, "time zones", Warning, "CALLAGENT_DEFAULTS_TIMEZONE")

	r = Run(t.Context(), Options{Source: "Caddyfile", Faults: config.Faults{{Key: "Caddyfile", Problem: "cannot be read", Mend: "mend it"}}})
	w.want(r, "configuration", Failed, "cannot be read")
	for _, c := range r.Checks[1:] {
		if c.State != Skipped {
			t.Errorf("%+v", c)
		}
	}
}

// behind is a proxy that changes what it passes on.
func behind(change func(*http.Request)) func(http.Handler) http.Handler {
	return func(app http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(r)
			r.RequestURI = r.URL.RequestURI()
			app.ServeHTTP(w, r)
		})
	}
}

// instead answers one path by itself.
func instead(path string, do http.HandlerFunc) func(http.Handler) http.Handler {
	return func(app http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, path) {
				do(w, r)
				return
			}
			app.ServeHTTP(w, r)
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestEverySicknessHasItsMend(t *testing.T) {
	t.Parallel()
	type keys = map[string]string
	for name, tc := range map[string]struct {
		world options
		// change is what the doctor reads otherwise than the running server.
		change keys
		check  string
		state  State
		words  []string
	}{
		"a proxy rewrites the query":  {options{front: behind(func(r *http.Request) { r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "attempt=1", "attempt=01") })}, nil, "signed webhooks", Failed, []string{"a proxy rewrites the URL"}},
		"a stale auth token":          {options{}, keys{"twilio.authToken": "0123456789abcdef0123456789abcdef"}, "signed webhooks", Failed, []string{"another auth token", "restart"}},
		"a stale public address":      {options{}, keys{"stream.hosts": "wss://127.0.0.1:1"}, "media stream 127.0.0.1:1", Failed, []string{"nobody listens", "stream.hosts"}},
		"anything is taken":           {options{front: instead("/status", status(204))}, nil, "signed webhooks", Failed, []string{"forged"}},
		"signatures are off":          {options{keys: keys{"twilio.validateSignature": "false"}}, nil, "signed webhooks", Warning, []string{"validateSignature true"}},
		"webhooks break":              {options{front: instead("/status", status(500))}, nil, "signed webhooks", Failed, []string{"HTTP 500"}},
		"something else has the port": {options{front: instead("/", status(404))}, nil, nameAddress, Failed, []string{"no call agent", "HTTP 404"}},
		"the address redirects":       {options{front: instead("/healthz", http.RedirectHandler("https://www.example.org/healthz", http.StatusPermanentRedirect).ServeHTTP)}, nil, nameAddress, Failed, []string{"redirects to https://www.example.org"}},
		"something else is ready":     {options{front: instead("/readyz", status(404))}, nil, "server", Failed, []string{"no call agent", "HTTP 404"}},
		"not ready": {options{front: instead("/readyz", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"ok":false,"reasons":{"store":"away"}}`)
		})}, nil, "server", Failed, []string{"store: away"}},
		"another stream secret":           {options{}, keys{"stream.secret": "another-secret-of-sufficient-length"}, "media stream", Failed, []string{"HTTP 403", "same stream.secret"}},
		"no websockets":                   {options{front: behind(func(r *http.Request) { r.Header.Del("Connection"); r.Header.Del("Upgrade") })}, nil, "media stream", Failed, []string{"Upgrade and Connection"}},
		"streams are swallowed":           {options{front: instead("/voice/stream", status(404))}, nil, "media stream", Failed, []string{"HTTP 404"}},
		"a host that is full":             {options{front: instead("/voice/stream", status(503))}, nil, "media stream", Warning, []string{"half a minute"}},
		"a wrong model key":               {options{model: status(401)}, nil, "model", Failed, []string{"refuses the key", "HTTP 401", "CALLAGENT_OPENAI_API_KEY"}},
		"no such model":                   {options{model: status(404)}, nil, "model", Failed, []string{"HTTP 404"}},
		"the model is down":               {options{}, keys{"openai.baseUrl": "ws://127.0.0.1:1/v1"}, "model", Failed, []string{"can't be reached", "openai.baseUrl"}},
		"a wrong calendar token":          {options{}, keys{"calendar.token": "wrong-token"}, "calendar", Failed, []string{"CALLAGENT_CALENDAR_TOKEN"}},
		"no bridge":                       {options{}, keys{"calendar.baseUrl": "http://127.0.0.1:1"}, "calendar", Failed, []string{"bin/callagent calendar"}},
		"no hooks":                        {options{hooks: status(404)}, nil, "notification hook", Failed, []string{"hooks.enabled true"}},
		"a wrong hooks token":             {options{}, keys{"notify.hooksToken": "wrong-token"}, "notification hook", Failed, []string{"does not take the token", "hooks.token"}},
		"a wrong token in January":        {options{hooks: hooksOfJanuary}, keys{"notify.hooksToken": "wrong-token"}, "notification hook", Failed, []string{"does not take the token"}},
		"hooks of January":                {options{hooks: hooksOfJanuary}, nil, "notification hook", OK, []string{"no notice was sent"}},
		"hooks that ask for no token":     {options{hooks: status(200)}, nil, "notification hook", Warning, []string{"does not ask for a token"}},
		"hooks that are throttled":        {options{hooks: status(429)}, nil, "notification hook", Warning, []string{"wait a minute"}},
		"hooks elsewhere":                 {options{hooks: http.RedirectHandler("https://www.example.org/", http.StatusMovedPermanently).ServeHTTP}, nil, "notification hook", Failed, []string{"redirect"}},
		"hooks that break":                {options{hooks: status(502)}, nil, "notification hook", Failed, []string{"HTTP 502"}},
		"no hooks configured":             {options{keys: keys{"notify.hooksUrl": "-", "notify.hooksToken": "-"}}, nil, "notification hook", Warning, []string{"notifications are off"}},
		"wrong Twilio credentials":        {options{}, keys{"twilio.authToken": "0123456789abcdef0123456789abcdef"}, nameAccount, Failed, []string{"did not accept", "CALLAGENT_TWILIO_AUTH_TOKEN"}},
		"a trial account":                 {options{account: twiliotest.Account{Trial: true}}, nil, nameAccount, Warning, []string{"verified numbers", "plays a message", "upgrade"}},
		"a suspended account":             {options{account: twiliotest.Account{Status: "suspended"}}, nil, nameAccount, Failed, []string{"suspended"}},
		"a number that is not ours":       {options{}, keys{"twilio.fromNumber": "+14155550199"}, "Twilio number", Failed, []string{"not among the account's numbers"}},
		"a number that cannot speak":      {options{account: twiliotest.Account{Mute: []string{ownNumber}}}, nil, "Twilio number", Failed, []string{"Voice"}},
		"a number that leads nowhere":     {options{account: twiliotest.Account{VoiceURL: "https://demo.twilio.com/welcome/voice/"}}, nil, "Twilio number", Warning, []string{"A call comes in", "/voice"}},
		"Twilio is away":                  {options{}, keys{"twilio.baseUrl": "http://127.0.0.1:1"}, nameAccount, Failed, []string{"no answer from Twilio"}},
		"a weak tool token":               {options{keys: keys{"tools.tokens": "short"}}, nil, "tool tokens", Warning, []string{"token-1", "openssl"}},
		"the kill switch":                 {options{keys: keys{"policy.dialling": "off"}}, nil, "policy", Warning, []string{"CALLAGENT_POLICY_DIALLING=on"}},
		"a model that will be gone":       {options{keys: keys{"openai.model": "gpt-4o-realtime-preview"}}, nil, "configuration", Warning, []string{"2027-01-20"}},
		"a fault that the server has not": {options{}, keys{"openai.voice": ""}, "configuration", Failed, []string{"openai.voice", "CALLAGENT_OPENAI_VOICE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.world)
			r := w.examine(tc.change, nil)
			w.want(r, tc.check, tc.state, tc.words...)
			if r.OK != !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.State == Failed }) {
				t.Errorf("OK is %t", r.OK)
			}
		})
	}
}

func TestNoHookIsEverNotified(t *testing.T) {
	t.Parallel()
	for name, hooks := range map[string]http.HandlerFunc{"today": hooksToday, "January": hooksOfJanuary, "express": func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		hooksOfJanuary(w, r)
	}, "any": status(200)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{down: true, hooks: func(rw http.ResponseWriter, r *http.Request) {
				if b, _ := io.ReadAll(r.Body); len(b) != 0 {
					t.Errorf("%s with a body: %s", r.Method, b)
				}
				r.Body = http.NoBody
				hooks(rw, r)
			}})
			w.want(w.examine(nil, nil), "notification hook", map[bool]State{true: Warning, false: OK}[name == "any"])
			if name == "any" && (len(w.posted) != 1 || !strings.HasPrefix(w.posted[0], "GET ")) {
				t.Errorf("who asks for no token was asked %q", w.posted)
			}
		})
	}
}

func TestACertificateIsLookedAtAsAProviderDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	leaf := w.agent.Certificate()
	at := func(when time.Time) Report {
		return w.examine(nil, func(o *Options) { o.Now = func() time.Time { return when } })
	}
	w.want(at(leaf.NotAfter.Add(-24*time.Hour)), "certificate", Warning, "1 days left", "renewed")
	w.want(at(leaf.NotAfter.Add(24*time.Hour)), "certificate", Failed, "which is not now", "clock")
	// Nobody else trusts it: then nothing else is asked there.
	r := w.examine(nil, func(o *Options) { o.Roots = x509.NewCertPool() })
	w.want(r, "certificate", Failed, "no authority that is trusted")
	w.want(r, nameAddress, Failed, "see certificate")
	w.want(r, "signed webhooks", Skipped)
	w.want(r, "media stream", Skipped)

	base := "https://localhost:" + w.agent.URL[strings.LastIndexByte(w.agent.URL, ':')+1:]
	w.want(w.examine(map[string]string{"server.publicBaseUrl": base}, nil), "certificate", Failed, "not for localhost")
}

// TestAClockThatIsWrong: the others' Date decides.
func TestAClockThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{down: true})
	for skew, state := range map[time.Duration]State{0: OK, 20 * time.Second: OK, 40 * time.Second: Warning, -2 * time.Minute: Warning} {
		words := "within"
		if state == Warning {
			words = map[bool]string{true: "ahead of", false: "behind"}[skew > 0]
		}
		w.want(w.examine(nil, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(skew) } }), "clock", state, words)
	}
	none := map[string]string{"openai.baseUrl": "ws://127.0.0.1:1", "twilio.baseUrl": "http://127.0.0.1:1"}
	w.want(w.examine(none, nil), "clock", Warning, "nobody could be asked")
}

func TestTheDataFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{down: true})
	dir := t.TempDir()
	is := func(state State, words ...string) {
		t.Helper()
		before := list(t, dir)
		w.want(w.examine(map[string]string{"data_dir": filepath.Join(dir, "data")}, nil), "data folder", state, words...)
		if after := list(t, dir); !slices.Equal(before, after) {
			t.Errorf("the doctor left %q, there was %q", after, before)
		}
	}
	is(OK, "can be created", "MiB free")
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	is(OK, "is there and can be written", "no call recorded yet")
	if err := os.WriteFile(filepath.Join(dir, "data", storeFile), bytes.Repeat([]byte("not a store "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	is(Failed, "cannot be read", "backup")
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	is(Failed, "cannot be written", "data_dir")
}

func list(t *testing.T, dir string) (all []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNobodyHoldsTheDoctorUp: hosts that take a connection and never answer.
func TestNobodyHoldsTheDoctorUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := newWorld(t, options{down: true})
	mute := "//" + l.Addr().String()
	began := time.Now()
	r := w.examine(map[string]string{
		"server.publicBaseUrl": "https:" + mute, "openai.baseUrl": "ws:" + mute, "calendar.baseUrl": "http:" + mute, "notify.hooksUrl": "http:" + mute,
		"twilio.baseUrl": "http:" + mute, "stream.hosts": "wss:" + mute,
	}, nil)
	if took := time.Since(began); took > 2*checkLimit+4*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, name := range []string{nameAddress, "model", "calendar", "notification hook", nameAccount, "Twilio number"} {
		w.want(r, name, Failed)
	}
}

// TestWhatServersQuoteIsHidden: a host that repeats what it was sent betrays nothing.
func TestWhatServersQuoteIsHidden(t *testing.T) {
	t.Parallel()
	quoting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, true)
		b, _ := json.Marshal(map[string]any{"ok": false, "error": string(dump) + ownNumber + "\x1b[2J", "reasons": map[string]string{"x": string(dump)}})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = w.Write(b)
	}))
	t.Cleanup(quoting.Close)
	w := newWorld(t, options{down: true})
	r := w.examine(map[string]string{"calendar.baseUrl": quoting.URL, "notify.hooksUrl": quoting.URL, "openai.baseUrl": quoting.URL, "twilio.baseUrl": quoting.URL}, nil)
	w.want(r, "calendar", Failed)
	for _, c := range r.Checks {
		if strings.ContainsAny(c.Finding, "\x1b\n") {
			t.Errorf("%q", c)
		}
	}
	if got := newHider(w.config(nil)).line("token " + hooksToken + " of " + ownNumber + "\x1b[2J"); strings.Contains(got, hooksToken) || strings.Contains(got, ownNumber) || strings.Contains(got, "\x1b") {
		t.Error(got)
	}
}

func TestAnAddressOfTheLocalNetworkCannotBeCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{down: true})
	r := w.examine(map[string]string{"server.publicBaseUrl": "https://10.1.2.3", "twilio.baseUrl": "https://192.0.2.1"}, nil)
	w.want(r, nameAddress, Failed, "which Twilio cannot reach")
	r = w.examine(map[string]string{"server.publicBaseUrl": "https://callagent.invalid"}, nil)
	w.want(r, nameAddress, Failed, "callagent.invalid", "A record")
}

func TestEveryTLSErrorIsNamed(t *testing.T) {
	t.Parallel()
	for text, err := range map[string]error{
		"does not speak TLS": tls.RecordHeaderError{},
		"in time":            os.ErrDeadlineExceeded,
		"did not answer: x":  errString("x"),
		"has no address":     &net.DNSError{IsNotFound: true},
		"looked up":          &net.DNSError{},
		"can be trusted":     &tls.CertificateVerificationError{},
	} {
		if got := trouble(err, "h"); !strings.Contains(got, text) {
			t.Errorf("%v: %q, want %q", err, got, text)
		}
	}
}

type errString string

func (e errString) Error() string { return string(e) }
