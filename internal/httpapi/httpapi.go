// Package httpapi is the webhooks that a telephony provider calls, and the health
// checks: /voice, /status, /amd, /healthz, /readyz and the provider's own routes
// (contract section 2). It owns reading, limiting and authenticating what comes in
// from outside. It never decides what becomes of a call: [call.Service] does, and
// the provider translates.
package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/clawdbot/call-agent/call"
)

// maxBody bounds a webhook's body (contract section 2).
const maxBody = 64 << 10

// Options are what the webhooks need.
type Options struct {
	Service *call.Service
	// PublicURL is server.publicBaseUrl without a trailing slash: what signatures are
	// computed over, never Host or forwarded headers.
	PublicURL string
	// Ready are the conditions of /readyz beside the store; may be empty.
	Ready []Check
	// ConfigHash is shown by /readyz, so that planes apart can be compared; empty: not.
	ConfigHash string
	// Counters counts what was refused; nil for none. It may be shared between handlers.
	Counters *Counters
	Log      *slog.Logger
}

type api struct {
	Options
	phone call.Telephony
}

// New returns the handler of all routes. It keeps no state of its own beside the
// counters: any number of them may run over one store.
func New(o Options) http.Handler {
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	a := &api{Options: o, phone: o.Service.Telephony}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /voice", a.webhook(a.voice))
	mux.HandleFunc("POST /status", a.webhook(a.status))
	mux.HandleFunc("POST /amd", a.webhook(a.machine))
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", a.ready)
	for pattern, h := range a.phone.Routes() {
		mux.Handle(pattern, h)
	}
	return mux
}

// hook is one authenticated webhook.
type hook struct {
	callID  call.ID
	attempt int
	query   url.Values
	report  call.ProviderReport
	// understood is false where the provider's fields or our own query are not what they should be.
	understood bool
}

// webhook reads, bounds and authenticates a request before next sees it. Who is
// refused learns nothing, and nothing of the request is logged.
func (a *api) webhook(next func(http.ResponseWriter, *http.Request, hook)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var tooLong *http.MaxBytesError
		switch {
		case errors.As(err, &tooLong):
			a.Counters.TooLarge.Add(1)
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			a.Counters.Malformed.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := a.phone.ValidateRequest(r, body, a.PublicURL); err != nil {
			a.Counters.Unsigned.Add(1)
			a.Log.WarnContext(r.Context(), "webhook refused: its signature is missing or wrong", "path", r.URL.Path)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next(w, r, a.read(r, body))
	}
}

// read decodes what a signed webhook says. What cannot be understood is counted.
func (a *api) read(r *http.Request, body []byte) hook {
	h := hook{query: r.URL.Query()}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, formErr := url.ParseQuery(string(body))
	if err == nil && formErr == nil && kind == "application/x-www-form-urlencoded" {
		h.report, err = a.phone.MapStatus(form)
	} else {
		err = errNoForm // the decoders' own errors would quote the body
	}
	named := h.name()
	h.understood = err == nil && named
	if !h.understood {
		a.Counters.Malformed.Add(1)
		a.Log.WarnContext(r.Context(), "signed webhook not understood", "path", r.URL.Path, "named", named, "error", err)
	}
	return h
}

var errNoForm = errors.New("the body is no form")

// name reads call id and attempt, which we put into the query ourselves.
func (h *hook) name() bool {
	id := h.query.Get("callId")
	if id == "" {
		return !h.query.Has("callId") && !h.query.Has("attempt")
	}
	n, err := strconv.Atoi(h.query.Get("attempt"))
	if err != nil || n < 1 || !call.ID(id).Valid() {
		return false
	}
	h.callID, h.attempt = call.ID(id), n
	return true
}

// voice answers what an answered call is to do. Without a call id somebody rang our
// number back. What is not understood is put down: any other answer would be read out.
func (a *api) voice(w http.ResponseWriter, r *http.Request, h hook) {
	reply := call.VoiceReply{Kind: call.VoiceHangUp}
	if h.understood {
		var err error
		reply, err = a.Service.Voice(r.Context(), call.VoiceRequest{
			CallID: h.callID, Attempt: h.attempt, Report: h.report,
			AfterStream: h.query.Get("after") == "stream",
		})
		if err != nil {
			a.retryLater(w, r, err)
			return
		}
	}
	contentType, body, err := a.phone.VoiceResponse(reply)
	if err != nil {
		a.Log.ErrorContext(r.Context(), "cannot render the voice response", "call_id", h.callID, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the provider has gone; it will ask again
}

func (a *api) status(w http.ResponseWriter, r *http.Request, h hook) {
	a.take(w, r, h, a.Service.ProviderStatus)
}

func (a *api) machine(w http.ResponseWriter, r *http.Request, h hook) {
	a.take(w, r, h, a.Service.MachineVerdict)
}

// take hands a report on and answers 204. What is not understood, or names no call,
// is answered alike: a repeat of it would say the same.
func (a *api) take(w http.ResponseWriter, r *http.Request, h hook, deliver deliver) {
	if h.understood && h.callID != "" {
		if err := deliver(r.Context(), h.callID, h.attempt, h.report); err != nil {
			a.retryLater(w, r, err)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// retryLater answers 503, on which the provider repeats the webhook.
func (a *api) retryLater(w http.ResponseWriter, r *http.Request, err error) {
	a.Counters.Failed.Add(1)
	a.Log.ErrorContext(r.Context(), "webhook could not be carried out; the provider is asked to repeat it", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}
