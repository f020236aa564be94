package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// The public address follows from the site, however it is written.
func TestThePublicAddressFollowsFromTheSite(t *testing.T) {
	for _, c := range []struct{ options, key, more, want string }{
		{"", "call.example.test", "", "https://call.example.test"},
		{"", "https://call.example.test:8443", "", "https://call.example.test:8443"},
		{"", "http://localhost:4545", "", "http://localhost:4545"},
		{"", "http://call.example.test", "", "http://call.example.test"},
		{"", "http://[::1]:4545", "", "http://[::1]:4545"},
		{"http_port 8080\n https_port 8443", "call.example.test", "", "https://call.example.test"},
		{"http_port 8080\n https_port 8443", "http://call.example.test", "", "http://call.example.test"},
		{"auto_https off", "http://call.example.test:80", "", "http://call.example.test"},
		{"", "call.example.test", "server {\n publicBaseUrl https://front.example.test/\n}", "https://front.example.test"},
		{"", "call.example.test, media.example.test", "", "http://localhost:4545"},
		{"", "*.example.test", "", "http://localhost:4545"},
		{"", ":4545", "server {\n port 4546\n}", "http://localhost:4546"},
	} {
		t.Setenv("TOOL_TOKEN", toolToken)
		t.Setenv("STREAM_SECRET", strings.Repeat("s", 32))
		text := "{\n persist_config off\n storage file_system " + t.TempDir() + "\n" + c.options + "\n}\nother.example.test {\n respond other\n}\n" +
			c.key + " {\n call_agent {\n openai {\n baseUrl ws://127.0.0.1:1\n}\n stream {\n secret {env.STREAM_SECRET}\n}\n tools {\n tokens {env.TOOL_TOKEN}\n}\n" + c.more + "\n}\n}\n"
		adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
		if err != nil {
			t.Fatal(err)
		}
		var config caddy.Config
		if err := json.Unmarshal(adapted, &config); err != nil {
			t.Fatal(err)
		}
		ctx, err := caddy.ProvisionContext(&config)
		if err != nil {
			t.Errorf("%s: %v", c.key, err)
			continue
		}
		app, err := ctx.App(appID)
		if err != nil {
			t.Fatal(err)
		}
		if got := app.(*App).handlers[0].read.config.Server.PublicBaseURL; got != c.want {
			t.Errorf("%s: %s; want %s", c.key, got, c.want)
		}
	}
}
