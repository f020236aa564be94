// Package tincan makes phone calls through Tincan, a vendor that does not exist. It is
// the example of docs/providers.md, which holds this file verbatim; it implements
// [call.Telephony] and passes its contract suite. No program links it.
package tincan

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Provider is call.Telephony over Tincan. All methods may be called concurrently.
type Provider struct {
	base, key, from string
	client          *http.Client
}

var _ call.Telephony = (*Provider)(nil)

// New returns a provider over the API at base. The key authenticates us there and
// signs Tincan's webhooks; from is our number.
func New(base, key, from string) *Provider {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Provider{base: base, key: key, from: from, client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: stay}}
}

// Name is "tincan".
func (p *Provider) Name() string { return "tincan" }

// Routes is nil: Tincan needs none beside the webhooks.
func (p *Provider) Routes() map[string]http.Handler { return nil }

var (
	callID   = regexp.MustCompile(`^tc_[0-9a-f]{16}$`)
	errNoID  = errors.New("tincan: this is not the id of a call")
	statuses = map[string]call.Status{
		"dialing": call.Dialing, "ringing": call.Ringing, "up": call.InProgress, "done": call.Completed,
		"busy": call.Busy, "unanswered": call.NoAnswer, "broken": call.Failed, "withdrawn": call.Canceled,
	}
)

// answer is what Tincan's API says, and how.
type answer struct {
	Calls []struct {
		ID, To, State string
		Created       time.Time
	}
	Error string

	status     int // 0 where no answer came
	sent       bool
	retryAfter string
}

// do makes one request, once. It errs unless Tincan said that it was carried out.
func (p *Provider) do(ctx context.Context, method, path string, in any) (a answer, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.sent = true }})
	body, _ := json.Marshal(in) // of strings and numbers: it cannot fail
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return a, errors.New("tincan.base is not a URL")
	}
	r.Header.Set("Authorization", "Bearer "+p.key)
	res, err := p.client.Do(r)
	if err != nil {
		return a, errors.Unwrap(err) // without the URL, in which numbers stand
	}
	defer res.Body.Close()
	a.status, a.retryAfter = res.StatusCode, res.Header.Get("Retry-After")
	if json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&a) != nil || a.status >= 300 {
		return a, fmt.Errorf("tincan answered HTTP %d", a.status)
	}
	return a, nil
}

// StartCall asks Tincan to dial, once. What may have been carried out is never repeated.
func (p *Provider) StartCall(ctx context.Context, d call.Dial) (call.Started, error) {
	a, err := p.do(ctx, http.MethodPost, "/v1/calls", map[string]any{
		"to": d.To, "from": p.from, "answer_url": d.VoiceURL, "event_url": d.StatusURL, "machine_url": d.MachineURL,
		"ring_seconds": d.RingTimeout.Seconds(), "max_seconds": d.MaxLength.Seconds(),
	})
	if err == nil && len(a.Calls) == 1 && callID.MatchString(a.Calls[0].ID) {
		return call.Started{ProviderCallID: a.Calls[0].ID}, nil
	}
	e := &call.DialError{Kind: call.DialUnknown, Code: "tincan " + strconv.Itoa(a.status), Err: err}
	e.Words = "Tincan's answer was lost, so the call may have been placed; it is not repeated until that is known."
	switch {
	case a.status == http.StatusTooManyRequests:
		e.Kind, e.Words = call.DialRefusedForNow, "Tincan has too much to do right now; the call will be tried again."
		if seconds, err := strconv.ParseUint(a.retryAfter, 10, 16); err == nil {
			e.RetryAfter = time.Duration(seconds) * time.Second
		}
	case a.status >= 400 && a.status < 500:
		e.Kind, e.Words = call.DialRefusedForGood, "Tincan refused the call; check the number, tincan.from and tincan.key."
	case !a.sent:
		e.Kind, e.Words = call.DialNotSent, "Tincan could not be reached, so nothing was dialled; check the network and tincan.base."
	}
	return call.Started{}, e
}

// VoiceResponse is JSON at Tincan. When the stream has ended, it asks at "then".
func (p *Provider) VoiceResponse(v call.VoiceReply) (string, []byte, error) {
	reply := map[call.VoiceKind]map[string]string{
		call.VoiceConnect: {"do": "stream", "url": v.StreamURL, "then": v.AfterURL},
		call.VoiceHangUp:  {"do": "hangup"},
		call.VoiceApology: {"do": "hangup", "say": "We are sorry, we cannot go on with this call. Goodbye."},
		call.VoiceInbound: {"do": "hangup", "say": "This is the number of an automated assistant, which takes no calls. Goodbye."},
	}[v.Kind]
	if reply == nil || v.Kind == call.VoiceConnect && v.StreamURL == "" {
		return "", nil, fmt.Errorf("tincan: no voice response of kind %d, or no stream.hosts", v.Kind)
	}
	body, err := json.Marshal(reply)
	return "application/json", body, err
}

// ValidateRequest checks what Tincan signs: the URL that we gave it, a line feed, the body.
func (p *Provider) ValidateRequest(r *http.Request, body []byte, publicURL string) error {
	mac := hmac.New(sha256.New, []byte(p.key))
	fmt.Fprintf(mac, "%s%s\n%s", publicURL, r.URL.RequestURI(), body)
	given, err := hex.DecodeString(r.Header.Get("Tincan-Signature"))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return errors.New("tincan: Tincan-Signature is missing or wrong; check tincan.key and server.publicBaseUrl")
	}
	return nil
}

// MapStatus reads the fields of every webhook: call, state, seq, answered_by.
func (p *Provider) MapStatus(form url.Values) (call.ProviderReport, error) {
	r := call.ProviderReport{ProviderCallID: form.Get("call"), Sequence: -1, Machine: form.Get("answered_by") == "machine"}
	known := true
	if state := form.Get("state"); state != "" { // a verdict has none
		r.Status, known = statuses[state]
	}
	if n, err := strconv.ParseUint(form.Get("seq"), 10, 31); err == nil {
		r.Sequence = int(n)
	}
	if !known || !callID.MatchString(r.ProviderCallID) {
		return call.ProviderReport{}, errors.New("tincan: the webhook names no call, or an unknown state")
	}
	return r, nil
}

// EndCall puts the line down. One that is down already, or unknown, is success.
func (p *Provider) EndCall(ctx context.Context, id string) error {
	if !callID.MatchString(id) {
		return errNoID
	}
	a, err := p.do(ctx, http.MethodDelete, "/v1/calls/"+id, nil)
	if err != nil && a.Error != "already_down" && a.Error != "no_such_call" {
		return fmt.Errorf("tincan: end call: %w", err)
	}
	return nil
}

// LookUp asks by id or, where that was lost, for the newest call to the number since the dial.
func (p *Provider) LookUp(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	path := "/v1/calls/" + q.ProviderCallID
	if q.ProviderCallID == "" {
		path = "/v1/calls?" + url.Values{"to": {q.To}, "since": {q.DialledAfter.UTC().Format(time.RFC3339Nano)}}.Encode()
	} else if !callID.MatchString(q.ProviderCallID) {
		return call.ProviderReport{}, false, errNoID
	}
	a, err := p.do(ctx, http.MethodGet, path, nil)
	if err != nil && a.Error != "no_such_call" {
		return call.ProviderReport{}, false, fmt.Errorf("tincan: look up call: %w", err)
	}
	for _, c := range a.Calls { // the newest first
		if slices.Contains(q.Exclude, c.ID) {
			continue
		}
		if status, known := statuses[c.State]; known {
			return call.ProviderReport{ProviderCallID: c.ID, Status: status, Sequence: -1, At: c.Created}, true, nil
		}
		return call.ProviderReport{}, false, errors.New("tincan: look up call: its state is unknown")
	}
	return call.ProviderReport{}, false, nil
}
