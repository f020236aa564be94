package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func compose(t *testing.T, o Options, n call.NoticeContent) string {
	t.Helper()
	o.URL, o.Token = "http://host/hooks", "secret"
	body, err := client(t, o).Compose(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheBodyIsTheContracts(t *testing.T) {
	const plain = `{"message":"Booked.","name":"CallAgent","wakeMode":"now","deliver":true`
	for name, c := range map[string]struct {
		o      Options
		origin *call.Origin
		want   string
	}{
		"no origin":                   {want: plain + `}`},
		"empty origin":                {origin: &call.Origin{}, want: plain + `}`},
		"configured session key":      {o: Options{SessionKey: "hook:calls"}, want: plain + `,"sessionKey":"hook:calls"}`},
		"the origin's session key":    {origin: &call.Origin{SessionKey: "agent:main:main"}, want: plain + `}`},
		"channel alone":               {origin: &call.Origin{Channel: "telegram", AccountID: "default"}, want: plain + `}`},
		"to alone":                    {origin: &call.Origin{To: "telegram:1", AccountID: "default"}, want: plain + `}`},
		"channel and to":              {origin: &call.Origin{Channel: "telegram", To: "telegram:1"}, want: plain + `,"channel":"telegram","to":"telegram:1"}`},
		"all":                         {origin: &call.Origin{Channel: "telegram", To: "telegram:1", AccountID: "default", AgentID: "main", SessionKey: "s"}, want: plain + `,"channel":"telegram","to":"telegram:1","accountId":"default","agentId":"main"}`},
		"agent alone":                 {origin: &call.Origin{AgentID: "main"}, want: plain + `,"agentId":"main"}`},
		"last, which is no channel":   {origin: &call.Origin{Channel: "last", To: "telegram:1"}, want: plain + `}`},
		"account without its channel": {origin: &call.Origin{AccountID: "default"}, want: plain + `}`},
	} {
		if got := compose(t, c.o, call.NoticeContent{Message: "Booked.", Origin: c.origin}); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
	all := &call.Origin{Channel: "telegram", To: "telegram:1", AccountID: "default", AgentID: "main"}
	if got := compose(t, Options{SessionKey: "hook:calls"}, call.NoticeContent{Message: "Booked.", Origin: all, Plain: true}); got != plain+`}` {
		t.Errorf("plain: %s", got)
	}
	if _, err := client(t, Options{URL: "http://host/hooks", Token: "secret"}).Compose(call.NoticeContent{Message: " \n"}); err == nil {
		t.Error("a notice without a message was composed")
	}
}

func TestNewNamesTheKeyAtFault(t *testing.T) {
	for url, key := range map[string]string{"": "notify.hooksUrl", "host/hooks": "notify.hooksUrl", "ftp://host": "notify.hooksUrl", "http://host\x00": "notify.hooksUrl"} {
		if _, err := New(Options{URL: url, Token: "secret"}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := New(Options{URL: "http://host/hooks"}); err == nil || !strings.Contains(err.Error(), "notify.hooksToken") {
		t.Errorf("no token: %v", err)
	}
}

func TestARequestIsTheStoredBodyByteForByte(t *testing.T) {
	const body = `{"message" : "Booked.","x":1}` + "\n"
	asked := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != body {
			t.Errorf("body %q, %v", got, err)
		}
		asked <- r
	}))
	defer server.Close()
	for _, base := range []string{server.URL + "/hooks", server.URL + "/hooks/"} {
		if err := client(t, Options{URL: base, Token: "secret"}).Send(t.Context(), "call1:booked", []byte(body)); err != nil {
			t.Fatal(err)
		}
		r := <-asked
		for name, want := range map[string]string{"Authorization": "Bearer secret", "Idempotency-Key": "call1:booked", "Content-Type": "application/json"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if r.Method != http.MethodPost || r.URL.String() != "/hooks/agent" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}
}

func TestEveryStatusHasItsMeaning(t *testing.T) {
	type meaning int
	const (
		delivered meaning = iota
		retry
		withoutRouting
		giveUp
	)
	const plain, routed, agentOnly, keyed = `{"message":"m"}`, `{"message":"m","channel":"c","to":"t"}`, `{"message":"m","agentId":"a"}`, `{"message":"m","sessionKey":"s"}`
	for _, c := range []struct {
		status int
		body   string
		want   meaning
	}{
		{200, plain, delivered},
		{202, plain, delivered},
		{201, plain, giveUp},
		{204, plain, giveUp},
		{301, plain, giveUp},
		{302, plain, giveUp},
		{307, routed, giveUp},
		{308, plain, giveUp},
		{400, plain, giveUp},
		{400, routed, withoutRouting},
		{400, agentOnly, withoutRouting},
		{400, keyed, giveUp},
		{401, routed, giveUp},
		{403, plain, giveUp},
		{404, plain, giveUp},
		{405, plain, giveUp},
		{410, plain, giveUp},
		{413, plain, giveUp},
		{422, routed, giveUp},
		{408, plain, retry},
		{409, routed, retry},
		{429, plain, retry},
		{500, plain, retry},
		{502, plain, retry},
		{503, routed, retry},
		{504, plain, retry},
		{599, plain, retry},
	} {
		followed := false
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			followed = followed || r.URL.Path != "/hooks/agent"
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			if c.status != 204 {
				_, _ = io.WriteString(w, "SECRET ECHO")
			}
		}))
		err := client(t, Options{URL: server.URL + "/hooks", Token: "secret"}).Send(t.Context(), "k", []byte(c.body))
		server.Close()
		got := delivered
		var failed *call.NotifyError
		switch {
		case err == nil:
		case !errors.As(err, &failed):
			t.Fatalf("%d: %T is no NotifyError", c.status, err)
		case failed.Retry && failed.WithoutRouting:
			t.Errorf("%d: two meanings", c.status)
		case failed.Retry:
			got = retry
		case failed.WithoutRouting:
			got = withoutRouting
		default:
			got = giveUp
		}
		if got != c.want || followed {
			t.Errorf("%d with %s means %d, want %d (redirect followed: %v)", c.status, c.body, got, c.want, followed)
		}
		if err != nil && (strings.Contains(err.Error(), "ECHO") || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%d: the error repeats what it must not: %v", c.status, err)
		}
	}
}

func TestALostConnectionIsRetriedAndNamesNoAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	url := server.URL
	broken := client(t, Options{URL: url + "/private-path", Token: "secret"}).Send(t.Context(), "k", []byte(`{}`))
	server.Close()
	refused := client(t, Options{URL: url + "/private-path", Token: "secret"}).Send(t.Context(), "k", []byte(`{}`))
	for name, err := range map[string]error{"broken": broken, "refused": refused} {
		var failed *call.NotifyError
		if !errors.As(err, &failed) || !failed.Retry || failed.WithoutRouting {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "private-path") {
			t.Errorf("%s: the error names the address: %v", name, err)
		}
	}
}

// slow answers after a while, as hosts do that admit a run first.
type slow struct{ after time.Duration }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.after):
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestAnAnswerIsWaitedForAtLeastTwentySeconds(t *testing.T) {
	for after, delivered := range map[time.Duration]bool{20 * time.Second: true, 24 * time.Second: true, time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			err := client(t, Options{URL: "http://host/hooks", Token: "secret", Transport: slow{after}}).Send(t.Context(), "k", []byte(`{}`))
			var failed *call.NotifyError
			if delivered != (err == nil) || (err != nil && (!errors.As(err, &failed) || !failed.Retry || !errors.Is(err, context.DeadlineExceeded))) {
				t.Errorf("after %v: %v", after, err)
			}
		})
	}
}

func FuzzRouted(f *testing.F) {
	f.Add([]byte(`{"message":"m","channel":"c","to":"t"}`))
	f.Add([]byte(`{"channel":1}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if routed(body) && !json.Valid(body) {
			t.Errorf("%q is routed and no JSON", body)
		}
	})
}
