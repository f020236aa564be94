package lambdalocal

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

func send(t *testing.T, method, url, contentType, body string, cookies ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, c := range cookies {
		req.Header.Add("Cookie", c)
	}
	req.Header["X-Twice"] = []string{"a", "b"}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// What a function gets of a request, read by Amazon's own type of the event.
func TestTheEventIsAPIGateways(t *testing.T) {
	r := start(t, nil)
	_, body := send(t, "PUT", r.URL()+"/all/a%2Fb?do=event&x=1&x=2&y=%20", "application/x-www-form-urlencoded", "To=%2B1", "a=1; b=2", "c=3")
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	if e.Version != "2.0" || e.RouteKey != "ANY /all/{proxy+}" || e.RawPath != "/all/a%2Fb" || e.RawQueryString != "do=event&x=1&x=2&y=%20" || e.RequestContext.Stage != "$default" {
		t.Errorf("%+v", e)
	}
	if h := e.RequestContext.HTTP; h.Method != "PUT" || h.SourceIP != "127.0.0.1" || e.Headers["x-twice"] != "a,b" || e.Headers["cookie"] != "" {
		t.Errorf("%+v, headers %v", h, e.Headers)
	}
	if !reflect.DeepEqual(e.Cookies, []string{"a=1", "b=2", "c=3"}) || !reflect.DeepEqual(e.QueryStringParameters, map[string]string{"do": "event", "x": "1,2", "y": " "}) {
		t.Errorf("cookies %q, query %q", e.Cookies, e.QueryStringParameters)
	}
	form, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil || !e.IsBase64Encoded || string(form) != "To=%2B1" {
		t.Errorf("a form is in base64: %q", e.Body)
	}
	_, body = send(t, "POST", r.URL()+"/exact?do=event", "application/json; charset=utf-8", `{"a":1}`)
	var plain events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(body), &plain); err != nil || plain.IsBase64Encoded || plain.Body != `{"a":1}` {
		t.Errorf("JSON is not: %q, %v", plain.Body, err)
	}
}

func TestTheResponseIsTheFunctions(t *testing.T) {
	r := start(t, nil)
	for _, x := range []struct {
		method, at  string
		status      int
		kind, body  string
		cookies     []string
		ownedHeader string
	}{
		{"POST", "/exact?do=form", 201, "application/json", "a body", []string{"a=1", "b=2"}, "yes"},
		{"POST", "/exact?do=bare", 200, "application/json", `{"just":"this"}`, nil, ""},
		{"POST", "/exact?do=garbage", 500, "application/json", `{"message":"Internal Server Error"}`, nil, ""},
		{"POST", "/exact?do=fail", 500, "application/json", `{"message":"Internal Server Error"}`, nil, ""},
		{"POST", "/exact?do=crash", 500, "application/json", `{"message":"Internal Server Error"}`, nil, ""},
		{"POST", "/exact?do=hang", 503, "application/json", `{"message":"Service Unavailable"}`, nil, ""},
		{"GET", "/exact", 404, "application/json", `{"message":"Not Found"}`, nil, ""},
		{"GET", "/all/", 404, "application/json", `{"message":"Not Found"}`, nil, ""},
	} {
		resp, body := send(t, x.method, r.URL()+x.at, "", "")
		h := resp.Header
		if resp.StatusCode != x.status || h.Get("Content-Type") != x.kind || strings.TrimSpace(body) != x.body ||
			!reflect.DeepEqual(h.Values("Set-Cookie"), x.cookies) && len(x.cookies) > 0 || h.Get("X-Own") != x.ownedHeader {
			t.Errorf("%s %s: %d %v %q", x.method, x.at, resp.StatusCode, h, body)
		}
	}
}

func TestABodyOfMoreThanTenMegabytesIsRefused(t *testing.T) {
	r := start(t, nil)
	if resp, _ := send(t, "POST", r.URL()+"/exact", "application/json", strings.Repeat("x", 10<<20+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}
