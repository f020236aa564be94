//go:build linux

package lambdabench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/clawdbot/call-agent/internal/store/dynamo"
	"github.com/clawdbot/call-agent/internal/store/dynamo/dynamotest"
)

const (
	table     = "bench"
	account   = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	authToken = "cccccccccccccccccccccccccccccccc" //nolint:gosec // of nobody
	toolToken = "a tool token of sufficient length"
	publicURL = "https://agent.example"
	mediaHost = "wss://media.example"
)

// outside is everything that a function asks: the table, SSM, Twilio, the hook, and the
// schedules. It keeps when it was asked something, and until when.
type outside struct {
	url    string
	server *httptest.Server
	mu     sync.Mutex
	spans  []span
	active map[net.Conn]time.Time
	way    time.Duration // what a request takes beyond its span: the way there and back
	dials  []url.Values
}

type span struct{ from, to time.Time }

func newOutside(b *testing.B, dynamoDB string) *outside {
	b.Helper()
	target, err := url.Parse(dynamoDB)
	if err != nil {
		b.Fatal(err)
	}
	o := &outside{active: map[net.Conn]time.Time{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("POST /ssm/", o.ssm)
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Calls.json", o.dial)
	mux.HandleFunc("POST /hooks/agent", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })
	mux.HandleFunc("POST /scheduler/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ScheduleArn":"arn"}`) })
	o.server = httptest.NewUnstartedServer(mux)
	o.server.Config.ConnState = o.watch
	o.server.Start()
	o.url = o.server.URL
	return o
}

// calibrate measures the way to the outside and back from where the functions run: how
// much longer than the outside takes for it a request is on its way at the transport. That
// is the network's part, and the waking of a processor that had nothing to do meanwhile.
func (o *outside) calibrate(b *testing.B, asker *instance) {
	b.Helper()
	event, err := json.Marshal(o.url + "/hooks/agent")
	if err != nil {
		b.Fatal(err)
	}
	var ways []time.Duration
	for range 300 {
		time.Sleep(breath)
		answer, from, to := asker.invoke(b, event)
		var waited time.Duration
		if err := json.Unmarshal(answer, &waited); err != nil {
			b.Fatalf("asker answered %s: %v", answer, err)
		}
		if asked, requests := o.asked(from, to); requests == 1 {
			ways = append(ways, waited-asked)
		}
	}
	if len(ways) < 200 {
		b.Fatalf("only %d requests of 300 were seen from both sides", len(ways))
	}
	o.way = max(0, percentile(ways, 50))
}

// watch keeps the time from a request's first byte to its answer's last.
func (o *outside) watch(c net.Conn, state http.ConnState) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch state {
	case http.StateActive:
		o.active[c] = now
	case http.StateIdle, http.StateClosed, http.StateHijacked:
		if from, asked := o.active[c]; asked {
			delete(o.active, c)
			o.spans = append(o.spans, span{from, now})
		}
	case http.StateNew:
	}
}

// asked is how long of a time the outside was being asked something, and how often, and
// forgets it.
func (o *outside) asked(from, to time.Time) (sum time.Duration, requests int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.spans { // in the order of their ends; a function asks one thing at a time
		if s.from.Before(from) {
			s.from = from
		}
		if s.to.After(to) {
			s.to = to
		}
		if s.to.After(s.from) {
			sum += s.to.Sub(s.from) + o.way
			requests++
			from = s.to
		}
	}
	o.spans = o.spans[:0]
	return sum, requests
}

func (o *outside) ssm(w http.ResponseWriter, _ *http.Request) {
	document, _ := json.Marshal(map[string]any{
		"server":    map[string]any{"publicBaseUrl": publicURL},
		"telephony": map[string]any{"provider": "twilio"},
		"stream":    map[string]any{"hosts": []string{mediaHost}, "secret": strings.Repeat("s", 32)},
		"twilio":    map[string]any{"accountSid": account, "authToken": authToken, "fromNumber": "+14155550100", "baseUrl": o.url},
		"openai":    map[string]any{"apiKey": "key"},
		"calendar":  map[string]any{"baseUrl": o.url + "/calendar"},
		"notify":    map[string]any{"hooksUrl": o.url + "/hooks", "hooksToken": "a hooks token of sufficient length"},
		"defaults":  map[string]any{"timezone": "America/Los_Angeles"},
		"tools":     map[string]any{"tokens": []any{toolToken}},
		"retry":     map[string]any{"maxAttempts": 1},
		"policy":    map[string]any{"calling_hours": "00:00–24:00", "max_calls_per_day": 100_000, "max_concurrent": 100_000},
	})
	_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": "/c", "Type": "SecureString", "Value": string(document), "Version": 1}})
}

// dial is Twilio, which takes every call.
func (o *outside) dial(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what is cut is found wrong by the function
	o.mu.Lock()
	o.dials = append(o.dials, r.PostForm)
	sid := sidOf(len(o.dials))
	o.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sid":%q,"account_sid":%q,"status":"queued"}`, sid, account)
}

func sidOf(n int) string { return fmt.Sprintf("CA%032x", n) }

// lastDial is what Twilio was asked for last, and its call's id.
func (o *outside) lastDial() (form url.Values, sid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dials[len(o.dials)-1], sidOf(len(o.dials))
}

// environment is a function's.
func (o *outside) environment() []string {
	return []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_ENDPOINT_URL_DYNAMODB=" + o.url, "AWS_ENDPOINT_URL_SSM=" + o.url + "/ssm", "AWS_ENDPOINT_URL_SCHEDULER=" + o.url + "/scheduler",
		"CALLAGENT_PARAMETER=/c", "CALLAGENT_TABLE=" + table, "CALLAGENT_SERVER_PUBLICBASEURL=" + publicURL,
		"GOGC=off", "GOMAXPROCS=1", // as template.yaml has them
		"CALLAGENT_SCHEDULE_GROUP=calls", "CALLAGENT_SCHEDULE_ROLE=arn:role", "CALLAGENT_SCHEDULE_TARGET=arn:target", "CALLAGENT_SCHEDULE_DLQ=arn:queue",
	}
}

// newTable makes the table, and a media host's report in it.
func newTable(b *testing.B, server *dynamotest.Server) (report func()) {
	b.Helper()
	client := dynamo.NewClient(dynamo.ClientOptions{Region: "us-east-1", Endpoint: server.Endpoint, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		})})
	if err := dynamo.CreateTable(b.Context(), client, table); err != nil {
		b.Fatal(err)
	}
	hosts := dynamo.NewHosts(dynamo.Options{Client: client, Table: table})
	return func() {
		if err := hosts.Report(b.Context(), dynamo.HostReport{URL: mediaHost, Room: 100_000, ModelOK: true, At: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
}
