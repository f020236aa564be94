package telephonytest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// hook is a webhook on its way to us.
type hook struct {
	// base is what the vendor was told of us, target is path and query below it.
	base, target string
	form         url.Values
}

// voiceHook is the webhook that most cases start from.
func (r *rig) voiceHook() hook {
	form := r.v.Form(Callback{ProviderCallID: r.v.id(), To: callee, Status: r.v.word(mapped[2]), Sequence: -1})
	return hook{publicURL, "/voice?callId=k3_Q-9&attempt=1", form}
}

// request is the webhook as our server reads it, signed by sign or not at all.
func (h hook) request(sign func(*http.Request, string, []byte)) (*http.Request, []byte) {
	body := []byte(h.form.Encode())
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, h.target, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	if sign != nil {
		sign(r, h.base+h.target, body)
	}
	return r, body
}

// want fails the test if the provider's judgement of a webhook is another one.
func (r *rig) want(accept bool, what string, req *http.Request, body []byte) {
	r.Helper()
	err := r.phone.ValidateRequest(req, body, publicURL)
	if (err == nil) != accept {
		r.Errorf("%s: accepted %t, want %t (%v)", what, err == nil, accept, err)
	}
	r.discreet(err)
}

// genuine: a repeat is the vendor's right; what it may change is the record's business.
func genuine(r *rig) {
	for _, target := range []string{
		"/voice?callId=k3_Q-9&attempt=1", "/voice?callId=k3_Q-9&attempt=1&after=stream", "/status?callId=k3_Q-9&attempt=2",
		"/amd?callId=k3_Q-9&attempt=1", "/voice", "/voice?b=2&a=1&b=1&c=x%20y&d=x+y&e=%c3%bc",
	} {
		h := r.voiceHook()
		h.target = target
		for range 2 {
			req, body := h.request(r.v.Sign)
			r.want(true, "genuine "+target, req, body)
		}
	}
	h := r.voiceHook()
	h.form.Set("Unheard", "of a field, with spaces + ü & 🙂")
	req, body := h.request(r.v.Sign)
	r.want(true, "a field that is new", req, body)
}

func refusesAll(r *rig) {
	for _, target := range []string{"/voice", "/status?callId=k3_Q-9&attempt=1", "/amd"} {
		h := hook{publicURL, target, url.Values{"CallStatus": {"completed"}}}
		req, body := h.request(func(r *http.Request, _ string, _ []byte) { r.Header.Set("X-Twilio-Signature", "x") })
		r.want(false, "without webhooks "+target, req, body)
	}
}

func forged(r *rig) {
	h := r.voiceHook()
	req, body := h.request(r.v.Forge)
	r.want(false, "forged", req, body)
	req, body = h.request(nil)
	r.want(false, "unsigned", req, body)
	for _, value := range []string{"", "x", "=", strings.Repeat("A", 10_000)} {
		req, body = h.request(r.v.Sign)
		for name := range req.Header {
			if name != "Content-Type" {
				req.Header.Set(name, value)
			}
		}
		r.want(false, "a signature that is "+value[:min(len(value), 9)], req, body)
	}
}

// tampered changes one thing at a time of a webhook that was genuine.
func tampered(r *rig) {
	for what, change := range map[string]func(*http.Request, *hook){
		"other path":            func(_ *http.Request, h *hook) { h.target = strings.Replace(h.target, "/voice", "/status", 1) },
		"other call":            func(_ *http.Request, h *hook) { h.target = strings.Replace(h.target, "k3_Q-9", "k4_Q-9", 1) },
		"other attempt":         func(_ *http.Request, h *hook) { h.target = strings.Replace(h.target, "attempt=1", "attempt=2", 1) },
		"after the stream":      func(_ *http.Request, h *hook) { h.target += "&after=stream" },
		"query cut off":         func(_ *http.Request, h *hook) { h.target, _, _ = strings.Cut(h.target, "?") },
		"other value":           func(_ *http.Request, h *hook) { change(h.form) },
		"field added":           func(_ *http.Request, h *hook) { h.form.Set("Zzz", "1") },
		"fields gone":           func(_ *http.Request, h *hook) { h.form = url.Values{} },
		"body of another type":  func(q *http.Request, h *hook) { h.form.Set("Zzz", "1"); q.Header.Set("Content-Type", "text/plain") },
		"signed for other host": nil,
	} {
		h := r.voiceHook()
		if change == nil {
			h.base = "https://attacker.example"
		}
		signed, _ := h.request(r.v.Sign)
		if change != nil {
			change(signed, &h)
		}
		sent, body := h.request(nil)
		sent.Header = signed.Header
		r.want(false, what, sent, body)
	}
}

func change(form url.Values) {
	for name := range form {
		form[name][0] += "1"
		return
	}
}

// hostsDoNotCount: they are whatever the sender wants, so they neither break a genuine
// webhook nor make a foreign one ours.
func hostsDoNotCount(r *rig) {
	attack := func(req *http.Request) {
		req.Host = "attacker.example"
		for _, name := range []string{"X-Forwarded-Host", "X-Original-Host", "X-Host"} {
			req.Header.Set(name, "attacker.example")
		}
		req.Header.Set("X-Forwarded-Proto", "https")
		req.Header.Set("X-Forwarded-Prefix", "")
		req.Header.Set("Forwarded", "host=attacker.example;proto=https")
	}
	h := r.voiceHook()
	req, body := h.request(r.v.Sign)
	attack(req)
	r.want(true, "genuine behind a strange proxy", req, body)
	h.base = "https://attacker.example"
	req, body = h.request(r.v.Sign)
	attack(req)
	r.want(false, "signed for the host that it names", req, body)
	if rest, err := io.ReadAll(req.Body); err != nil || string(rest) != string(body) {
		r.Errorf("ValidateRequest read the request's body itself (%v)", err)
	}
}
