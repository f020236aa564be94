package mock

import (
	"embed"
	"net/http"
)

// files are the page and what it loads. Nothing comes from another host.
//
//go:embed page
var files embed.FS

// contentSecurityPolicy lets the page load its own script, worklet, style and icon and
// talk to its own host; nothing inline, nothing foreign, no embedding.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes serve the page at /mock and its parts below it.
func (p *Provider) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		"GET /mock":           part("phone.html", "text/html; charset=utf-8"),
		"GET /mock/phone.js":  part("phone.js", "text/javascript; charset=utf-8"),
		"GET /mock/line.js":   part("line.js", "text/javascript; charset=utf-8"),
		"GET /mock/audio.js":  part("audio.js", "text/javascript; charset=utf-8"),
		"GET /mock/phone.css": part("phone.css", "text/css; charset=utf-8"),
		"GET /mock/phone.svg": part("phone.svg", "image/svg+xml"),
	}
}

// part serves one embedded file. It panics at start-up if the file is not there.
func part(name, contentType string) http.Handler {
	body, err := files.ReadFile("page/" + name)
	if err != nil {
		panic("mock: the program was built without " + name) //nolint:forbidigo // embedded at build time: it cannot be missing in a program that was built
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Permissions-Policy", "microphone=(self)")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(body) // the browser has gone
	})
}
