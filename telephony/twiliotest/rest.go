package twiliotest

import (
	"bytes"
	"context"
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// routes are the four operations on calls, and what a client asks of its account; all else is 404
// or 405 in Twilio's shape.
func (s *Server) routes() *http.ServeMux {
	const account = "/2010-04-01/Accounts/{account}"
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+account+"/Calls.json", s.authenticated(s.createCall))
	mux.HandleFunc("GET "+account+"/Calls.json", s.authenticated(s.listCalls))
	mux.HandleFunc("GET "+account+"/Calls/{file}", s.authenticated(s.fetchCall))
	mux.HandleFunc("POST "+account+"/Calls/{file}", s.authenticated(s.updateCall))
	mux.HandleFunc("GET "+account+"/IncomingPhoneNumbers.json", s.authenticated(s.listNumbers))
	mux.HandleFunc("GET /2010-04-01/Accounts/{file}", namesItself(s.authenticated(s.fetchAccount)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.violation("", codeNotFound, "no such resource: "+r.Method+" "+r.URL.Path)
		writeJSON(w, 404, refuse(404, codeNotFound, "The requested resource %s was not found", r.URL.Path))
	})
	return mux
}

// answerFunc answers one REST request.
type answerFunc func(w http.ResponseWriter, r *http.Request)

// authenticated checks HTTP Basic and the form before next, and reports the exchange after it.
func (s *Server) authenticated(next answerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		recorder := &answerRecorder{ResponseWriter: w}
		defer func() {
			s.exchanged(Exchange{Method: r.Method, URL: r.URL.RequestURI(), Form: r.PostForm, Status: recorder.status, Body: recorder.body.Bytes()})
		}()
		if !s.authentic(r) {
			s.violation("", codeAuthenticate, "REST request with wrong credentials: "+r.URL.Path)
			writeJSON(recorder, 401, refuse(401, codeAuthenticate, "Authenticate"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if fault := parseForm(r); fault != nil {
			s.violation("", fault.Code, fault.Message)
			writeJSON(recorder, fault.Status, fault)
			return
		}
		next(recorder, r)
	}
}

func (s *Server) authentic(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	o := s.options
	own := same(user, o.AccountSID) && same(password, o.AuthToken)
	key := o.APIKeySID != "" && same(user, o.APIKeySID) && same(password, o.APIKeySecret)
	return (own || key) && r.PathValue("account") == o.AccountSID
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func parseForm(r *http.Request) *restError {
	if r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return refuse(400, codeUnknownParam, "the body must be application/x-www-form-urlencoded, not %q", kind)
		}
	}
	if err := r.ParseForm(); err != nil {
		return refuse(400, codeUnknownParam, "the form does not parse: %v", err)
	}
	return nil
}

// createCall checks, meets the scripted fault if there is one, and queues the call.
func (s *Server) createCall(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	if fault := s.checkCreate(form); fault != nil {
		s.violation("", fault.Code, "create: "+fault.Message)
		writeJSON(w, fault.Status, fault)
		return
	}
	answer := s.nextAnswer(form.Get("To"))
	fault := answer.Create
	if fault != (Fault{}) && !fault.Queued {
		s.fail(w, r, fault, form.Get("To"))
		return
	}
	c := s.register(form, answer)
	created := c.resource()
	c.observe(Queued, form.Get("To"))
	s.spawn(c.run)
	if fault != (Fault{}) {
		s.fail(w, r, fault, form.Get("To"))
		return
	}
	writeJSON(w, http.StatusCreated, created)
}

// fail carries out a scripted Fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Fault, to string) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
	case f.Break:
		panic(http.ErrAbortHandler) //nolint:forbidigo // as above
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html><head><title>Internal Server Error</title></head><body><h1>Oops!</h1></body></html>"))
	default:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
		}
		writeJSON(w, f.Status, refusalOf(f, to))
	}
}

func (s *Server) fetchCall(w http.ResponseWriter, r *http.Request) {
	if c := s.lookUp(w, r); c != nil {
		writeJSON(w, http.StatusOK, c.resource())
	}
}

// lookUp finds the call of the path or answers 404.
func (s *Server) lookUp(w http.ResponseWriter, r *http.Request) *Call {
	file := r.PathValue("file")
	sid, isJSON := bytes.CutSuffix([]byte(file), []byte(".json"))
	if c := s.Call(string(sid)); isJSON && c != nil {
		return c
	}
	writeJSON(w, 404, refuse(404, codeNotFound, "The requested resource %s was not found", r.URL.Path))
	return nil
}

// updateCall hangs up, cancels or redirects.
func (s *Server) updateCall(w http.ResponseWriter, r *http.Request) {
	c := s.lookUp(w, r)
	if c == nil {
		return
	}
	if fault := checkUpdate(r.PostForm); fault != nil {
		s.violation(c.sid, fault.Code, "update: "+fault.Message)
		writeJSON(w, fault.Status, fault)
		return
	}
	if !c.update(r.Context(), r.PostForm) {
		writeJSON(w, 400, refuse(400, codeNotInProgress, "Call is not in-progress. Cannot redirect."))
		return
	}
	writeJSON(w, http.StatusOK, c.resource())
}

func checkUpdate(form url.Values) *restError {
	if fault := checkForm(form, updateParams); fault != nil {
		return fault
	}
	if form.Has("Url") && form.Has("Twiml") {
		return refuse(400, codeUnknownParam, "Url and Twiml are mutually exclusive")
	}
	if len(form) == 0 {
		return refuse(400, codeUnknownParam, "an update needs at least one parameter")
	}
	return nil
}

// update carries out an update that was checked; false means that the call has ended (21220).
func (c *Call) update(ctx context.Context, form url.Values) bool {
	if c.final() {
		return false
	}
	switch {
	case form.Get("Status") == "completed" && c.answer.Nasty.EndedFirst:
		c.hangUp("callee")
		return false
	case form.Get("Status") == "completed" && c.inProgress():
		c.hangUp("rest")
	case form.Has("Status") && !c.inProgress():
		// Only this answer tells of a call canceled in the queue: no callback need follow.
		c.hangUp("rest")
		c.awaitEnd(ctx)
	case form.Has("TimeLimit"):
		c.limit(secondsOf(form, "TimeLimit", 0))
	case form.Has("Url"), form.Has("Twiml"):
		c.redirect(form)
	}
	return true
}

// answerRecorder keeps what was answered for Options.Exchanged.
type answerRecorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (a *answerRecorder) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write notes the body.
func (a *answerRecorder) Write(p []byte) (int, error) {
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}
