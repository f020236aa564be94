package toolapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
	"github.com/clawdbot/call-agent/internal/access/accesstest"
)

var published = sync.OnceValue(func() *accesstest.Surface {
	b, err := openAPI()
	if err != nil {
		panic(err)
	}
	s, err := accesstest.Read(b)
	if err != nil {
		panic(err)
	}
	return s
})

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	want := []string{"/amd", "/calls", "/calls/{id}", "/calls/{id}/events", "/calls/{id}/recording", "/healthz", "/mcp", "/readyz", "/status", "/voice"} // other packages'
	for _, tool := range Tools() {
		want = append(want, tool.Path)
	}
	for _, p := range paths {
		if p != "/tools/" {
			want = append(want, p)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(published().Paths)); !slices.Equal(got, want) {
		t.Errorf("described are %q, served %q", got, want)
	}
	a := New(Options{})
	for path, operations := range published().Paths {
		for method := range operations {
			r := httptest.NewRequest(strings.ToUpper(method), strings.Replace(path, "{id}", "k3", 1), nil)
			if _, pattern := a.mux.Handler(r); pattern == "/" && ours(path) {
				t.Errorf("%s %s is described and not served", method, path)
			}
		}
	}
}

func ours(path string) bool {
	return strings.HasPrefix(path, "/tools") || path == "/openapi.json"
}

// Which errors there are is one table; each tool may meet any of them but the two that are
// only some tools'.
func TestTheDescriptionHasEveryStatusOfEveryTool(t *testing.T) {
	for _, tool := range Tools() {
		responses := published().Paths[tool.Path]["post"].Responses
		for code, status := range access.Statuses() {
			if code == call.Conflict && tool.Name != toolCall || code == call.NotFound && tool.Name == toolCall {
				continue
			}
			if _, ok := responses[strconv.Itoa(status)]; !ok {
				t.Errorf("%s: %s (%d) is not described", tool.Name, code, status)
			}
		}
	}
}

func TestTheDescriptionKnowsEveryWordOfTheDomain(t *testing.T) {
	words := map[string][]string{"Status": texts(call.Statuses()), "Outcome": texts(call.Outcomes()), "EndReason": texts(call.EndReasons())}
	for name, want := range words {
		var s struct{ Enum []string }
		if err := json.Unmarshal(published().Components.Schemas[name], &s); err != nil || !sameWords(s.Enum, want) {
			t.Errorf("%s: described %q, want %q (%v)", name, s.Enum, want, err)
		}
	}
	var event struct {
		Properties struct{ Event struct{ Enum []string } }
	}
	if err := json.Unmarshal(published().Components.Schemas["Event"], &event); err != nil || !sameWords(event.Properties.Event.Enum, texts(call.Stages())) {
		t.Errorf("%q, %v", event.Properties.Event.Enum, err)
	}
}

func texts[S ~string](all []S) (out []string) {
	for _, s := range all {
		out = append(out, string(s))
	}
	return out
}

func sameWords(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestTheDescriptionSharesTheSchemasOfTheTools(t *testing.T) {
	d := newDesk(t)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	for _, tool := range Tools() {
		var compact bytes.Buffer
		if err := json.Compact(&compact, tool.InputSchema); err != nil || !bytes.Contains(w.Body.Bytes(), compact.Bytes()) {
			t.Errorf("the schema of %s is not in it (%v)", tool.Name, err)
		}
	}
}
