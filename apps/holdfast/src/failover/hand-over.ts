import { askHandover, fenceFormer, type LeaseContext, readLease, withdrawHandover } from "@holdfast/coordination";
import {
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  hasCode,
  type LeaseRecord,
  type LeaseTiming,
  type Op,
} from "@holdfast/core";
import type { StrategyVolume } from "../service-file/volumes.js";
import { type Followed, HandoverFollower } from "./follow.js";
import { type SplitPart, timeSplit } from "./time-split.js";

export interface HandOverOptions {
  readonly kind: "switchover" | "failover";
  readonly to: string | null;
  readonly by: string;
  readonly reason: string;
  /** Do not wait for the holder: fence it at once. Only for a failover. */
  readonly now: boolean;
  readonly volumes: readonly StrategyVolume[];
  readonly timing: LeaseTiming;
  /** How long the next run may take from the release to its start. Milliseconds. */
  readonly startLimitMs: number;
  readonly op: Op;
  readonly signal: AbortSignal;
  readonly onNews: (line: string) => void;
}

export interface HandedOver {
  readonly from: { readonly epoch: bigint; readonly agent: string };
  readonly to: { readonly epoch: bigint; readonly agent: string };
  readonly released: boolean;
  readonly receipts: readonly FenceReceipt[];
  readonly split: readonly SplitPart[];
}

/** For a store and a machine that are slow, beyond what the lease's own numbers allow. */
const SLACK_MS = 5_000;
const CALL_MS = 5_000;

/**
 * Asks the holder to release and waits for the next run. A failover fences a holder that does not; it never shortens
 * a lease, because a holder that is only cut off still counts on its own.
 * @throws `NOT_FOUND` when nobody holds the lease; `BUSY` when the holder of a switchover did not release; `UNFENCEABLE`
 *   when it did not and no storage can fence; `WAIT_LIMIT` when nobody started in time; store errors.
 */
export async function handOver(context: LeaseContext, options: HandOverOptions): Promise<HandedOver> {
  const { timing, signal, onNews } = options;
  const holder = await requireHolder(context, signal);
  // Asked to fence at once where nothing can: then the holder is not even asked.
  if (options.now) requireFence(options.volumes, holder);
  const follower = new HandoverFollower(context, holder.epoch, onNews);
  const wish = { service: context.identity.service, epoch: holder.epoch, kind: options.kind, to: options.to };
  await askHandover(context, { ...wish, by: options.by, reason: options.reason }, signal);
  onNews(`asked epoch ${holder.epoch} on ${holder.agent} to stop and release`);
  const released = ({ lease, moments }: Followed) => moments.releasedMs !== null || (lease?.epoch ?? 0n) > holder.epoch;
  const stopMs = options.now ? 0 : timing.stopBudgetMs + timing.marginMs + SLACK_MS;
  const receipts: FenceReceipt[] = [];
  let ownFenceMs = 0;
  if (!(await follower.until(released, stopMs, signal))) {
    if (options.kind === "switchover") {
      await withdrawHandover(context, { ...wish, by: options.by }, signal);
      throw notReleased(holder, stopMs);
    }
    const beganMs = context.clock.now().monoMs;
    receipts.push(...(await fenceHolder(context, options, holder)));
    ownFenceMs = context.clock.now().monoMs - beganMs;
  }
  const leaseMs = timing.leaseMs * 1.01 + timing.guardMs + SLACK_MS;
  if (!(await follower.until(({ moments }) => moments.takenMs !== null, leaseMs + options.startLimitMs, signal))) {
    throw nobodyTook(follower.followed, holder);
  }
  const started = await follower.until(({ moments }) => moments.startedMs !== null, options.startLimitMs, signal);
  const { lease, moments, request } = follower.followed;
  if (!started || lease === null) throw notStarted(follower.followed, options.startLimitMs);
  return {
    from: { epoch: holder.epoch, agent: holder.agent },
    to: { epoch: lease.epoch, agent: lease.agent },
    released: moments.releasedMs !== null,
    receipts,
    split: timeSplit(moments, request, ownFenceMs),
  };
}

async function requireHolder(context: LeaseContext, signal: AbortSignal): Promise<LeaseRecord> {
  const seen = await readLease(context, { timeoutMs: CALL_MS, signal });
  if (seen?.record.state.kind === "held") return seen.record;
  const { service } = context.identity;
  const why = seen === undefined ? "there is no lease record" : `its lease is ${seen.record.state.kind}`;
  throw new HoldfastError("NOT_FOUND", `Nobody holds the lease of ${service}: ${why}.`, {
    hint: "There is nothing to hand over; a candidate takes it by itself. See `holdfast lock status`.",
  });
}

/** Under the authority of the next epoch, which is nobody's yet; refused once somebody has it. */
async function fenceHolder(
  context: LeaseContext,
  options: HandOverOptions,
  holder: LeaseRecord,
): Promise<readonly FenceReceipt[]> {
  const { volumes, op, signal, onNews } = options;
  requireFence(volumes, holder);
  const present = await requireHolder(context, signal);
  if (present.epoch !== holder.epoch) {
    onNews(`epoch ${present.epoch} on ${present.agent} has the lease already; nobody is fenced`);
    return [];
  }
  const { agent, epoch, bootId, machineId } = holder;
  const former: FormerHolder = { agent, epoch, bootId, machineId };
  const grant: Grant = {
    ...{ service: context.identity.service, epoch: holder.epoch + 1n, run: `operator-${options.by}` },
    ...{ agent: context.identity.agent, signal },
  };
  onNews(`fencing ${holder.agent} at the storage`);
  try {
    const receipts = await fenceFormer(context, { volumes, former, grant, op, reason: options.reason });
    for (const { role, evidence } of receipts)
      onNews(`fenced ${holder.agent} (${role ?? "all volumes"}): ${firstLine(evidence)}`);
    return receipts;
  } catch (error) {
    if (!hasCode(error, "UNFENCEABLE")) throw error;
    throw unfenceable(holder, error instanceof Error ? error.message : String(error), error);
  }
}

/** @throws `UNFENCEABLE` naming each volume whose storage cannot. Pure. */
function requireFence(volumes: readonly StrategyVolume[], holder: LeaseRecord): void {
  const unable = volumes.filter(({ strategy, volume }) => !strategy.capabilities(volume).fences);
  if (unable.length === 0) return;
  const names = unable.map(
    ({ strategy, volume }) => `${volume.role} (${strategy.type}, ${strategy.capabilities(volume).backend})`,
  );
  throw unfenceable(holder, `the storage of ${names.join(", ")} cannot fence`);
}

function unfenceable(holder: LeaseRecord, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "UNFENCEABLE",
    `${holder.agent} did not release epoch ${holder.epoch}, and cannot be fenced: ${why.replace(/\.$/, "")}.`,
    {
      hint: `What remains is the lease: if that run is dead, a waiting candidate takes over ${holder.leaseMs} ms after its last renewal. If it lives and renews, end it on ${holder.agent}; when its machine is certainly off: holdfast lock fenced --epoch ${holder.epoch} --confirm`,
      cause,
    },
  );
}

function notReleased(holder: LeaseRecord, waitedMs: number): HoldfastError {
  return new HoldfastError(
    "BUSY",
    `Epoch ${holder.epoch} on ${holder.agent} did not release within ${waitedMs} ms; the wish was taken back.`,
    { hint: "Look at that run. If it is ill, `holdfast failover` fences it where the storage can.", retryable: true },
  );
}

function nobodyTook({ moments }: Followed, holder: LeaseRecord): HoldfastError {
  const state = moments.releasedMs === null ? `${holder.agent} still counts as the holder` : "the lease is released";
  return new HoldfastError("WAIT_LIMIT", `Nobody has taken over from epoch ${holder.epoch}: ${state}.`, {
    hint: "Is a candidate waiting (`holdfast lock status`)? The orchestrator has to start one.",
    retryable: true,
  });
}

function notStarted({ lease, request }: Followed, limitMs: number): HoldfastError {
  const who = lease === null ? "The next run" : `Epoch ${lease.epoch} on ${lease.agent}`;
  const why = request?.failure === undefined ? "" : `: ${request.failure.message.replace(/\.$/, "")}`;
  return new HoldfastError("WAIT_LIMIT", `${who} has the lease and did not start within ${limitMs} ms${why}.`, {
    hint: "See the log of that run; it may still be checking or repairing its volume.",
    retryable: true,
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
