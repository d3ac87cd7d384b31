import { randomUUID } from "node:crypto";
import { HoldfastError, isReleased, type LeaseRecord, type StoreCallOptions } from "@holdfast/core";
import { readHistory, writeHistory } from "./history-log.js";
import { describeHolder, type LeaseContext } from "./identity.js";
import { putLease, readLease } from "./record-io.js";

/**
 * Makes a lease nobody's for good (rule 7): the record stays, with its epoch, and refuses every candidate. Only of a lease
 * that was released, with nothing left behind; never in the place of a run. The same again changes nothing.
 * @returns the tombstone; undefined when there never was a lease.
 * @throws `HELD_BY_OTHER`: wait for the release. `VERSION_CONFLICT`: somebody took it meanwhile; look again. Store errors.
 */
export async function writeTombstone(
  context: LeaseContext,
  options: StoreCallOptions & { readonly signal: AbortSignal; readonly note: string },
): Promise<LeaseRecord | undefined> {
  const seen = await readLease(context, options);
  if (seen === undefined || seen.record.state.kind === "destroyed") return seen?.record;
  const { record } = seen;
  const { service } = context.identity;
  if (!isReleased(record)) {
    const left = record.pendingFence === null ? "" : `; ${record.pendingFence.what} may still write`;
    throw new HoldfastError(
      "HELD_BY_OTHER",
      `The lease of ${service} is ${record.state.kind}, last by ${describeHolder(record)}${left}.`,
      { hint: "Its run has to end and release first; nothing was changed.", retryable: true },
    );
  }
  const tombstone: LeaseRecord = {
    ...record,
    state: { kind: "destroyed" },
    attempt: { nonce: randomUUID(), n: 0 },
    since: context.clock.wallTime(),
  };
  const history = await readHistory(context, options);
  if (history?.entries.at(-1)?.kind !== "destroyed") {
    const { epoch, run, agent } = record;
    await writeHistory(context, { kind: "destroyed", epoch, run, agent, note: options.note }, options);
  }
  await putLease(context, tombstone, seen.version, options);
  return tombstone;
}
