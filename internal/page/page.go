// Package page serves pages that stand in the binary: the files of one folder as they are,
// each compressed once, under a policy of the page's own (docs/adr/0021). It builds nothing,
// renders nothing and knows no page.
package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Page is one page and what it loads.
type Page struct {
	// At is where the page is, such as "/mock"; its parts lie below.
	At string
	// Files holds the parts in its root, Index among them: that one is the page itself.
	Files fs.FS
	Index string
	// Policy is the Content-Security-Policy of all parts, Permissions their Permissions-Policy.
	Policy, Permissions string
}

// ContentTypes are those of the parts, by the end of their names. What is not here is not served.
var ContentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Routes serve the page and its parts, by patterns of http.ServeMux.
func (p Page) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{}
	for name, body := range p.Parts() {
		if ContentTypes[path.Ext(name)] != "" {
			routes["GET "+p.Path(name)] = p.part(name, body)
		}
	}
	return routes
}

// Path is where a part is.
func (p Page) Path(name string) string {
	if name == p.Index {
		return p.At
	}
	return p.At + "/" + name
}

// Parts are the files by name.
func (p Page) Parts() map[string][]byte {
	all := map[string][]byte{}
	entries, _ := fs.ReadDir(p.Files, ".") // embedded: it cannot be missing in a program that was built
	for _, e := range entries {
		all[e.Name()], _ = fs.ReadFile(p.Files, e.Name())
	}
	return all
}

// part is one file of a page.
type part struct {
	header        map[string]string
	tag           string
	plain, packed []byte
}

func (p Page) part(name string, body []byte) part {
	sum := sha256.Sum256(body)
	return part{
		tag: hex.EncodeToString(sum[:12]), plain: body, packed: pack(body),
		header: map[string]string{
			"Content-Type":                 ContentTypes[path.Ext(name)],
			"Content-Security-Policy":      p.Policy,
			"Permissions-Policy":           p.Permissions,
			"Referrer-Policy":              "no-referrer",
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-cache",
			"Vary":                         "Accept-Encoding",
		},
	}
}

// pack compresses a part once, for all who take it.
func pack(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(body)                                  // memory takes everything
	_ = w.Close()
	return b.Bytes()
}

func (p part) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	body, tag := p.plain, `"`+p.tag+`"`
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		body, tag = p.packed, `"`+p.tag+`-gzip"`
	}
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag { // a browser sends the one tag that it was given
		w.Header().Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
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
