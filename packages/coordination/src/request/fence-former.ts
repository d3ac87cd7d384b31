import {
  addReceipt,
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  type Op,
  requestRecordFormat,
  type StorageStrategy,
  storePaths,
  type Volume,
} from "@holdfast/core";
import { noRequest } from "../lease/fence-receipts.js";
import { quarantineAgent } from "../quarantine/quarantine.js";
import type { RecordContext } from "./context.js";
import { checkReceipt } from "./perform.js";
import { updateRecord } from "./record-update.js";

export interface FenceOptions {
  readonly volumes: readonly { readonly strategy: StorageStrategy; readonly volume: Volume }[];
  readonly former: FormerHolder;
  /** Under whose authority: an epoch above the former holder's. */
  readonly grant: Grant;
  readonly op: Op;
  readonly reason: string;
}

/**
 * Fences one former holder outside of a takeover's own plan: for a claim that it still holds, or because an operator
 * said so. Quarantine first, then the storage, then the receipt beside the lease.
 * @throws what the strategy throws (`UNFENCEABLE`: wait and alert); store errors. Call again after any of them.
 */
export async function fenceFormer(context: RecordContext, options: FenceOptions): Promise<readonly FenceReceipt[]> {
  const { volumes, former, grant, op, reason } = options;
  const { service, signal } = grant;
  await quarantineAgent(context, service, former, reason, signal);
  const receipts: FenceReceipt[] = [];
  for (const { strategy, volume } of volumes) {
    const answer = await strategy.fence(op, volume, former, grant);
    const receipt = checkReceipt({ ...answer, role: answer.role ?? volume.role }, former, strategy.type);
    const path = storePaths.request(service);
    const add = (before: Parameters<typeof addReceipt>[0] | undefined) =>
      addReceipt(before ?? noRequest(service, grant.agent), receipt);
    await updateRecord(context, path, requestRecordFormat, add, signal);
    receipts.push(receipt);
  }
  return receipts;
}
