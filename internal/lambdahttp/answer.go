package lambdahttp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"unicode/utf8"
)

// answer is what an HTTP API makes a response of.
type answer struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers,omitempty"`
	Cookies []string          `json:"cookies,omitempty"`
	Body    string            `json:"body,omitempty"`
	Base64  bool              `json:"isBase64Encoded,omitempty"`
}

func (a answer) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a body is not made longer than it is
	if err := enc.Encode(a); err != nil {
		return []byte(`{"statusCode":500}`) // cannot be: strings and numbers
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// recorder is the http.ResponseWriter of one event.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter: the first final status stands, with the
// headers as they are then.
func (w *recorder) WriteHeader(status int) {
	if w.sent != nil || status < http.StatusOK {
		return
	}
	w.status, w.sent = status, w.header.Clone()
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if !carriesBody(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(p)
}

func carriesBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// hopByHop are API Gateway's own to set.
var hopByHop = []string{"Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade"}

func (w *recorder) answer() answer {
	w.WriteHeader(http.StatusOK)
	header := maps.Clone(w.sent)
	for _, name := range hopByHop {
		header.Del(name)
	}
	a := answer{Status: w.status, Headers: map[string]string{}, Cookies: header["Set-Cookie"]}
	header.Del("Set-Cookie")
	if w.body.Len() > 0 && header.Get("Content-Type") == "" { // API Gateway would say application/json
		header.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	for name, values := range header {
		a.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	// Audio may happen to be valid text, which JSON would make up to six times as long.
	if a.Body = w.body.String(); !utf8.ValidString(a.Body) || strings.HasPrefix(header.Get("Content-Type"), "audio/") {
		a.Body, a.Base64 = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return a
}
