import { fenceFormer, type RecordContext } from "@holdfast/coordination";
import { type FormerHolder, type Grant, HoldfastError, type Op } from "@holdfast/core";
import type { NodeVolume } from "./node-half.js";

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
  const reason = "it held the claim beyond its lease";
  await fenceFormer(records, { volumes: [{ strategy, volume }], former, grant, op, reason });
}
