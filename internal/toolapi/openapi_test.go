package toolapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/clawdbot/call-agent/call"
)

// surface is the published description, as a test reads it.
type surface struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]any
		}
	}
	Components struct {
		Schemas   map[string]json.RawMessage
		Responses map[string]struct{ Content map[string]any }
	}
	compiler *jsonschema.Compiler
}

var published = sync.OnceValue(func() *surface {
	b, err := openAPI()
	if err != nil {
		panic(err)
	}
	var s surface
	if err := json.Unmarshal(b, &s); err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	s.compiler = jsonschema.NewCompiler()
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource("openapi.json", doc); err != nil {
		panic(err)
	}
	return &s
})

var compiling sync.Mutex

// fault says what an answer has that the description has not, or "".
func (s *surface) fault(method, path string, w *httptest.ResponseRecorder) string {
	at := path
	if strings.HasPrefix(path, "/calls/") {
		at = "/calls/{id}/events"
	}
	operation, ok := s.Paths[at][strings.ToLower(method)]
	if !ok {
		if w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed {
			return ""
		}
		return "is not described"
	}
	status := strconv.Itoa(w.Code)
	r, ok := operation.Responses[status]
	if !ok {
		return "is answered " + status + ", which is not described"
	}
	pointer := "/paths/" + escape(at) + "/" + strings.ToLower(method) + "/responses/" + status
	content := r.Content
	if r.Ref != "" {
		pointer = strings.TrimPrefix(r.Ref, "#")
		content = s.Components.Responses[r.Ref[strings.LastIndexByte(r.Ref, '/')+1:]].Content
	}
	kind := w.Header().Get("Content-Type")
	if _, ok := content[kind]; !ok && w.Body.Len() > 0 {
		return fmt.Sprintf("is answered %s with %s, which is not described", status, kind)
	}
	if kind != "application/json" {
		return ""
	}
	compiling.Lock()
	schema, err := s.compiler.Compile("openapi.json#" + pointer + "/content/" + escape(kind) + "/schema")
	compiling.Unlock()
	if err != nil {
		return err.Error()
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err == nil {
		err = schema.Validate(body)
	}
	if err != nil {
		return fmt.Sprintf("is answered %s, not as described: %v\n%s", status, err, w.Body)
	}
	return ""
}

func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

// described checks every answer that a test gets against the published description: all
// tests of this package are also tests of it.
func described(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder, ok := w.(*httptest.ResponseRecorder)
		h.ServeHTTP(w, r)
		if !ok { // a stream over a real socket
			return
		}
		if fault := published().fault(r.Method, r.URL.Path, recorder); fault != "" {
			t.Errorf("%s %s %s", r.Method, r.URL.Path, fault)
		}
	})
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	want := []string{"/amd", "/healthz", "/mcp", "/readyz", "/status", "/voice"} // other packages'
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
	return strings.HasPrefix(path, "/tools") || strings.HasPrefix(path, "/calls") || path == "/openapi.json"
}

// Which errors there are is one table; each tool may meet any of them but the two that are
// only some tools'.
func TestTheDescriptionHasEveryStatusOfEveryTool(t *testing.T) {
	for _, tool := range Tools() {
		responses := published().Paths[tool.Path]["post"].Responses
		for code, status := range statusOf {
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
	words := map[string][]string{"Status": texts(call.Statuses()), "EndReason": texts(call.EndReasons())}
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
