package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// event is what of payload 2.0 makes the request; and, of other kinds of events, what
// tells them apart.
type event struct {
	Version  string            `json:"version"`
	RawPath  string            `json:"rawPath"`
	RawQuery string            `json:"rawQueryString"`
	Cookies  []string          `json:"cookies"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Base64   bool              `json:"isBase64Encoded"`
	Context  struct {
		Domain string          `json:"domainName"`
		ELB    json.RawMessage `json:"elb"`
		HTTP   struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	HTTPMethod string `json:"httpMethod"`
}

// badEvent is an event that is not served. Its words are for whoever sent it; the log
// has them too, and nothing of the event.
type badEvent struct {
	status int
	words  string
}

// Error is the words.
func (e *badEvent) Error() string { return e.words }

func refuse(status int, words string) error { return &badEvent{status: status, words: words} }

// request is the event as the handler sees it.
func request(ctx context.Context, payload []byte) (*http.Request, error) {
	if len(payload) > maxPayload {
		return nil, refuse(http.StatusRequestEntityTooLarge, "The request is too large.")
	}
	var e event
	if json.Unmarshal(payload, &e) != nil { // its error would quote the event
		return nil, refuse(http.StatusBadRequest, "The event is cut off, or is no JSON.")
	}
	if err := e.known(); err != nil {
		return nil, err
	}
	body := []byte(e.Body)
	if e.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, refuse(http.StatusBadRequest, "The event's body is no base64.")
		}
	}
	return e.build(ctx, body)
}

// known refuses events of other kinds, which differ in what their path and query are.
func (e *event) known() error {
	switch {
	case e.Context.ELB != nil:
		return refuse(http.StatusBadRequest, "This function stands behind an HTTP API, not a load balancer.")
	case e.Version == "1.0", e.Version == "" && e.HTTPMethod != "":
		return refuse(http.StatusBadRequest, "This function takes payload version 2.0; set PayloadFormatVersion of the integration.")
	case e.Version != "2.0", e.Context.HTTP.Method == "", !strings.HasPrefix(e.RawPath, "/"):
		return refuse(http.StatusBadRequest, "The event is no request of an HTTP API.")
	}
	return nil
}

func (e *event) build(ctx context.Context, body []byte) (*http.Request, error) {
	target := e.RawPath
	if e.RawQuery != "" {
		target += "?" + e.RawQuery
	}
	u, err := url.ParseRequestURI(target)
	if err != nil { // the path came decoded, and holds what a path cannot
		u = &url.URL{Path: e.RawPath, RawQuery: e.RawQuery}
	}
	r, err := http.NewRequestWithContext(ctx, e.Context.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The event's method is none.")
	}
	r.URL, r.RequestURI, r.Host = u, target, e.Context.Domain
	for name, value := range e.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value) // what was repeated arrives as one, joined by commas
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.ContentLength = int64(len(body))
	if ip := e.Context.HTTP.SourceIP; ip != "" {
		r.RemoteAddr = net.JoinHostPort(ip, "0")
	}
	return r, nil
}
