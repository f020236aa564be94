// Package hooks tells the owner how a call ended, through Clawdbot's webhook (contract
// section 4).
//
// It owns the notice's body and the meaning of the host's answers. It never decides when
// to send or to send again (the record's outbox does), never words the message, and never
// logs or repeats a body, ours or the host's.
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// answerLimit is how long an answer is waited for: hosts take seconds to admit a run, up
// to 15 s (research/openclaw.md section 3), and the contract asks for 20 s at least.
const answerLimit = 25 * time.Second

// maxAnswer is how much of an answer is read (contract section 5: no client reads more).
const maxAnswer = 1 << 20

// Options of New.
type Options struct {
	// URL is notify.hooksUrl, such as https://host/hooks; the notice goes to URL/agent.
	URL string
	// Token is notify.hooksToken.
	Token string
	// SessionKey is notify.sessionKey; empty: the field is not sent, since hosts refuse it
	// unless they were told to allow it.
	SessionKey string
	// Transport carries the requests; nil means one of our own.
	Transport http.RoundTripper
}

// Client is a call.Notifier. All methods may be called concurrently.
type Client struct {
	url, token, sessionKey string
	http                   *http.Client
}

var _ call.Notifier = (*Client)(nil)

// New makes a client; its error says which key of the configuration is at fault.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("notify.hooksUrl must be an http or https address, such as https://host/hooks")
	}
	if o.Token == "" {
		return nil, errors.New("notify.hooksToken must be set with notify.hooksUrl")
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Client{
		url: u.JoinPath("agent").String(), token: o.Token, sessionKey: o.SessionKey,
		http: &http.Client{
			Transport:     o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// CloseIdleConnections ends connections that wait for reuse.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// notice is the body of contract section 4.
type notice struct {
	Message    string `json:"message"`
	Name       string `json:"name"`
	WakeMode   string `json:"wakeMode"`
	Deliver    bool   `json:"deliver"`
	SessionKey string `json:"sessionKey,omitempty"`
	routing
}

// routing are the optional fields that say where the notice goes: a host may refuse
// them, and takes the notice without.
type routing struct {
	Channel   string `json:"channel,omitempty"`
	To        string `json:"to,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	AgentID   string `json:"agentId,omitempty"`
}

// Compose implements call.Notifier.
func (c *Client) Compose(n call.NoticeContent) ([]byte, error) {
	if strings.TrimSpace(n.Message) == "" {
		return nil, errors.New("compose notice: it has no message, which hosts refuse")
	}
	b := notice{Message: n.Message, Name: "CallAgent", WakeMode: "now", Deliver: true}
	if !n.Plain {
		b.SessionKey, b.routing = c.sessionKey, route(n.Origin)
	}
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("compose notice: %w", err)
	}
	return body, nil
}

// route picks what a host can use of an origin. Channel and to go only together, and
// the account only with them; "last" is no channel to hosts of today, which refuse it
// (research/openclaw.md section 3).
func route(o *call.Origin) routing {
	if o == nil {
		return routing{}
	}
	r := routing{AgentID: o.AgentID}
	if o.Channel != "" && o.To != "" && o.Channel != "last" {
		r.Channel, r.To, r.AccountID = o.Channel, o.To, o.AccountID
	}
	return r
}

// Send implements call.Notifier. It waits 25 s at most, or until ctx is done.
func (c *Client) Send(ctx context.Context, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return &call.NotifyError{Err: fmt.Errorf("make request: %w", err)}
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := c.http.Do(req)
	if err != nil {
		return &call.NotifyError{Retry: true, Err: unaddressed(err)}
	}
	defer res.Body.Close()
	// Read, so that the connection can be used again; what it says is not needed: the
	// status alone is the answer.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return verdict(res.StatusCode, body)
}

// unaddressed takes the address out of a client error: lastError is shown to callers,
// and the hooks' address is not theirs to know.
func unaddressed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("the hooks host was not reached: %w", err)
}
