package mock

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// get asks the provider's routes as a browser would.
func get(t *testing.T, at, accept string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range New(Options{}).Routes() {
		mux.Handle(pattern, h)
	}
	r := httptest.NewRequest(http.MethodGet, at, nil)
	r.Header.Set("Accept-Encoding", accept)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	return rec.Result()
}

// loads are the parts that a part of the page names.
func loads(name string) (all []string) {
	body := string(parts()[name])
	for _, m := range regexp.MustCompile(`(?:href|src)="mock/([^"]+)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	for _, m := range regexp.MustCompile(`(?:from "\./|import "\./|new URL\(")([a-z0-9]+\.js)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	return all
}

// needed are the page and everything that it loads, and what that loads.
func needed() []string {
	names := []string{"phone.html"}
	for i := 0; i < len(names); i++ {
		for _, next := range loads(names[i]) {
			if !slices.Contains(names, next) {
				names = append(names, next)
			}
		}
	}
	return names
}

func at(name string) string {
	if name == "phone.html" {
		return "/mock"
	}
	return "/mock/" + name
}

func TestThePageAndEveryPartItLoadsAreServedAndNothingElse(t *testing.T) {
	for _, name := range needed() {
		res := get(t, at(name), "")
		h := res.Header
		if res.StatusCode != http.StatusOK || h.Get("Content-Security-Policy") != contentSecurityPolicy || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", name, res.StatusCode, h)
		}
	}
	for name := range parts() {
		if !slices.Contains(needed(), name) {
			t.Errorf("%s is embedded, and the page loads it nowhere", name)
		}
		if contentTypes[path.Ext(name)] == "" {
			t.Errorf("%s has no content type", name)
		}
	}
	if res := get(t, "/mock/", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("the folder is listed: %d", res.StatusCode)
	}
}

// Modules are found one after the other: what is not named in the head comes a round trip late.
func TestTheHeadNamesEveryModule(t *testing.T) {
	head := loads("phone.html")
	for _, name := range needed() {
		late := name == "phone.html" || name == "audio.js" || name == "playout.js" || name == "resample.js" // the audio thread's, after the answer
		if !late && !slices.Contains(head, name) {
			t.Errorf("%s is not preloaded", name)
		}
	}
}

// budget is for everything that the page loads, compressed.
const budget = 60_000

func TestThePageIsSmall(t *testing.T) {
	total := 0
	for _, name := range needed() {
		res := get(t, at(name), "br;q=1, gzip")
		packed, err := io.ReadAll(res.Body)
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %v %v", name, err, res.Header)
		}
		total += len(packed)
	}
	t.Logf("%d bytes in %d parts", total, len(needed()))
	if total > budget {
		t.Errorf("the page is %d bytes, its budget %d", total, budget)
	}
}

func TestWhatIsPackedIsTheSame(t *testing.T) {
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.000, br", "identity"} {
		res := get(t, "/mock", accept)
		if body, _ := io.ReadAll(res.Body); res.Header.Get("Content-Encoding") != "" || string(body) != string(parts()["phone.html"]) {
			t.Errorf("%q is answered in %q", accept, res.Header.Get("Content-Encoding"))
		}
	}
	for _, accept := range []string{"gzip", "deflate, GZIP;q=0.5", "br, gzip;q=1.0"} {
		res := get(t, "/mock", accept)
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatalf("%q: %v", accept, err)
		}
		if body, _ := io.ReadAll(z); string(body) != string(parts()["phone.html"]) {
			t.Errorf("%q: the page differs", accept)
		}
	}
}

// The policy forbids them; a browser would drop them without a word.
func TestThePageHasNothingInlineAndNothingForeign(t *testing.T) {
	html := string(parts()["phone.html"])
	if regexp.MustCompile(`(?i)<script[^>]*>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=|javascript:`).MatchString(html) {
		t.Error("the page has inline script or style")
	}
	for name, part := range parts() {
		body := strings.NewReplacer("http://localhost", "", "http://www.w3.org/2000/svg", "").Replace(string(part)) // said to a person or named, not loaded
		if m := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(`).FindString(body); m != "" {
			t.Errorf("%s holds %q", name, m)
		}
	}
	for _, word := range []string{"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "data:", "blob:"} {
		if strings.Contains(contentSecurityPolicy, word) {
			t.Errorf("the policy allows %s", word)
		}
	}
	for _, must := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(contentSecurityPolicy, must) {
			t.Errorf("the policy lacks %s", must)
		}
	}
}
