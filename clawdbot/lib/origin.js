// originOf is where the request came from, as the call agent's notification needs it to
// arrive in the same chat. OpenClaw tells channel and recipient in deliveryContext;
// clawdbot 2026.1 knows the channel alone, and tells its last chat then. A turn that no
// chat began (a hook, a schedule) has neither.
export function originOf(context) {
  const delivery = context.deliveryContext ?? {};
  const origin = {
    agentId: context.agentId,
    sessionKey: context.sessionKey,
    channel: delivery.channel ?? context.messageChannel,
    to: delivery.to,
    accountId: delivery.accountId ?? context.agentAccountId,
  };
  const known = Object.entries(origin).filter(([, value]) => typeof value === "string" && value !== "" && Buffer.byteLength(value) <= maxBytes);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

// The call agent takes no longer field (its contract, section 1).
const maxBytes = 512;
