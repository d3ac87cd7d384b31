import { isIP } from "node:net";
import { type AgentId, HoldfastError, type Op } from "@holdfast/core";
import { agentAddress, type CommonOptions } from "./common-options.js";

const RESOLVE_MS = 3_000;

/** Servers compare addresses, not names. @throws `UNFENCEABLE`: no address is known for that agent. */
export async function resolveAgent(op: Op, options: Pick<CommonOptions, "agents">, agent: AgentId): Promise<string[]> {
  const host = agentAddress(options, agent);
  if (isIP(host) !== 0) return [host];
  const { stdout } = await op.exec("getent", ["ahosts", host], { timeoutMs: RESOLVE_MS, okExitCodes: [0, 2] });
  const found = [...new Set(stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []))];
  if (found.length > 0) return found;
  throw new HoldfastError("UNFENCEABLE", `No address is known for agent ${agent}.`, {
    hint: "Put it into the volume's options: agents: { AGENT: ADDRESS }.",
    detail: { agent, host },
  });
}
