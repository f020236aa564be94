// Lets an assistant make telephone calls: the tools call_agent, call_agent_status and
// call_agent_cancel, each one request to the call agent's tool URL. It keeps nothing and
// decides nothing; the call agent does.
//
// The same files load in OpenClaw 2026.9 and clawdbot 2026.1: therefore neither's SDK is
// imported, and register is synchronous, as both demand.
import { settingsOf } from "./lib/settings.js";
import { toolsOf } from "./lib/tools.js";

export default {
  id: "call-agent",
  name: "Call agent",
  description: "Makes telephone calls that book appointments.",
  register(api) {
    const settings = settingsOf(api.pluginConfig);
    if (settings.problem) api.logger?.warn?.(`call-agent: ${settings.problem}`);
    for (const tool of toolsOf(settings)) {
      // A factory is told of the chat in which the tool will be used.
      api.registerTool((context) => tool(context ?? {}), { name: tool.toolName });
    }
  },
};
