import { quarantineAgent, type RecordContext, writeFenceReceipt } from "@holdfast/coordination";
import { type FormerHolder, type Grant, HoldfastError, type Op, storePaths } from "@holdfast/core";
import type { NodeVolume } from "./node-half.js";

const CALL_MS = 5_000;

/**
 * A process on that agent still holds the claim on the volume, though its lease is over: the storage drops it, and the
 * receipt is recorded.
 * @throws `UNFENCEABLE`: it is this very agent, or the storage cannot.
 */
export async function fenceClaimHolder(
  records: RecordContext,
  op: Op,
  { strategy, volume }: NodeVolume,
  former: FormerHolder,
  grant: Grant,
): Promise<void> {
  if (!strategy.capabilities(volume).fences) {
    throw new HoldfastError("UNFENCEABLE", `${strategy.type} cannot fence ${former.agent}.`, {
      hint: "Find and end the process there that holds the claim.",
    });
  }
  if (former.agent === grant.agent) {
    throw new HoldfastError("UNFENCEABLE", `The claim is held by a process on this very agent, ${former.agent}.`, {
      hint: "Find and end it here; fencing this agent would end this run.",
    });
  }
  await quarantineAgent(records, grant.service, former, "it held the claim beyond its lease", grant.signal);
  const receipt = await strategy.fence(op, volume, former, grant);
  const identity = { service: grant.service, agent: grant.agent };
  const path = storePaths.request(grant.service);
  await writeFenceReceipt({ ...records, identity }, path, receipt, { timeoutMs: CALL_MS, signal: grant.signal });
}
