package doctor

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the tests mean these zones, whatever the machine has

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/internal/app/local"
	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	accountSID  = "AC00000000000000000000000000000007"
	authToken   = "5e0c1d3a7b9f4c2e8d6a0b1c3e5f7a99"
	ownNumber   = "+14155550100"
	hooksToken  = "hooks-token-0123456789"
	streamKey   = "stream-secret-0123456789abcdef0123"
	toolToken   = "tool-token-0123456789abcdef"
	modelKey    = "sk-model-key-0123456789"
	bridgeToken = "bridge-token-0123456789"
)

// world is a call agent that runs behind TLS, and everybody it works with.
type world struct {
	*testing.T
	twilio, model, calendar, hooks *httptest.Server
	// agent is the public address; front may stand before the call agent there.
	agent *httptest.Server
	roots *x509.CertPool
	keys  map[string]string
	// posted are what the hooks were asked, as "METHOD token".
	mu     sync.Mutex
	posted []string
}

// options of a world: what is sick in it.
type options struct {
	keys    map[string]string // of the configuration, for server and doctor alike; "-" leaves a key out
	account twiliotest.Account
	front   func(http.Handler) http.Handler
	hooks   http.HandlerFunc
	model   http.Handler
	down    bool // the server is not started
}

func newWorld(t *testing.T, o options) *world {
	t.Helper()
	w := &world{T: t, roots: x509.NewCertPool()}
	w.agent = httptest.NewUnstartedServer(nil)
	base := "https://" + w.agent.Listener.Addr().String()
	account := o.account
	if account.VoiceURL == "" {
		account.VoiceURL = base + "/voice"
	}
	carrier, err := twiliotest.New(twiliotest.Options{AccountSID: accountSID, AuthToken: authToken, Numbers: []string{ownNumber}, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	w.twilio = w.serve(carrier)
	t.Cleanup(carrier.Close)
	model := o.model
	if model == nil {
		m := realtimetest.New(realtimetest.Config{})
		t.Cleanup(func() { _ = m.Close() })
		model = m
	}
	w.model = w.serve(model)
	bridge, err := calendarbridge.Open(t.TempDir(), calendarbridge.Options{Token: bridgeToken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bridge.Close() })
	w.calendar = w.serve(bridge)
	hooks := o.hooks
	if hooks == nil {
		hooks = hooksToday
	}
	w.hooks = w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.posted = append(w.posted, r.Method+" "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.mu.Unlock()
		hooks(rw, r)
	}))
	w.keys = map[string]string{
		"telephony.provider": "twilio", "server.publicBaseUrl": base, "stream.secret": streamKey, "tools.tokens": toolToken,
		"twilio.accountSid": accountSID, "twilio.authToken": authToken, "twilio.fromNumber": ownNumber, "twilio.baseUrl": w.twilio.URL,
		"twilio.validateStreamSignature": "require",
		"openai.apiKey":                  modelKey, "openai.baseUrl": "ws" + strings.TrimPrefix(w.model.URL, "http") + "/v1",
		"calendar.baseUrl": w.calendar.URL, "calendar.token": bridgeToken,
		"notify.hooksUrl": w.hooks.URL + "/hooks", "notify.hooksToken": hooksToken,
		"defaults.timezone": "Europe/Berlin", "data_dir": filepath.Join(t.TempDir(), "data"),
	}
	for k, v := range o.keys {
		w.keys[k] = v
	}
	if o.down {
		t.Cleanup(w.agent.Close)
		_ = w.agent.Listener.Close()
		return w
	}
	w.start(o.front)
	return w
}

func (w *world) serve(h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	w.Cleanup(s.Close)
	return s
}

// start runs the call agent at its public address.
func (w *world) start(front func(http.Handler) http.Handler) {
	w.Helper()
	c := w.config(nil)
	host, err := local.Open(local.Options{Dir: c.DataDir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.Fatal(err)
	}
	app, err := local.New(host, c, slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	host.Activate(app)
	var h http.Handler = app
	if front != nil {
		h = front(app)
	}
	w.agent.Config.Handler = h
	w.agent.StartTLS()
	w.roots.AddCert(w.agent.Certificate())
	w.Cleanup(func() {
		w.agent.Close()
		if err := host.Close(); err != nil {
			w.Error(err)
		}
	})
}

// config is the world's configuration with changes; "-" leaves a key out.
func (w *world) config(change map[string]string) *config.Config {
	w.Helper()
	c := config.New()
	keys := map[string]string{}
	for _, from := range []map[string]string{w.keys, change} {
		for k, v := range from {
			keys[k] = v
		}
	}
	for k, v := range keys {
		if v == "-" {
			continue
		}
		if err := c.Set(k, []string{v}); err != nil {
			w.Fatal(err)
		}
	}
	return c
}

// examine runs the doctor. What is secret must not be in what it says.
func (w *world) examine(change map[string]string, more func(*Options)) Report {
	w.Helper()
	c := w.config(change)
	o := Options{Config: c, Source: "Caddyfile", Roots: w.roots, Warnings: c.Warnings()}
	_ = asFaults(c.Validate(), &o.Faults)
	if more != nil {
		more(&o)
	}
	began := time.Now()
	r := Run(w.Context(), o)
	if took := time.Since(began); took > totalLimit+10*time.Second {
		w.Errorf("it took %v", took)
	}
	w.wantNoSecret(r)
	return r
}

func asFaults(err error, into *config.Faults) bool {
	f, ok := err.(config.Faults) //nolint:errorlint // it is what Validate returns
	*into = f
	return ok
}

func (w *world) wantNoSecret(r Report) {
	w.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		w.Fatal(err)
	}
	var text bytes.Buffer
	r.Print(&text)
	for _, s := range []string{authToken, hooksToken, streamKey, toolToken, modelKey, bridgeToken, ownNumber} {
		if strings.Contains(string(b)+text.String(), s) {
			w.Errorf("%s is shown:\n%s", s, text.String())
		}
	}
	for _, c := range r.Checks {
		if c.Name == "" || c.Finding == "" || !slices.Contains([]State{OK, Warning, Failed, Skipped}, c.State) || (c.State == Failed || c.State == Warning) != (c.Mend != "") && c.State != Skipped {
			w.Errorf("incomplete: %+v", c)
		}
	}
}

// want finds a check in a state, with words in its finding or mend.
func (w *world) want(r Report, name string, state State, words ...string) {
	w.Helper()
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		w.Errorf("no check %q in %+v", name, r.Checks)
		return
	}
	c := r.Checks[i]
	for _, word := range words {
		if !strings.Contains(c.Finding+"\n"+c.Mend, word) {
			w.Errorf("%s: no %q in %+v", name, word, c)
		}
	}
	if c.State != state {
		w.Errorf("%s: %+v, want %s", name, c, state)
	}
}

// hooksToday answers as OpenClaw 2026.9 does: method, then token, then message.
func hooksToday(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/hooks/agent":
		http.NotFound(w, r)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Header.Get("Authorization") != "Bearer "+hooksToken:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		messageNeeded(w, r)
	}
}

// hooksOfJanuary look at the token first.
func hooksOfJanuary(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+hooksToken:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		messageNeeded(w, r)
	}
}

func messageNeeded(w http.ResponseWriter, r *http.Request) {
	var notice struct{ Message string }
	if json.NewDecoder(r.Body).Decode(&notice) != nil || notice.Message == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
