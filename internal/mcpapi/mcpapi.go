// Package mcpapi is the tools over the Model Context Protocol, at /mcp: streamable HTTP,
// without sessions, answered in plain JSON, with the bearer token of the HTTPS tools. It owns
// the translation to the protocol, by the official SDK; what a tool does, checks and says is
// toolapi's, so that both doors are one. It keeps no state.
package mcpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/clawdbot/call-agent/internal/toolapi"
)

// Path is where the tools are served.
const Path = "/mcp"

// maxBody bounds a request: a tool's 64 KiB (contract section 1), and the envelope.
const maxBody = 68 << 10

const instructions = `Books appointments by telephone. call_agent places a call (with dryRun it only shows what the call would be), ` +
	`call_agent_status says how it stands, call_agent_cancel stops it. Calls take minutes; the result is also sent to the owner.`

// door is the tools behind the protocol.
type door struct {
	api *toolapi.API
	log *slog.Logger
	// sdk is made at the first request: a function whose callers never speak the protocol is
	// not to pay for it at its start.
	sdk func() http.Handler
}

// New makes the handler of Path. It may be called concurrently.
func New(api *toolapi.API, log *slog.Logger) http.Handler {
	d := &door{api: api, log: log}
	d.sdk = sync.OnceValue(d.open)
	return d
}

func (d *door) open() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "call-agent", Title: "Call agent", Version: version()}, &mcp.ServerOptions{
		Instructions: instructions,
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	for _, t := range toolapi.Keyed() {
		server.AddTool(describe(t), d.use)
	}
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxBody,
		// It guards servers that trust whoever reaches them. Here only a bearer token counts, which no
		// page of another origin has; and a proxy on this machine passes the public name on as Host.
		DisableLocalhostProtection: true,
	})
}

// describe is a tool of ours in the protocol's form.
func describe(t toolapi.Tool) *mcp.Tool {
	no, yes := false, true
	hints := map[string]*mcp.ToolAnnotations{
		"call_agent":        {Title: "Book an appointment by telephone", DestructiveHint: &no, OpenWorldHint: &yes},
		"call_agent_status": {Title: "Status of a call", ReadOnlyHint: true, OpenWorldHint: &no},
		"call_agent_cancel": {Title: "Stop a call", DestructiveHint: &yes, IdempotentHint: true, OpenWorldHint: &yes},
	}
	return &mcp.Tool{Name: t.Name, Description: t.Description, InputSchema: t.InputSchema, Annotations: hints[t.Name]}
}

// ServeHTTP lets nobody in without a token, in the one shape of every error.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := d.api.Caller(r.Header); err != nil {
		d.api.Fail(w, r, err)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	d.sdk().ServeHTTP(w, r)
}

// use carries out one use of a tool. What the tool refuses is an answer too, marked as an
// error: the assistant's model is to read how to mend it.
func (d *door) use(ctx context.Context, r *mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
	defer func() { // the SDK runs it on a goroutine of its own: a panic would end the process
		if p := recover(); p != nil {
			d.log.ErrorContext(ctx, "a tool panicked", "path", Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			result, err = answer(d.api.Refusal(ctx, r.Params.Name, fmt.Errorf("panic")), true)
		}
	}()
	who, err := d.api.Caller(r.Extra.Header)
	if err != nil {
		return answer(d.api.Refusal(ctx, r.Params.Name, err), true)
	}
	arguments := r.Params.Arguments
	if len(arguments) == 0 { // a tool without arguments is asked so
		arguments = []byte("{}")
	}
	document, err := d.api.Use(ctx, r.Params.Name, who, arguments)
	if err != nil {
		return answer(d.api.Refusal(ctx, r.Params.Name, err), true)
	}
	return answer(document, false)
}

// answer is a document as text, which every client shows its model, and structured.
func answer(document any, refused bool) (*mcp.CallToolResult, error) {
	b, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(b)}}, StructuredContent: json.RawMessage(b), IsError: refused}, nil
}

// version is the program's, as the module system knows it.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}
