import { type LeaseRecord, leaseRecordFormat, type StoreCallOptions, type StoreVersion } from "@holdfast/core";
import type { LeaseContext } from "./identity.js";

export interface SeenRecord {
  readonly record: LeaseRecord;
  readonly version: StoreVersion;
}

/** @throws the store's errors, `RECORD_INVALID`. */
export async function readLease(
  context: Pick<LeaseContext, "store" | "paths">,
  options: StoreCallOptions,
): Promise<SeenRecord | undefined> {
  const entry = await context.store.get(context.paths.lease, options);
  return entry === undefined ? undefined : { record: leaseRecordFormat.parse(entry.data), version: entry.version };
}

export async function putLease(
  context: Pick<LeaseContext, "store" | "paths">,
  record: LeaseRecord,
  expected: StoreVersion,
  options: StoreCallOptions,
): Promise<StoreVersion> {
  return context.store.put(context.paths.lease, leaseRecordFormat.serialize(record), expected, options);
}
