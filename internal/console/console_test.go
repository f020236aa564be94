package console

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/clawdbot/call-agent/internal/page/pagetest"
)

// The phone's page has 60,000 of the 150,000 bytes that both may have together.
func TestThePageKeepsTheRulesOfOurPages(t *testing.T) {
	pagetest.Run(t, pagetest.Rules{Page: console(), Budget: 60_000, Allowed: []string{"media-src blob:"}})
}

func TestAHostMountsTwoPatterns(t *testing.T) {
	host := http.NewServeMux()
	host.Handle("GET "+Path, Handler())
	host.Handle("GET "+Parts, Handler())
	for at, want := range map[string]int{
		"/console": 200, "/console/console.js": 200, "/console/console.css": 200,
		"/console/": 404, "/console/console.html": 404, "/console/nothing.js": 404, "/console/a/b": 404, "/console/..%2fconsole.go": 404,
	} {
		w := httptest.NewRecorder()
		host.ServeHTTP(w, httptest.NewRequest(http.MethodGet, at, nil))
		if w.Code != want {
			t.Errorf("%s: %d", at, w.Code)
		}
	}
	w := httptest.NewRecorder()
	host.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/console", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
