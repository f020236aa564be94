package cloud

import (
	"context"
	"encoding/json"
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
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/app/cloud/documenttest"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// variables are an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) { s, ok := v[name]; return s, ok }

func complete(more variables) variables {
	v := variables{
		VarParameter: "/callagent/config", VarTable: "calls", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
		"CALLAGENT_SERVER_PUBLIC_BASE_URL": "https://api.example.org",
	}
	for name, value := range more {
		v[name] = value
	}
	return v
}

func TestWhatIsMissingInTheEnvironmentIsNamedAtOnce(t *testing.T) {
	_, err := FromEnv(variables{VarTable: "calls"}.lookup)
	for _, name := range []string{VarParameter, "AWS_REGION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	e, err := FromEnv(complete(variables{"AWS_ENDPOINT_URL": "http://all/", "AWS_ENDPOINT_URL_SSM": "http://ssm"}).lookup)
	if err != nil || e.Endpoint("SSM") != "http://ssm" || e.Endpoint("DYNAMODB") != "http://all" {
		t.Errorf("%v %s %s", err, e.Endpoint("SSM"), e.Endpoint("DYNAMODB"))
	}
	c, err := e.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "AKID" {
		t.Errorf("%v", err)
	}
	e, _ = FromEnv(variables{}.lookup)
	if _, err := e.Credentials.Retrieve(t.Context()); err == nil {
		t.Error("credentials out of nothing")
	}
}

// ssm answers GetParameter, one answer after the other, the last repeating.
func ssm(t *testing.T, answers ...http.HandlerFunc) Environment {
	t.Helper()
	var mu sync.Mutex
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || !strings.Contains(string(body), `"WithDecryption":true`) ||
			!strings.Contains(r.Header.Get("Authorization"), "Credential=AKID/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/ssm/aws4_request") {
			t.Errorf("asked %s with %v", body, r.Header)
		}
		mu.Lock()
		answer := answers[min(asked, len(answers)-1)]
		asked++
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	e, err := FromEnv(complete(variables{"AWS_ENDPOINT_URL_SSM": s.URL}).lookup)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func value(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]string{"Value": text}})
	}
}

func refused(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.ssm#" + kind})
	}
}

func TestReadingTheDocument(t *testing.T) {
	breaks := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		text    string
		says    string
	}{
		"there":                {[]http.HandlerFunc{value("{}")}, "{}", ""},
		"there the next time":  {[]http.HandlerFunc{refused(500, "InternalServerError"), value("{}")}, "{}", ""},
		"after a broken line":  {[]http.HandlerFunc{breaks, value("{}")}, "{}", ""},
		"in trouble":           {[]http.HandlerFunc{refused(503, "x")}, "", "SSM answered 503"},
		"not written":          {[]http.HandlerFunc{refused(400, "ParameterNotFound")}, "", "make secrets"},
		"throttled":            {[]http.HandlerFunc{refused(400, "ThrottlingException"), value("{}")}, "{}", ""},
		"expired credentials":  {[]http.HandlerFunc{refused(400, "ExpiredTokenException")}, "", "renew them"},
		"a key that is off":    {[]http.HandlerFunc{refused(400, "InvalidKeyId")}, "", "enable it"},
		"not allowed":          {[]http.HandlerFunc{refused(400, "AccessDeniedException")}, "", "template.yaml allows it"},
		"an answer without it": {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"Parameter":"sk-hidden`) }}, "", "no value"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := ssm(t, c.answers...).ReadText(t.Context())
			if string(text) != c.text || (err == nil) != (c.says == "") || (err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hidden"))) {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

func TestADocumentIsHeldToTheRulesOfAWS(t *testing.T) {
	e, _ := FromEnv(complete(nil).lookup)
	d, err := e.Decode(documenttest.New(t, nil))
	if err != nil || d.Config.Server.PublicBaseURL != "https://api.example.org" || len(d.Hash) != 64 {
		t.Fatalf("%+v, %v", d, err)
	}
	other, _ := e.Decode(documenttest.New(t, map[string]any{"max_sessions": 7}))
	if other.Hash == d.Hash {
		t.Error("two documents, one hash")
	}
	_, err = e.Decode(documenttest.New(t, map[string]any{
		"telephony": map[string]any{"provider": "mock"}, "stream": map[string]any{"secret": "sk-hidden"},
		"calendar": map[string]any{"baseUrl": "http://10.0.0.1"}, "notify": map[string]any{"hooksUrl": "http://127.0.0.1/hooks", "hooksToken": "sk-hidden"}, "colour": "red",
	}))
	for _, key := range []string{"telephony.provider", "stream.hosts", "calendar.baseUrl", "notify.hooksUrl", "colour"} {
		if err == nil || strings.Count(err.Error(), key+":") != 1 {
			t.Errorf("%s is not told once: %v", key, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "hidden") {
		t.Errorf("a secret is told: %v", err)
	}
	for _, broken := range []string{"", "{", "[]", "null", `{"stream":`} {
		if _, err := e.Decode([]byte(broken)); err == nil {
			t.Errorf("%q is taken for a document", broken)
		}
	}
}

// echo is a handler that answers with its document's hash.
type echo struct{ *Plane }

func (e echo) Invoke(context.Context, []byte) ([]byte, error) { return []byte(e.Hash), nil }

func TestAFunctionKeepsItsDocument(t *testing.T) {
	var mu sync.Mutex
	now, reads := value(string(documenttest.New(t, nil))), 0
	e := ssm(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		reads++
		now(w, r)
	})
	set := func(h http.HandlerFunc) { mu.Lock(); now = h; mu.Unlock() }
	f := &Function{Environment: e, Needs: Needs{Log: slog.New(slog.DiscardHandler)}, Handler: func(p *Plane) (Handler, error) { return echo{p}, nil }}
	invoke := func() string {
		b, err := f.Invoke(t.Context(), nil)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	first := invoke()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if invoke() != first {
				t.Error("another document")
			}
		})
	}
	all.Wait()
	if reads != 1 || len(first) != 64 {
		t.Errorf("%d reads, %s", reads, first)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		same   bool
	}{
		"unchanged":  {value(string(documenttest.New(t, nil))), true},
		"unreadable": {refused(400, "AccessDeniedException"), true},
		"malformed":  {value("{"), true},
		"changed":    {value(string(documenttest.New(t, map[string]any{"max_sessions": 7}))), false},
	} {
		set(value(string(documenttest.New(t, nil))))
		f.nextAt = time.Time{}
		invoke()
		set(c.answer)
		f.nextAt = time.Time{} // five minutes later
		if got := invoke(); (got == first) != c.same || len(got) != 64 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestAFunctionWithoutADocument(t *testing.T) {
	e := ssm(t, refused(400, "ParameterNotFound"), value(string(documenttest.New(t, nil))))
	f := HTTP(func(*Plane) http.Handler { return http.NotFoundHandler() }, Needs{Log: slog.New(slog.DiscardHandler)})
	f.Environment = e
	b, err := f.Invoke(t.Context(), []byte("{}"))
	if err != nil || !strings.Contains(string(b), `"statusCode":503`) || !strings.Contains(string(b), "retry-after") {
		t.Errorf("%s, %v", b, err)
	}
	if b, _ = f.Invoke(t.Context(), []byte("{}")); !strings.Contains(string(b), `"statusCode":503`) {
		t.Errorf("asked again within five seconds: %s", b)
	}
	f.nextAt = time.Time{}
	if b, _ = f.Invoke(t.Context(), []byte("{}")); strings.Contains(string(b), `"statusCode":503`) {
		t.Errorf("the document is there, and %s", b)
	}
	worker := &Function{Environment: ssm(t, refused(400, "ParameterNotFound")), Needs: f.Needs, Handler: (*Plane).Retry}
	if _, err := worker.Invoke(t.Context(), []byte(`{"v":1,"sweep":true}`)); err == nil {
		t.Error("an event is lost")
	}
}

// reports is a table with nothing in it but media hosts' reports.
type reports struct {
	dynamo.Client
	all   []map[string]types.AttributeValue
	err   error
	reads int
}

func (r *reports) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	r.reads++
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
	for table := range in.RequestItems {
		out.Responses[table] = r.all
	}
	return out, r.err
}

func (r *reports) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	r.all = append(r.all, in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

func TestTheHostWithTheMostRoomIsChosen(t *testing.T) {
	good := func(url string, room int) dynamo.HostReport {
		return dynamo.HostReport{URL: url, Room: room, ModelOK: true}
	}
	with := func(r dynamo.HostReport, change func(*dynamo.HostReport)) dynamo.HostReport { change(&r); return r }
	// A bubble's clock begins in 2000, so its own times are given relative to it.
	bubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	stale := func(r *dynamo.HostReport) { r.At = bubble.Add(-2 * time.Minute) }
	for name, c := range map[string]struct {
		hosts []dynamo.HostReport
		err   error
		want  string
		says  string
	}{
		"the most room":        {[]dynamo.HostReport{good("wss://a", 3), good("wss://b", 9)}, nil, "wss://b", ""},
		"one is draining":      {[]dynamo.HostReport{good("wss://a", 3), with(good("wss://b", 9), func(r *dynamo.HostReport) { r.Draining = true })}, nil, "wss://a", ""},
		"one has not reported": {[]dynamo.HostReport{good("wss://a", 3), with(good("wss://b", 9), stale)}, nil, "wss://a", ""},
		"all full":             {[]dynamo.HostReport{good("wss://a", 0), good("wss://b", 0)}, nil, "", "full"},
		"no model":             {[]dynamo.HostReport{with(good("wss://a", 3), func(r *dynamo.HostReport) { r.ModelOK = false })}, nil, "", "the model's service does not answer"},
		"nobody":               {nil, nil, "", "no media host has reported"},
		"no table":             {nil, errors.New("AccessDenied"), "", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := &reports{}
				hosts := dynamo.NewHosts(dynamo.Options{Client: table, Table: "calls"})
				for _, h := range c.hosts {
					if h.At.IsZero() {
						h.At = time.Now()
					}
					if err := hosts.Report(t.Context(), h); err != nil {
						t.Fatal(err)
					}
				}
				table.err = c.err
				r := &rooms{hosts: hosts, urls: []string{"wss://a", "wss://b"}, now: time.Now}
				got, err := r.Host(t.Context(), "k3")
				var m *call.MediaError
				if got != c.want || (err == nil) != (c.says == "") || (err != nil && (!errors.As(err, &m) || !strings.Contains(m.Words, c.says))) {
					t.Errorf("%q, %v", got, err)
				}
				if again := r.Reserve(t.Context(), "k3", 1, time.Now()); (again == nil) != (err == nil) {
					t.Errorf("a place is reserved where there is none: %v", again)
				}
			})
		})
	}
}

func TestABurstOfCallsReadsTheReportsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &reports{}
		hosts := dynamo.NewHosts(dynamo.Options{Client: table, Table: "calls"})
		for _, url := range []string{"wss://a", "wss://b"} {
			if err := hosts.Report(t.Context(), dynamo.HostReport{URL: url, Room: 5, ModelOK: true, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		r := &rooms{hosts: hosts, urls: []string{"wss://a", "wss://b"}, now: time.Now}
		seen := map[string]bool{}
		for _, id := range []call.ID{"a", "b", "c", "d"} {
			first, err := r.Host(t.Context(), id)
			if again, _ := r.Host(t.Context(), id); err != nil || again != first {
				t.Errorf("%s goes to %s, then to %s: %v", id, first, again, err)
			}
			seen[first] = true
		}
		if table.reads != 1 || len(seen) != 2 {
			t.Errorf("%d reads; hosts %v", table.reads, seen)
		}
		time.Sleep(roomsKept)
		_, _ = r.Host(t.Context(), "a")
		if table.reads != 2 {
			t.Errorf("%d reads", table.reads)
		}
	})
}

func TestWakeUps(t *testing.T) {
	for name, c := range map[string]struct {
		event string
		err   error
		looks bool
	}{
		"a call that is gone": {`{"v":1,"callId":"gone","attempt":2}`, nil, true},
		"a sweep":             {`{"v":1,"sweep":true}`, nil, true},
		"a newer version":     {`{"v":2,"kind":"later"}`, errVersion, false},
		"both":                {`{"v":1,"callId":"a","sweep":true}`, errWake, false},
		"neither":             {`{"v":1}`, errWake, false},
		"garbage":             {`{`, errWake, false},
		"a request":           {`{"version":"2.0","rawPath":"/"}`, errWake, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := calltest.NewWorld()
			looked := false
			w.Store.FailWith(func(string, call.Call) error { looked = true; return nil })
			_, err := retry{w.Service}.Invoke(t.Context(), []byte(c.event))
			if !errors.Is(err, c.err) || looked != c.looks {
				t.Errorf("%v, looked %t", err, looked)
			}
		})
	}
	w := calltest.NewWorld()
	w.Store.FailWith(func(string, call.Call) error { return errors.New("throttled") })
	for _, event := range []string{`{"v":1,"callId":"a","attempt":1}`, `{"v":1,"sweep":true}`} {
		if _, err := (retry{w.Service}).Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s is lost", event)
		}
	}
}

func TestABatchOfNotices(t *testing.T) {
	w := calltest.NewWorld()
	w.Service.Rules.MaxAttempts = 1
	w.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) {
		return call.Started{}, &call.DialError{Kind: call.DialRefusedForGood, Words: "21211", Err: errors.New("21211")}
	}
	a, err := w.Service.Place(t.Context(), "owner", calltest.Request(time.Now()), nil)
	if err != nil {
		t.Fatal(err)
	}
	record := func(event, pk, sk, number string) map[string]any {
		return map[string]any{"eventName": event, "dynamodb": map[string]any{
			"Keys": map[string]any{"PK": map[string]string{"S": pk}, "SK": map[string]string{"S": sk}}, "SequenceNumber": number,
		}}
	}
	batch := func(records ...map[string]any) []byte {
		b, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ours := record("INSERT", "CALL#"+string(a.CallID), "OUT#not_booked", "2")
	n := notify{&Plane{Service: w.Service, Log: slog.New(slog.DiscardHandler)}}
	out, err := n.Invoke(t.Context(), batch(
		record("INSERT", "CALL#gone", "OUT#booked", "1"), ours, record("MODIFY", "CALL#x", "META", "3"), record("INSERT", "SID#CA1", "REF", "4"), map[string]any{},
	))
	if err != nil || string(out) != `{"batchItemFailures":[]}` || len(w.Notifier.Posts()) != 1 {
		t.Errorf("%s, %v, %d posts", out, err, len(w.Notifier.Posts()))
	}
	if _, err := n.Invoke(t.Context(), batch(ours)); err != nil || len(w.Notifier.Posts()) != 1 {
		t.Errorf("told again: %v", err)
	}
	w.Store.FailWith(func(string, call.Call) error { return errors.New("throttled") })
	if out, err = n.Invoke(t.Context(), batch(ours)); err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"2"}]}` {
		t.Errorf("%s, %v", out, err)
	}
	for _, event := range []string{"{", "{}", `{"v":1,"sweep":true}`} {
		if _, err := n.Invoke(t.Context(), []byte(event)); !errors.Is(err, errBatch) {
			t.Errorf("%s: %v", event, err)
		}
	}
}
