package toolapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// openAPISource is the description of the whole HTTP surface, but for what the tools say of
// themselves: that is filled in from the list of tools, so that both say the same.
//
//go:embed openapi.json
var openAPISource []byte

// openAPI is the document as it is served.
var openAPI = sync.OnceValues(func() ([]byte, error) {
	var doc struct {
		OpenAPI    string          `json:"openapi"`
		Info       json.RawMessage `json:"info"`
		Servers    json.RawMessage `json:"servers"`
		Tags       json.RawMessage `json:"tags"`
		Paths      map[string]any  `json:"paths"`
		Components struct {
			Schemas         map[string]json.RawMessage `json:"schemas"`
			Responses       json.RawMessage            `json:"responses"`
			SecuritySchemes json.RawMessage            `json:"securitySchemes"`
		} `json:"components"`
	}
	if err := json.Unmarshal(openAPISource, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.json: %w", err)
	}
	names := map[string]string{toolCall: "CallAgentRequest", toolStatus: "CallAgentStatusRequest", toolCancel: "CallAgentCancelRequest"}
	for _, t := range Tools() {
		doc.Components.Schemas[names[t.Name]] = t.InputSchema
		path, _ := doc.Paths[t.Path].(map[string]any)
		operation, ok := path["post"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("openapi.json has no %s %s", t.Method, t.Path)
		}
		summary, _, _ := strings.Cut(t.Description, ". ")
		operation["summary"], operation["description"] = summary+".", t.Description
	}
	return json.Marshal(doc)
})

// describe answers GET /openapi.json.
func (a *API) describe(w http.ResponseWriter, _ *http.Request) error {
	doc, err := openAPI()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(doc) // the caller has gone; nobody is left to tell
	return nil
}
