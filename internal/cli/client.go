package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Limits of a request: a tool answers in 12 s at most, a long poll after pollWait.
const (
	askLimit  = 20 * time.Second
	pollWait  = 25 * time.Second
	maxAnswer = 1 << 20
)

// client asks a server. It follows no redirect, which would carry the token elsewhere.
type client struct {
	base, token string
	http        *http.Client
}

// newClient takes an address only if the token is safe on the way there.
func newClient(base, token string, transport http.RoundTripper) (*client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, usage("--url %q is no address of a server: write one such as https://call.example.com", base)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, usage("--url %q would send the token unencrypted: write https", base)
	case token == "":
		return nil, usage("there is no token: set %s to one of the server's tools.tokens", VarToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, usage("the token holds a character that no header carries: check %s", VarToken)
	}
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &client{base: strings.TrimRight(base, "/"), token: token, http: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *client) close() { c.http.CloseIdleConnections() }

// refused is an answer that is no success.
type refused struct {
	status     int
	code       string
	message    string
	fields     map[string]string
	retryAfter time.Duration
}

// Error is what the server said, with the fields one a line.
func (e *refused) Error() string {
	b := e.message
	for _, name := range sorted(e.fields) {
		b += "\n  " + name + " " + e.fields[name]
	}
	return b
}

// temporary says that the same question may be answered later.
func (e *refused) temporary() bool {
	return e.status == http.StatusTooManyRequests || e.status >= http.StatusInternalServerError
}

// post uses a tool.
func (c *client) post(ctx context.Context, tool string, body any, key string, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/tools/"+tool, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return c.do(r, askLimit, into)
}

// events asks for the events after one, and waits for some.
func (c *client) events(ctx context.Context, id call.ID, after int, wait time.Duration) (e events, err error) {
	target := fmt.Sprintf("%s/calls/%s/events?after=%d&wait=%s", c.base, url.PathEscape(string(id)), after, wait)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return events{}, fmt.Errorf("make the request: %w", err)
	}
	return e, c.do(r, wait+askLimit, &e)
}

// events is the answer of a long poll.
type events struct {
	Events []call.StepDocument `json:"events"`
	Last   int                 `json:"last"`
	Final  bool                `json:"final"`
}

// do sends a request and reads its answer. An error is a *refused, or the server could not be reached.
func (c *client) do(r *http.Request, limit time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Accept", "application/json")
	res, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text would repeat the address
			err = u.Err
		}
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return &refused{status: http.StatusBadGateway, message: "The answer is not the call agent's. Is --url its address?"}
	}
	return nil
}

var errUnreachable = errors.New("the server cannot be reached")

func refusal(res *http.Response, body []byte) error {
	e := &refused{status: res.StatusCode}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		e.retryAfter = time.Duration(s) * time.Second
	}
	var d struct {
		Error struct {
			Code, Message string
			Fields        map[string]string
		}
	}
	if json.Unmarshal(body, &d) == nil && d.Error.Message != "" {
		e.code, e.message, e.fields = d.Error.Code, d.Error.Message, d.Error.Fields
		return e
	}
	e.message = fmt.Sprintf("The server answered %d, and nothing of the call agent's. Is --url its address?", res.StatusCode)
	return e
}
