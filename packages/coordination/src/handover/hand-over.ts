import {
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  hasCode,
  isFenced,
  type LeaseRecord,
  type LeaseTiming,
  type Op,
  storePaths,
} from "@holdfast/core";
import { readRequest } from "../lease/fence-receipts.js";
import type { LeaseContext } from "../lease/identity.js";
import { readLease } from "../lease/record-io.js";
import { fenceFormer } from "../request/fence-former.js";
import { type Followed, HandoverFollower } from "./follow.js";
import { askHandover, withdrawHandover } from "./handover.js";
import type { StrategyVolume } from "./outlook.js";
import { type SplitPart, timeSplit } from "./time-split.js";

export type HandOverStep = "ask" | "await-release" | "withdraw" | "fence" | "await-grant" | "await-start";

/** Who hands over: what is left of its lease record when it has gone on. */
export type FormerLease = Pick<LeaseRecord, "epoch" | "agent" | "bootId" | "machineId" | "leaseMs">;

/** For a caller that may die in the middle and have another one go on. */
export interface HandOverJournal {
  /** The holder that was asked, or is to be. */
  readonly from: FormerLease;
  /** Steps that certainly were done before; they are not done again. */
  readonly isDone: (step: HandOverStep) => boolean;
  /** Around each step, to write down that it begins and how it ended. */
  readonly around: <T>(step: HandOverStep, action: () => Promise<T>) => Promise<T>;
}

export interface HandOverOptions {
  readonly journal?: HandOverJournal;
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
  const { journal } = options;
  const holder = journal?.from ?? (await requireHolder(context, signal));
  const step: HandOverJournal["around"] = journal?.around ?? ((_, action) => action());
  const isDone: HandOverJournal["isDone"] = journal?.isDone ?? (() => false);
  const stopMs = options.now ? 0 : timing.stopBudgetMs + timing.marginMs + SLACK_MS;
  if (isDone("withdraw")) throw notReleased(holder, stopMs);
  // Asked to fence at once where nothing can: then the holder is not even asked.
  if (options.now) requireFence(options.volumes, holder);
  const follower = new HandoverFollower(context, holder.epoch, onNews);
  const wish = { service: context.identity.service, epoch: holder.epoch, kind: options.kind, to: options.to };
  if (!isDone("ask")) {
    await step("ask", () => ask(context, { ...wish, by: options.by, reason: options.reason }, options, holder.agent));
  }
  const released = ({ lease, moments }: Followed) => moments.releasedMs !== null || (lease?.epoch ?? 0n) > holder.epoch;
  const receipts: FenceReceipt[] = [];
  let ownFenceMs = 0;
  if (!(await step("await-release", () => follower.until(released, stopMs, signal)))) {
    if (options.kind === "switchover") {
      await step("withdraw", () => withdrawHandover(context, { ...wish, by: options.by }, signal));
      throw notReleased(holder, stopMs);
    }
    const beganMs = context.clock.now().monoMs;
    if (!isDone("fence")) receipts.push(...(await step("fence", () => fenceHolder(context, options, holder))));
    ownFenceMs = context.clock.now().monoMs - beganMs;
  }
  const leaseMs = timing.leaseMs * 1.01 + timing.guardMs + SLACK_MS;
  const taken = ({ moments }: Followed) => moments.takenMs !== null;
  await step("await-grant", async () => {
    if (await follower.until(taken, leaseMs + options.startLimitMs, signal)) return;
    throw nobodyTook(follower.followed, holder);
  });
  const lease = await step("await-start", async () => {
    const hasStarted = ({ moments }: Followed) => moments.startedMs !== null;
    const started = await follower.until(hasStarted, options.startLimitMs, signal);
    if (started && follower.followed.lease !== null) return follower.followed.lease;
    throw notStarted(follower.followed, options.startLimitMs);
  });
  const { moments, request } = follower.followed;
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

/** Who went on with a handover that another one began may find that its holder is over already; then nobody is asked. */
async function ask(
  context: LeaseContext,
  wish: Parameters<typeof askHandover>[1],
  { journal, signal, onNews }: HandOverOptions,
  agent: string,
): Promise<void> {
  try {
    await askHandover(context, wish, signal);
    onNews(`asked epoch ${wish.epoch} on ${agent} to stop and release`);
  } catch (error) {
    if (journal === undefined || !hasCode(error, "STALE_EPOCH")) throw error;
    onNews(`epoch ${wish.epoch} is over already`);
  }
}

/** Under the authority of the next epoch, which is nobody's yet; refused once somebody has it. */
async function fenceHolder(
  context: LeaseContext,
  options: HandOverOptions,
  holder: FormerLease,
): Promise<readonly FenceReceipt[]> {
  const { volumes, op, signal, onNews } = options;
  requireFence(volumes, holder);
  const known = await receiptsFor(context, options, holder);
  if (known !== undefined) return known;
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

/** The receipts of a fence that was done and whose answer nobody heard; undefined = a volume has none. */
async function receiptsFor(
  context: LeaseContext,
  { volumes, signal }: HandOverOptions,
  former: FormerLease,
): Promise<readonly FenceReceipt[] | undefined> {
  const path = storePaths.request(context.identity.service);
  const receipts = (await readRequest(context, path, { timeoutMs: CALL_MS, signal }))?.receipts ?? [];
  if (!volumes.every(({ volume }) => isFenced(receipts, former, volume.role))) return undefined;
  return receipts.filter(({ agent, fencedEpoch }) => agent === former.agent && fencedEpoch >= former.epoch);
}

/** @throws `UNFENCEABLE` naming each volume whose storage cannot. Pure. */
function requireFence(volumes: readonly StrategyVolume[], holder: FormerLease): void {
  const unable = volumes.filter(({ strategy, volume }) => !strategy.capabilities(volume).fences);
  if (unable.length === 0) return;
  const names = unable.map(
    ({ strategy, volume }) => `${volume.role} (${strategy.type}, ${strategy.capabilities(volume).backend})`,
  );
  throw unfenceable(holder, `the storage of ${names.join(", ")} cannot fence`);
}

function unfenceable(holder: FormerLease, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "UNFENCEABLE",
    `${holder.agent} did not release epoch ${holder.epoch}, and cannot be fenced: ${why.replace(/\.$/, "")}.`,
    {
      hint: `What remains is the lease: if that run is dead, a waiting candidate takes over ${holder.leaseMs} ms after its last renewal. If it lives and renews, end it on ${holder.agent}; when its machine is certainly off: holdfast lock fenced --epoch ${holder.epoch} --confirm`,
      cause,
    },
  );
}

function notReleased(holder: FormerLease, waitedMs: number): HoldfastError {
  return new HoldfastError(
    "BUSY",
    `Epoch ${holder.epoch} on ${holder.agent} did not release within ${waitedMs} ms; the wish was taken back.`,
    { hint: "Look at that run. If it is ill, `holdfast failover` fences it where the storage can.", retryable: true },
  );
}

function nobodyTook({ moments }: Followed, holder: FormerLease): HoldfastError {
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
