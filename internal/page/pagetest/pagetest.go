// Package pagetest holds a page to the rules that every page of ours keeps: all of it is
// loaded, nothing comes from elsewhere, nothing is inline, and it is small.
package pagetest

import (
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/page"
)

// Rules are a page and what is particular to it.
type Rules struct {
	Page page.Page
	// Late are the modules that the page loads only when somebody asks for something.
	Late []string
	// Budget is for everything that the page loads, compressed, in bytes.
	Budget int
	// Allowed are the words of the policy that would else be too lax.
	Allowed []string
}

// Run checks all rules.
func Run(t *testing.T, r Rules) {
	t.Run("the page and every part it loads are served and nothing else", r.served)
	t.Run("the head names every module", r.preloaded)
	t.Run("the page is small", r.small)
	t.Run("nothing is inline and nothing is foreign", r.ownAlone)
	t.Run("the policy is strict", r.strict)
}

func (r Rules) get(t *testing.T, at string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range r.Page.Routes() {
		mux.Handle(pattern, h)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	req.Header.Set("Accept-Encoding", "br;q=1, gzip")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, req)
	return w
}

// loads are the parts that a part of the page names.
func (r Rules) loads(name string) (all []string) {
	body := string(r.Page.Parts()[name])
	for _, m := range regexp.MustCompile(`(?:href|src)="`+strings.TrimPrefix(r.Page.At, "/")+`/([^"]+)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	for _, m := range regexp.MustCompile(`(?:from "\./|import "\./|new URL\(")([a-z0-9-]+\.js)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	return all
}

// needed are the page and everything that it loads, and what that loads.
func (r Rules) needed() []string {
	names := []string{r.Page.Index}
	for i := 0; i < len(names); i++ {
		for _, next := range r.loads(names[i]) {
			if !slices.Contains(names, next) {
				names = append(names, next)
			}
		}
	}
	return names
}

func (r Rules) served(t *testing.T) {
	for _, name := range r.needed() {
		res := r.get(t, r.Page.Path(name))
		h := res.Header()
		if res.Code != http.StatusOK || h.Get("Content-Security-Policy") != r.Page.Policy || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", name, res.Code, h)
		}
	}
	for name := range r.Page.Parts() {
		if !slices.Contains(r.needed(), name) {
			t.Errorf("%s is embedded, and the page loads it nowhere", name)
		}
		if page.ContentTypes[path.Ext(name)] == "" {
			t.Errorf("%s has no content type", name)
		}
	}
	if res := r.get(t, r.Page.At+"/"); res.Code != http.StatusNotFound {
		t.Errorf("the folder is listed: %d", res.Code)
	}
}

// Modules are found one after the other: what is not named in the head comes a round trip late.
func (r Rules) preloaded(t *testing.T) {
	head := r.loads(r.Page.Index)
	for _, name := range r.needed() {
		if name != r.Page.Index && !slices.Contains(r.Late, name) && !slices.Contains(head, name) {
			t.Errorf("%s is not preloaded", name)
		}
	}
}

func (r Rules) small(t *testing.T) {
	total := 0
	for _, name := range r.needed() {
		res := r.get(t, r.Page.Path(name))
		if h := res.Header(); h.Get("Content-Encoding") != "gzip" || h.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %v", name, h)
		}
		total += res.Body.Len()
	}
	t.Logf("%d bytes in %d parts", total, len(r.needed()))
	if total > r.Budget {
		t.Errorf("the page is %d bytes, its budget %d", total, r.Budget)
	}
}

// The policy forbids it; a browser would drop it without a word.
func (r Rules) ownAlone(t *testing.T) {
	html := string(r.Page.Parts()[r.Page.Index])
	if regexp.MustCompile(`(?i)<script[^>]*>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=|javascript:`).MatchString(html) {
		t.Error("the page has inline script or style")
	}
	for name, part := range r.Page.Parts() {
		body := strings.NewReplacer("http://localhost", "", "http://www.w3.org/2000/svg", "").Replace(string(part)) // said to a person or named, not loaded
		if m := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+|innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|eval\(`).FindString(body); m != "" {
			t.Errorf("%s holds %q", name, m)
		}
	}
}

func (r Rules) strict(t *testing.T) {
	policy := r.Page.Policy
	for _, word := range r.Allowed {
		policy = strings.Replace(policy, word, "", 1)
	}
	for _, word := range []string{"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "data:", "blob:"} {
		if strings.Contains(policy, word) {
			t.Errorf("the policy allows %s", word)
		}
	}
	for _, must := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, must) {
			t.Errorf("the policy lacks %s", must)
		}
	}
}
