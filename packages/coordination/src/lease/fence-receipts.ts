import {
  addReceipt,
  type FenceReceipt,
  HoldfastError,
  hasCode,
  NO_REQUEST_RUN,
  type RequestRecord,
  requestRecordFormat,
  type StoreCallOptions,
} from "@holdfast/core";
import type { LeaseContext, LeaseIdentity } from "./identity.js";

type ReceiptContext = Pick<LeaseContext, "store" | "clock"> & {
  readonly identity: Pick<LeaseIdentity, "service" | "agent">;
};

/** Undefined when nobody has asked for anything yet. */
export async function readRequest(
  context: Pick<LeaseContext, "store">,
  path: string,
  options: StoreCallOptions,
): Promise<RequestRecord | undefined> {
  const entry = await context.store.get(path, options);
  return entry === undefined ? undefined : requestRecordFormat.parse(entry.data);
}

/** Whether a receipt proves that nothing of this epoch or before can write any more. Pure. */
export function coversEpoch(request: RequestRecord | undefined, epoch: bigint): boolean {
  return request?.receipts.some((receipt) => receipt.fencedEpoch >= epoch) ?? false;
}

/**
 * Records a receipt beside the lease; a run that waits for it goes on. What a run asked for meanwhile stays its own.
 * @throws store errors; `VERSION_CONFLICT` when somebody else wrote at the same time: look again.
 */
export async function writeFenceReceipt(
  context: ReceiptContext,
  path: string,
  receipt: FenceReceipt,
  options: StoreCallOptions,
): Promise<void> {
  const entry = await context.store.get(path, options);
  const before = entry === undefined ? undefined : requestRecordFormat.parse(entry.data);
  const request = addReceipt(before ?? noRequest(context.identity.service, context.identity.agent), receipt);
  const data = requestRecordFormat.serialize(request);
  try {
    if (entry === undefined) await context.store.create(path, data, options);
    else await context.store.put(path, data, entry.version, options);
  } catch (error) {
    if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
    if (coversEpoch(await readRequest(context, path, options), receipt.fencedEpoch)) return;
    throw new HoldfastError("UNKNOWN_OUTCOME", "It cannot be told whether the receipt was recorded.", {
      hint: "Run the same command again.",
      retryable: true,
      cause: error,
    });
  }
}

/** Holds receipts before any run asked for anything. Pure. */
export function noRequest(service: string, agent: string): RequestRecord {
  return {
    ...{ v: 1, service, epoch: 0n, run: NO_REQUEST_RUN, agent, state: "asked" },
    ...{ former: [], steps: [], contexts: {}, receipts: [] },
  };
}
