package mock

import (
	"bytes"
	"compress/gzip"
	"embed"
	"net/http"
	"path"
	"strings"
)

// files are the page and what it loads, standard modules that the browser takes as they
// are (docs/adr/0021). Nothing comes from another host.
//
//go:embed page
var files embed.FS

// contentSecurityPolicy lets the page load its own script, worklet, style and icon and
// talk to its own host; nothing inline, nothing foreign, no embedding.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes are those of the parts, by the end of their names.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Routes serve the page at /mock and its parts below it.
func (p *Provider) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{}
	for name, body := range parts() {
		at := "GET /mock/" + name
		if name == "phone.html" {
			at = "GET /mock"
		}
		routes[at] = part{name: name, plain: body, packed: pack(body)}
	}
	return routes
}

// parts are the embedded files by name.
func parts() map[string][]byte {
	all := map[string][]byte{}
	entries, _ := files.ReadDir("page") // embedded: it cannot be missing in a program that was built
	for _, e := range entries {
		all[e.Name()], _ = files.ReadFile("page/" + e.Name())
	}
	return all
}

// pack compresses a part once, for all who take it.
func pack(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(body)                                  // memory takes everything
	_ = w.Close()
	return b.Bytes()
}

// part is one file of the page.
type part struct {
	name          string
	plain, packed []byte
}

func (p part) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", contentTypes[path.Ext(p.name)])
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Permissions-Policy", "microphone=(self)")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	body := p.plain
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = p.packed
	}
	_, _ = w.Write(body) // the browser has gone
}

// takesGzip says whether an Accept-Encoding names gzip and does not refuse it.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, weighed := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if strings.EqualFold(name, "gzip") {
			return !weighed || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}
