import { cutDeadline, hasCode, type Instant, isReached, type LeaseRecord, remainingMs } from "@holdfast/core";
import { acquireLease } from "./acquire.js";
import { writeHistory } from "./history-log.js";
import type { LeaseContext } from "./identity.js";

export interface ElectionOptions {
  readonly signal: AbortSignal;
  /**
   * Runs while this process is the leader. `leading` aborts at the cut deadline at the latest; everything that acts
   * as the leader must have stopped when the returned promise settles, and must stop by itself when it aborts.
   */
  readonly lead: (epoch: bigint, leading: AbortSignal) => Promise<void>;
  readonly onFollowing?: (leader: LeaseRecord | null) => void;
  readonly leaseMsMax: number;
}

/**
 * Leader election from the same lease: repeats acquire, lead, release until `signal` aborts. There is no guard beside
 * this process, so its protection ends where the process stalls: what a leader does must carry the epoch and be
 * refused by its receiver when a higher one was seen (fencing token). The controller's journalled steps do that.
 */
export async function runElection(context: LeaseContext, options: ElectionOptions): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    let acquired: Awaited<ReturnType<typeof acquireLease>>;
    try {
      acquired = await acquireLease(context, {
        volume: null,
        firstRun: false,
        leaseMsMax: options.leaseMsMax,
        wait: { kind: "wait", limitMs: null },
        signal,
        ...(options.onFollowing === undefined ? {} : { onWaiting: ({ record }) => options.onFollowing?.(record) }),
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME", "RECORD_MISSING")) throw error;
      await context.clock.sleep(context.timing.renewMs, signal).catch(ignoreAbort(signal));
      continue;
    }
    await leadOnce(context, options, acquired);
  }
}

async function leadOnce(
  context: LeaseContext,
  options: ElectionOptions,
  acquired: Awaited<ReturnType<typeof acquireLease>>,
): Promise<void> {
  const { lease } = acquired;
  const { clock, timing } = context;
  const leading = new AbortController();
  const end = (why: string) => leading.abort(new Error(why));
  const onStop = () => end("asked to stop");
  options.signal.addEventListener("abort", onStop, { once: true });
  if (options.signal.aborted) onStop();
  let deadline: Instant = cutDeadline(acquired.stamp, timing);
  let timer = arm(deadline, clock.now(), () => end("the lease was not renewed in time"));
  const entry = { epoch: lease.epoch, run: lease.run, agent: context.identity.agent, leaseMs: timing.leaseMs };
  const work = (async () => {
    await writeHistory(context, { ...entry, kind: "started" }, { timeoutMs: timing.renewMs, signal: leading.signal });
    if (isReached(deadline, clock.now())) end("the lease was not renewed in time");
    if (!leading.signal.aborted) await options.lead(lease.epoch, leading.signal);
  })()
    .catch((error: unknown) => {
      // Work that fails because leadership ended is not the caller's error; anything else is.
      if (!leading.signal.aborted) throw error;
    })
    .finally(() => end("the leader's work is over"));
  const renewals = (async () => {
    while (!leading.signal.aborted) {
      await clock.sleep(timing.renewMs, leading.signal).catch(ignoreAbort(leading.signal));
      if (leading.signal.aborted) return;
      const result = await lease.renew(deadline, leading.signal);
      if (result.kind === "lost") end(result.why);
      if (result.kind === "confirmed") {
        deadline = cutDeadline(result.stamp, timing);
        clearTimeout(timer);
        timer = arm(deadline, clock.now(), () => end("the lease was not renewed in time"));
      }
      if (isReached(deadline, clock.now())) end("the lease was not renewed in time");
    }
  })().finally(() => end("the lease is not renewed any more"));
  // Both, whatever either of them does: a leader that still works must not be succeeded.
  const [worked, renewed] = await Promise.allSettled([work, renewals]);
  clearTimeout(timer);
  options.signal.removeEventListener("abort", onStop);
  await lease.release({ kind: "released" }, null, AbortSignal.timeout(timing.leaseMs));
  for (const result of [renewed, worked]) if (result.status === "rejected") throw result.reason;
}

function arm(deadline: Instant, now: Instant, callback: () => void): NodeJS.Timeout {
  return setTimeout(callback, Math.max(0, remainingMs(deadline, now)));
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}
