// Package accesstest holds answers against the published description of the HTTP surface:
// every test of a handler behind it is also a test of the description. It is imported by
// tests alone.
package accesstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Surface is the description, as tests read it. Safe for concurrent use.
type Surface struct {
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
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

// Read reads an OpenAPI document.
func Read(document []byte) (*Surface, error) {
	s := &Surface{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(document, s); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource("openapi.json", doc); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	return s, nil
}

// Hold checks every answer that a test gets from h.
func (s *Surface) Hold(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder, ok := w.(*httptest.ResponseRecorder)
		h.ServeHTTP(w, r)
		if !ok { // a stream over a real socket
			return
		}
		if fault := s.fault(r.Method, r.URL.Path, recorder); fault != "" {
			t.Errorf("%s %s %s", r.Method, r.URL.Path, fault)
		}
	})
}

// described is the path of the description that a request's path is of; its own where there is none.
func (s *Surface) described(path string) string {
	if _, ok := s.Paths[path]; ok {
		return path
	}
	parts := strings.Split(path, "/")
	for template := range s.Paths {
		if matches(strings.Split(template, "/"), parts) {
			return template
		}
	}
	return path
}

func matches(template, parts []string) bool {
	if len(template) != len(parts) {
		return false
	}
	for i, t := range template {
		if t != parts[i] && !strings.HasPrefix(t, "{") {
			return false
		}
	}
	return true
}

// fault says what an answer has that the description has not, or "".
func (s *Surface) fault(method, path string, w *httptest.ResponseRecorder) string {
	at := s.described(path)
	if method == http.MethodHead {
		method = http.MethodGet
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
	pointer, content := "/paths/"+escape(at)+"/"+strings.ToLower(method)+"/responses/"+status, r.Content
	if r.Ref != "" {
		pointer = strings.TrimPrefix(r.Ref, "#")
		content = s.Components.Responses[r.Ref[strings.LastIndexByte(r.Ref, '/')+1:]].Content
	}
	kind := w.Header().Get("Content-Type")
	if _, ok := content[kind]; !ok && w.Body.Len() > 0 {
		return fmt.Sprintf("is answered %s with %s, which is not described", status, kind)
	}
	if kind != "application/json" || w.Body.Len() == 0 {
		return ""
	}
	return s.invalid(pointer+"/content/"+escape(kind)+"/schema", status, w.Body.Bytes())
}

func (s *Surface) invalid(pointer, status string, body []byte) string {
	s.mu.Lock()
	schema, err := s.compiler.Compile("openapi.json#" + pointer)
	s.mu.Unlock()
	if err != nil {
		return err.Error()
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		return fmt.Sprintf("is answered %s, not as described: %v\n%s", status, err, body)
	}
	return ""
}

func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}
