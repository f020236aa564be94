package doctor

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const gatewayToken = "gateway-token-0123456789"

// gateway is an assistant's: its hooks, and its tools with what the plugin answers.
func gateway(status int, answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tools/invoke" {
			hooksToday(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer "+gatewayToken || !strings.Contains(string(body), `"tool":"call_agent_status"`) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}
}

func problem(fields string) string {
	return `{"ok":true,"result":{"content":[],"details":{"problem":{` + fields + `}}}}`
}

func TestThePluginIsExaminedThroughItsGateway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hooks http.HandlerFunc
		token string
		want  State
		words []string
	}{
		"all is well":                 {gateway(200, problem(`"kind":"refused","code":"not_found"`)), gatewayToken, OK, []string{"reaches a call agent", "nothing was dialled"}},
		"no token of the gateway":     {gateway(200, ""), "", Skipped, []string{"OPENCLAW_GATEWAY_TOKEN"}},
		"a wrong one":                 {gateway(200, ""), "wrong-gateway-token", Failed, []string{"does not take the gateway's token", "gateway.auth.token"}},
		"no plugin":                   {gateway(404, `{"ok":false}`), gatewayToken, Failed, []string{"no tool call_agent_status", "plugins install ./clawdbot"}},
		"a plugin without settings":   {gateway(200, problem(`"kind":"unconfigured"`)), gatewayToken, Failed, []string{"not configured", "config.url", "config.token"}},
		"a plugin with a wrong token": {gateway(200, problem(`"kind":"refused","code":"unauthorized"`)), gatewayToken, Failed, []string{"unauthorized", "tools.tokens"}},
		"a plugin that leads nowhere": {gateway(200, problem(`"kind":"unreached"`)), gatewayToken, Failed, []string{"does not reach", "config.url"}},
		"a service in trouble":        {gateway(200, problem(`"kind":"refused","code":"unavailable"`)), gatewayToken, Warning, []string{"server's log"}},
		"another tool of that name":   {gateway(200, `[]`), gatewayToken, Warning, []string{"not our plugin's"}},
		"a gateway in trouble":        {gateway(500, ``), gatewayToken, Warning, []string{"HTTP 500"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{down: true, hooks: tc.hooks})
			r := w.examine(nil, func(o *Options) { o.GatewayToken = tc.token })
			w.want(r, "assistant's plugin", tc.want, tc.words...)
			for _, c := range r.Checks {
				if strings.Contains(c.Finding+c.Mend, gatewayToken) {
					t.Errorf("%s shows the gateway's token", c.Name)
				}
			}
		})
	}
	w := newWorld(t, options{down: true, keys: map[string]string{"notify.hooksUrl": "-", "notify.hooksToken": "-"}})
	w.want(w.examine(nil, func(o *Options) { o.GatewayToken = gatewayToken }), "assistant's plugin", Skipped, "notify.hooksUrl")
}
