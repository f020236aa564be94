package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// gatewayVariable is the gateway's own name for its token.
const gatewayVariable = "OPENCLAW_GATEWAY_TOKEN"

const installPlugin = "install the plugin there (docs/clawdbot.md): openclaw plugins install ./clawdbot --force --accept-capabilities"

// checkPlugin asks the assistant's gateway for a call that does not exist: through its
// plugin and back to the call agent, which must answer that it knows no such call. Nothing
// is dialled. The gateway is where the hooks are; its token opens everything there, so
// that it is no key of ours and is only read from the environment.
func checkPlugin(ctx context.Context, p *patient) Check {
	if !p.config.Notify.Enabled() {
		return skipped("without notify.hooksUrl it is not known where the assistant's gateway is", "see notification hook")
	}
	if p.GatewayToken == "" {
		return skipped("the gateway's token is not in the environment", "to have the plugin examined: "+gatewayVariable+"=… callagent doctor")
	}
	host := hostOf(p.config.Notify.HooksURL)
	target, err := gatewayTools(p.config.Notify.HooksURL)
	if err != nil {
		return failed("notify.hooksUrl is no address", "mend notify.hooksUrl (CALLAGENT_NOTIFY_HOOKS_URL)")
	}
	a, err := p.ask(ctx, http.MethodPost, target, `{"tool":"call_agent_status","args":{"callId":"callagent-doctor"}}`,
		"Authorization", "Bearer "+p.GatewayToken, "Content-Type", "application/json")
	switch {
	case err != nil:
		return failed(trouble(err, host), "start the gateway, or mend notify.hooksUrl (CALLAGENT_NOTIFY_HOOKS_URL)")
	case a.unauthorized():
		return failed(fmt.Sprintf("%s does not take the gateway's token (HTTP %d)", host, a.status), "set "+gatewayVariable+" to gateway.auth.token of its configuration")
	case a.status == http.StatusNotFound:
		return failed(host+" has no tool call_agent_status", installPlugin)
	case a.status != http.StatusOK:
		return warning(fmt.Sprintf("%s answers HTTP %d to a tool", host, a.status), "look at the log of the gateway")
	}
	return pluginVerdict(host, a.body)
}

// gatewayTools is /tools/invoke on the host of the hooks.
func gatewayTools(hooks string) (string, error) {
	u, err := url.Parse(hooks)
	if err != nil {
		return "", fmt.Errorf("read notify.hooksUrl: %w", err)
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/tools/invoke"}).String(), nil
}

// pluginVerdict reads what the plugin found (clawdbot/lib/problems.js).
func pluginVerdict(host string, body []byte) Check {
	var found struct {
		Result struct {
			Details struct {
				Problem struct{ Kind, Code string }
			}
		}
	}
	_ = json.Unmarshal(body, &found) // what is something else has no kind, and is told so
	const configuration = "plugins.entries.call-agent.config"
	switch problem := found.Result.Details.Problem; problem.Kind {
	case "refused":
		switch problem.Code {
		case "not_found":
			return fine("the plugin at " + host + " reaches a call agent, which takes its token; nothing was dialled")
		case "unauthorized", "forbidden":
			return failed("the plugin at "+host+" is refused by the call agent: "+problem.Code, "set "+configuration+".token there to one of tools.tokens, with the scopes call, status and cancel")
		}
		return warning("the plugin at "+host+" was refused by the call agent", "look at the server's log")
	case "unconfigured":
		return failed("the plugin at "+host+" is not configured", "set "+configuration+".url and "+configuration+".token there")
	case "unreached", "untrusted", "foreign", "slow":
		return failed("the plugin at "+host+" does not reach the call agent: "+problem.Kind, "set "+configuration+".url there to this server's address")
	}
	return warning("what "+host+" answers is not our plugin's answer", installPlugin)
}
