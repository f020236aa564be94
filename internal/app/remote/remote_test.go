package remote

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// table keeps the reports that are written to it, and fails when told to.
type table struct {
	dynamo.Client
	mu      sync.Mutex
	reports []report
	err     error
}

// report is one as the functions read it.
type report struct {
	room            string
	model, draining bool
}

func (f *table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	var r report
	if v, ok := in.Item["room"].(*types.AttributeValueMemberN); ok {
		r.room = v.Value
	}
	if v, ok := in.Item["modelOk"].(*types.AttributeValueMemberBOOL); ok {
		r.model = v.Value
	}
	if v, ok := in.Item["draining"].(*types.AttributeValueMemberBOOL); ok {
		r.draining = v.Value
	}
	f.reports = append(f.reports, r)
	return &dynamodb.PutItemOutput{}, nil
}

func (f *table) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// written are the reports since it was asked last.
func (f *table) written() []report {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.reports
	f.reports = nil
	return all
}

// bed is a host in a bubble of its own clock, with one configuration.
type bed struct {
	*Host
	app   *App
	table *table

	mu    sync.Mutex
	model error // what the model's service answers
}

func (b *bed) modelIs(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.model = err
}

func (b *bed) probe(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.model
}

func newBed() *bed {
	b := &bed{Host: Open(Options{URL: "wss://media.example", Log: quiet}), table: &table{}}
	b.app = b.configuration(7)
	return b
}

func (b *bed) configuration(most int) *App {
	c := config.New()
	c.MaxSessions = most
	return &App{
		config: c, hash: "h", hosts: dynamo.NewHosts(dynamo.Options{Client: b.table, Table: "calls"}),
		model: stream.NewModel(b.probe, time.Now),
	}
}

func TestAHostReportsAsLongAsItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed()
		if err := b.reporter.ready(t.Context()); err == nil || len(b.table.written()) != 0 {
			t.Errorf("before there is a configuration it is ready: %v", err)
		}
		b.Activate(b.app)
		synctest.Wait()
		if all := b.table.written(); len(all) != 1 || all[0].room != "7" || !all[0].model || all[0].draining {
			t.Fatalf("at once: %+v", all)
		}
		if err := b.reporter.ready(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(4*cloud.ReportEvery + time.Second)
		if all := b.table.written(); len(all) != 4 {
			t.Errorf("%d reports in four rounds", len(all))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if all := b.table.written(); len(all) != 1 || !all[0].draining {
			t.Errorf("the last words: %+v", all)
		}
		if err := b.Close(); err != nil || len(b.table.written()) != 0 {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestAHostWithoutAModelSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed()
		defer func() { _ = b.Close() }()
		b.modelIs(errors.New("401"))
		b.Activate(b.app)
		synctest.Wait()
		if all := b.table.written(); len(all) != 1 || all[0].model {
			t.Errorf("%+v", all)
		}
		b.modelIs(nil)
		time.Sleep(2 * cloud.ReportEvery) // the bad handshake is not repeated at once
		if all := b.table.written(); len(all) == 0 || !all[len(all)-1].model {
			t.Errorf("the model is back, and the host says %+v", all)
		}
	})
}

func TestAReportThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed()
		defer func() { _ = b.Close() }()
		b.table.failWith(errors.New("AccessDenied: arn of a table"))
		b.Activate(b.app)
		synctest.Wait()
		if err := b.reporter.ready(t.Context()); err == nil || strings.Contains(err.Error(), "arn") {
			t.Errorf("everybody reads: %v", err)
		}
		b.table.failWith(nil)
		time.Sleep(cloud.ReportEvery)
		synctest.Wait()
		if err := b.reporter.ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A reload activates the new configuration before it deactivates the old one.
func TestTheNewestConfigurationIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed()
		defer func() { _ = b.Close() }()
		second := b.configuration(9)
		last := func() string {
			time.Sleep(cloud.ReportEvery)
			synctest.Wait()
			all := b.table.written()
			if len(all) == 0 {
				return ""
			}
			return all[len(all)-1].room
		}
		b.Activate(b.app)
		b.Activate(second)
		if got := last(); got != "9" {
			t.Errorf("both: %s", got)
		}
		b.Deactivate(b.app)
		if got := last(); got != "9" {
			t.Errorf("the new one: %s", got)
		}
		b.Activate(b.app)
		b.Deactivate(b.app) // a reload that failed
		if got := last(); got != "9" {
			t.Errorf("the new one still: %s", got)
		}
		b.Deactivate(second)
		if got := last(); got != "" {
			t.Errorf("none, and it reports %s", got)
		}
	})
}

func TestADrainedHostSaysSoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed()
		b.Activate(b.app)
		synctest.Wait()
		b.table.written()
		b.Drain(t.Context(), time.Minute)
		synctest.Wait()
		if all := b.table.written(); len(all) != 1 || !all[0].draining || !b.Draining() {
			t.Errorf("%+v", all)
		}
		if err := b.ready(t.Context()); !errors.Is(err, errDraining) {
			t.Errorf("it is ready: %v", err)
		}
		if b.sessions.Reserve("k3", 1, time.Now(), time.Now().Add(time.Minute), 7) {
			t.Error("it takes a call")
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAHostThatNeverRanCloses(t *testing.T) {
	b := newBed()
	if err := b.Destruct(); err != nil || len(b.table.written()) != 0 {
		t.Errorf("%v", err)
	}
	b.Activate(b.app) // a reload on its way while everything ends
	if len(b.table.written()) != 0 {
		t.Error("it reports after its end")
	}
}

func TestItsOwnURL(t *testing.T) {
	c := config.New()
	c.Stream.Hosts = []string{"wss://a.example", "ws://127.0.0.1:4545"}
	for site, want := range map[string]string{
		"https://a.example": "wss://a.example", "https://a.example/": "wss://a.example", "http://127.0.0.1:4545": "ws://127.0.0.1:4545", "https://b.example": "",
	} {
		url, named := OwnURL(c, site)
		if named != (want != "") || named && url != want {
			t.Errorf("%s: %s, named %t", site, url, named)
		}
	}
}

// document is a configuration that functions and hosts take.
func document(t *testing.T) cloud.Document {
	t.Helper()
	c := config.New()
	c.Cloud = true
	for key, value := range map[string]string{
		"server.publicBaseUrl": "https://api.example.org", "telephony.provider": "twilio", "stream.hosts": "wss://media.example",
		"stream.secret": strings.Repeat("s", 32), "twilio.accountSid": "AC" + strings.Repeat("0", 32), "twilio.authToken": "token",
		"twilio.fromNumber": "+14155550100", "openai.apiKey": "key", "calendar.baseUrl": "https://calendar.example.org", "tools.tokens": strings.Repeat("t", 32),
	} {
		if err := c.Set(key, []string{value}); err != nil {
			t.Fatal(err)
		}
	}
	return cloud.Document{Config: c, Hash: "of the document"}
}

func TestItServesStreamsAndHealthAndNothingElse(t *testing.T) {
	set := map[string]string{cloud.VarParameter: "/callagent/config", cloud.VarTable: "calls", "AWS_REGION": "eu-central-1"}
	e, err := cloud.FromEnv(func(name string) (string, bool) { v, ok := set[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	h := Open(Options{Environment: e, URL: "wss://media.example", Log: quiet})
	defer func() { _ = h.Close() }()
	a, err := New(h, document(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	for request, served := range map[string]bool{
		"GET /voice/stream/token": true, "GET /healthz": true, "GET /readyz": true, "POST /voice": false, "POST /status": false, "POST /amd": false, "POST /tools/call_agent": false, "GET /calls": false, "GET /calls/k3": false, "DELETE /calls/k3": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := a.Handles(httptest.NewRequest(method, path, nil)); got != served {
			t.Errorf("%s is served: %t", request, got)
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if body, _ := io.ReadAll(w.Body); w.Code != http.StatusOK || !strings.Contains(string(body), `"ok":true`) {
		t.Errorf("%d %s", w.Code, body)
	}
	if a.DrainTimeout() <= 0 || len(h.Sessions()) != 0 || h.HangUp("k3") {
		t.Error("it has calls that nobody made")
	}
	if err := a.Service.Media.Reserve(t.Context(), "k3", 1, time.Now()); err == nil {
		t.Error("a media host dials")
	}
	if got, err := a.Service.Media.Host(t.Context(), call.ID("k3")); err != nil || got != "wss://media.example" {
		t.Errorf("%s, %v", got, err)
	}
	a.Service.Media.Release("k3", 1)
	if err := a.Service.Scheduler.Wake(t.Context(), "k3", 1, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestTheEnvironmentIsFoundAsEveryAWSProgramFindsIt(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hidden")
	set := map[string]string{cloud.VarParameter: "/callagent/config", cloud.VarTable: "calls"}
	lookup := func(name string) (string, bool) { v, ok := set[name]; return v, ok }
	e, err := Environment(t.Context(), lookup)
	if err != nil || e.Region != "eu-central-1" || e.Table != "calls" {
		t.Fatalf("%+v, %v", e, err)
	}
	if keys, err := e.Credentials.Retrieve(t.Context()); err != nil || keys.AccessKeyID != "AKID" {
		t.Errorf("%v", err)
	}
	delete(set, cloud.VarTable)
	if _, err := Environment(t.Context(), lookup); err == nil || !strings.Contains(err.Error(), cloud.VarTable) {
		t.Errorf("%v", err)
	}
}
