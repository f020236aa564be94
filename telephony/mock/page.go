package mock

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/clawdbot/call-agent/internal/page"
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

// phone is the page at /mock.
func phone() page.Page {
	parts, _ := fs.Sub(files, "page") // embedded: it cannot be missing in a program that was built
	return page.Page{At: "/mock", Files: parts, Index: "phone.html", Policy: contentSecurityPolicy, Permissions: "microphone=(self)"}
}

// Routes serve the page at /mock and its parts below it.
func (p *Provider) Routes() map[string]http.Handler { return phone().Routes() }
