// What the stubbed language model does: it has no understanding, and takes its orders from
// fixed phrases of the chat, as the tests say them.

// brain returns answer(messages, tools) for model.js. plans maps a phrase of the person to
// the tool that is called then, {tool, args}.
export function brain(plans) {
  return (messages, tools) => {
    const latest = messages.slice(messages.findLastIndex((m) => m.role === "assistant") + 1);
    const result = latest.find((m) => m.role === "tool");
    if (result) return { text: `The tool says: ${textOf(result)}` };
    const asked = latest.filter((m) => m.role === "user").map(textOf);
    // What the host adds of earlier talk is no person's wish.
    const said = asked.filter((text) => !text.startsWith("<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT")).join("\n");
    const plan = [...plans].find(([phrase]) => said.includes(phrase))?.[1];
    if (!plan) return { text: noticeIn(asked.join("\n")) ?? "Good." };
    // Tool Search is on by default: the model sees three tools that lead to the others.
    return tools.includes(plan.tool) ? plan : { tool: "tool_call", args: { id: plan.tool, args: plan.args } };
  };
}

export function textOf(message) {
  return typeof message.content === "string" ? message.content : (message.content ?? []).map((part) => part.text ?? "").join("\n");
}

// noticeIn is what a hook handed over: in OpenClaw between the marks of untrusted content,
// in clawdbot 2026.1 as it came.
function noticeIn(said) {
  const wrapped = said.match(/Task: CallAgent\n---\n([\s\S]*?)\n<<<END_EXTERNAL/);
  if (wrapped) return wrapped[1];
  return said.match(/((?:Appointment booked|The appointment is NOT confirmed|No appointment was booked)[^\n]*Call id: [^\n ]+\.)/)?.[1];
}
