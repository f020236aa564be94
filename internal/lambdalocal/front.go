package lambdalocal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// route is one of the API's: "POST /tools/{proxy+}".
type route struct{ method, path, function string }

func (r route) matches(method, path string) bool {
	if r.method != method && r.method != "ANY" {
		return false
	}
	prefix, greedy := strings.CutSuffix(r.path, "{proxy+}")
	if greedy {
		return strings.HasPrefix(path, prefix) && len(path) > len(prefix)
	}
	want, have := strings.Split(r.path, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == h || strings.HasPrefix(w, "{") && h != "" })
}

// request is the HTTP API: it makes an event of a request, as payload 2.0 has it, and a
// response of the answer.
func (r *Runner) request(w http.ResponseWriter, req *http.Request) {
	path, query, _ := strings.Cut(req.RequestURI, "?")
	at := slices.IndexFunc(r.stack.routes, func(x route) bool { return x.matches(req.Method, path) })
	if at < 0 {
		gatewayError(w, http.StatusNotFound, "Not Found")
		return
	}
	x := r.stack.routes[at]
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 10<<20))
	if err != nil {
		gatewayError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	event, err := json.Marshal(eventOf(req, x, path, query, body))
	if err != nil {
		gatewayError(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	out, err := r.Invoke(req.Context(), x.function, event)
	var failed *FunctionError
	switch {
	case errors.As(err, &failed) && !failed.TimedOut:
		gatewayError(w, http.StatusInternalServerError, "Internal Server Error")
	case err != nil: // throttled, or its time was over
		gatewayError(w, http.StatusServiceUnavailable, "Service Unavailable")
	default:
		respond(w, out)
	}
	if err != nil {
		r.o.Log.WarnContext(req.Context(), "request failed", "route", x.method+" "+x.path, "error", err)
	}
}

func eventOf(req *http.Request, x route, path, query string, body []byte) map[string]any {
	headers := map[string]string{"host": req.Host}
	for name, values := range req.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	ip, _, _ := net.SplitHostPort(req.RemoteAddr)
	now := time.Now().UTC()
	e := map[string]any{
		"version": "2.0", "routeKey": x.method + " " + x.path, "rawPath": path, "rawQueryString": query, "headers": headers,
		"requestContext": map[string]any{
			"accountId": account, "apiId": "local", "domainName": req.Host, "requestId": "local", "routeKey": x.method + " " + x.path, "stage": "$default",
			"time": now.Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
			"http": map[string]any{"method": req.Method, "path": path, "protocol": req.Proto, "sourceIp": ip, "userAgent": req.UserAgent()},
		},
		"isBase64Encoded": false,
	}
	var cookies []string
	for _, line := range req.Header["Cookie"] {
		for c := range strings.SplitSeq(line, ";") {
			cookies = append(cookies, strings.TrimSpace(c))
		}
	}
	if len(cookies) > 0 {
		e["cookies"] = cookies
	}
	if parameters := req.URL.Query(); len(parameters) > 0 {
		joined := map[string]string{}
		for name, values := range parameters {
			joined[name] = strings.Join(values, ",")
		}
		e["queryStringParameters"] = joined
	}
	switch {
	case len(body) == 0:
	case plain(req.Header.Get("Content-Type")):
		e["body"] = string(body)
	default:
		e["body"], e["isBase64Encoded"] = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// plain says which bodies are handed over as they are: forms are not (research/aws section 1).
func plain(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(kind, "text/") ||
		slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind))
}

// respond writes a function's answer. One without a status is a body alone, as JSON.
func respond(w http.ResponseWriter, out []byte) {
	var a struct {
		Status  *int              `json:"statusCode"`
		Headers map[string]string `json:"headers"`
		Cookies []string          `json:"cookies"`
		Body    string            `json:"body"`
		Base64  bool              `json:"isBase64Encoded"`
	}
	if json.Unmarshal(out, &a) != nil || a.Status == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out) // the client has gone
		return
	}
	body := []byte(a.Body)
	if a.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			gatewayError(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
	}
	h := w.Header()
	for name, value := range maps.All(a.Headers) {
		h.Set(name, value)
	}
	if h.Get("Content-Type") == "" && len(body) > 0 {
		h.Set("Content-Type", "application/json")
	}
	h["Set-Cookie"] = a.Cookies
	w.WriteHeader(*a.Status)
	_, _ = w.Write(body) // the client has gone
}

func gatewayError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // the client has gone
}
