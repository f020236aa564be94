// Package console is the page on which a person watches and reviews calls: /console, and
// its parts at /console/<name>. The page has no secret and no data in it. It reads the
// documented API of the host that served it (GET /calls and what lies below, and
// POST /tools/call_agent_cancel), with a token that its user types or a proxy in front puts
// into the requests; this package never sees either.
package console

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/clawdbot/call-agent/internal/page"
)

// Path is where the page is; Parts is the pattern of what it loads, one name below Path. A
// host sends GET (and HEAD) of both to Handler.
const (
	Path  = "/console"
	Parts = Path + "/{part}"
)

// files are the page and what it loads, standard modules that the browser takes as they
// are (docs/adr/0021). Nothing comes from another host.
//
//go:embed page
var files embed.FS

// contentSecurityPolicy lets the page load its own script, style and icon, talk to its own
// host, and play the recording that it put together itself, which is what blob: is for;
// nothing inline, nothing foreign, no embedding.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func console() page.Page {
	parts, _ := fs.Sub(files, "page") // embedded: it cannot be missing in a program that was built
	return page.Page{
		At: Path, Files: parts, Index: "console.html", Policy: contentSecurityPolicy,
		Permissions: "camera=(), microphone=(), geolocation=()",
	}
}

// Handler serves Path and Parts; anything else is not found. Safe for concurrent use.
func Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range console().Routes() {
		mux.Handle(pattern, h)
	}
	return mux
}
