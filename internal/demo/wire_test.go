package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/clawdbot/call-agent/internal/app/local"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// wire keeps every message of both sockets.
type wire struct {
	mu       sync.Mutex
	realtime map[string][]json.RawMessage // by side
	twilio   []twiliotest.WireMessage
}

func (w *wire) model(side string, event json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.realtime[side] = append(w.realtime[side], append(json.RawMessage(nil), event...))
}

func (w *wire) phone(m twiliotest.WireMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.Text = append([]byte(nil), m.Text...)
	w.twilio = append(w.twilio, m)
}

// serveHere is Serve in this process: the product's composition on net/http.
func serveHere(t *testing.T) Serve {
	return func(_ context.Context, s Site) (func() error, error) {
		b, err := json.Marshal(s.Document)
		if err != nil {
			return nil, err
		}
		c, err := config.Load(placeholder.ReplaceAllFunc(b, func(m []byte) []byte {
			return []byte(s.Secrets[string(placeholder.FindSubmatch(m)[1])])
		}), nil)
		if err != nil {
			return nil, err
		}
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		h, err := local.Open(local.Options{Dir: c.DataDir, Now: s.Now, Log: log})
		if err != nil {
			return nil, err
		}
		app, err := local.New(h, c, log)
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		l, err := net.Listen("tcp", s.Listen)
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		srv := &http.Server{Handler: app}
		h.Activate(app)
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(l) }()
		return func() error {
			err := errors.Join(srv.Close(), h.Close())
			<-done
			return err
		}, nil
	}
}

// TestEveryMessageOfEveryScenarioIsStrictlyValid plays each scenario and holds what
// either side sent, on both sockets, against the strict schemas of others' contracts.
func TestEveryMessageOfEveryScenarioIsStrictlyValid(t *testing.T) {
	t.Parallel()
	// Where the model's format matters: audio that is heard whole, and audio that is cut.
	both := []string{"books", "counter", "interrupts"}
	for _, p := range plays() {
		formats := []string{config.FormatPCMU}
		if slices.Contains(both, p.name) {
			formats = append(formats, config.FormatPCM)
		}
		for _, format := range formats {
			t.Run(p.name+"/"+filepath.Base(format), func(t *testing.T) {
				t.Parallel()
				w := &wire{realtime: map[string][]json.RawMessage{}}
				s, end := perform(t, p.name, format, w)
				for _, c := range judge(s.play, s, end) {
					if c.problem != "" {
						t.Errorf("%s%s", c.states, c.because())
					}
				}
				w.check(t, len(s.recording().Agent) > 0)
				if p.apology > 0 {
					wholeApology(t, s)
				}
			})
		}
	}
}

// wholeApology demands that what the callee heard after the model's last word was the
// stored apology, all of it.
func wholeApology(t *testing.T, s *stage) {
	t.Helper()
	clip, err := os.ReadFile(filepath.Join("..", "..", "media", "apology.ulaw"))
	if err != nil {
		t.Fatal(err)
	}
	_, words := s.listen(s.dials()[s.play.apology-1])
	if heard, rest, _ := twiliotest.Heard(words, [][]byte{clip}, nil); heard[0] < len(clip) || len(rest) > 0 {
		t.Errorf("%v were played that are not the apology of %v", duration(len(words)), duration(len(clip)))
	}
}

// perform plays a scenario whose sockets are listened to.
func perform(t *testing.T, name, format string, w *wire) (*stage, ending) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	o := Options{Scenario: name, Format: format, Serve: serveHere(t), Stdout: io.Discard, model: w.model, phone: w.phone}
	p, err := playOf(o)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s, err := raise(ctx, p, o, t.TempDir(), newStory(io.Discard, start), start)
	if err != nil {
		t.Fatal(err)
	}
	end, err := s.perform(ctx)
	if err := errors.Join(err, s.close()); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return s, end
}

// check validates every message. Where the contracts are not at hand it says so; the
// strictness of both simulators, written in Go, has judged the run in any case.
func (w *wire) check(t *testing.T, answered bool) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered && (len(w.realtime[realtimetest.SideClient]) == 0 || len(w.realtime[realtimetest.SideServer]) == 0 || len(w.twilio) == 0) {
		t.Fatal("nothing was heard on the wire")
	}
	const events, streams = "openai-realtime.schema.json", "twilio-media-streams.schema.json"
	client, server := schema(t, events, "RealtimeClientEventStrict"), schema(t, events, "RealtimeServerEventStrict")
	ours, theirs := schema(t, streams, "ServerToTwilio"), schema(t, streams, "TwilioToServer")
	for _, m := range w.realtime[realtimetest.SideClient] {
		validate(t, client, m, "we sent to the model")
	}
	for _, m := range w.realtime[realtimetest.SideServer] {
		validate(t, server, m, "the simulated model sent")
	}
	for _, m := range w.twilio {
		if m.FromServer {
			validate(t, ours, m.Text, "we sent to the phone")
		} else {
			validate(t, theirs, m.Text, "the fake Twilio sent")
		}
	}
}

func validate(t *testing.T, s *jsonschema.Schema, message []byte, who string) {
	t.Helper()
	if s == nil {
		return
	}
	var v any
	if err := json.Unmarshal(message, &v); err != nil {
		t.Errorf("%s no JSON: %v", who, err)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s %.200s: %v", who, message, err)
	}
}

// contracts is where others' contracts lie, beside the checkout; "" in a stranger's clone.
func contracts(t *testing.T) string {
	t.Helper()
	shared := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(shared); errors.Is(err, fs.ErrNotExist) {
		t.Log("left out: the strict schemas of ../shared are not here; the simulators' own strictness judged the run")
		return ""
	}
	return filepath.Join(shared, "contracts")
}

func schema(t *testing.T, file, def string) *jsonschema.Schema {
	t.Helper()
	dir := contracts(t)
	if dir == "" {
		return nil
	}
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := doc.(map[string]any)["$id"].(string)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id + "#/$defs/" + def)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNothingOfTheDemoDependsOnTheDay: whatever day it is, the demo's clock says the same.
func TestNothingOfTheDemoDependsOnTheDay(t *testing.T) {
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		t.Fatal(err)
	}
	if got := dayOne().In(zone).Format("Mon 15:04 MST"); got != "Mon 10:00 PST" {
		t.Errorf("the demo begins on %s", got)
	}
}
