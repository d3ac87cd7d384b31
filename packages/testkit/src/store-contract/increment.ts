import { randomUUID } from "node:crypto";
import { type CoordinationStore, hasCode, type StoreCallOptions, type StoreVersion } from "@holdfast/core";
import { decodeCounter, encodeCounter } from "./values.js";
import type { IncrementReport } from "./worker-protocol.js";

type Step =
  | { readonly kind: "acknowledged"; readonly version: StoreVersion; readonly count: number }
  | { readonly kind: "conflict" | "unknown" };

async function incrementOnce(
  store: CoordinationStore,
  path: string,
  untilNumber: number,
  options: StoreCallOptions,
): Promise<Step | undefined> {
  const entry = await store.get(path, options);
  if (entry === undefined) throw new Error(`${path} is gone.`);
  if (entry.version.number >= untilNumber) return undefined;
  const count = decodeCounter(entry.data).count + 1;
  const attempt = randomUUID();
  try {
    const version = await store.put(path, encodeCounter({ count, attempt }), entry.version, options);
    return { kind: "acknowledged", version, count };
  } catch (error) {
    if (hasCode(error, "VERSION_CONFLICT")) return { kind: "conflict" };
    if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
  }
  const seen = await store.get(path, options);
  const proven = seen !== undefined && decodeCounter(seen.data).attempt === attempt;
  return proven ? { kind: "acknowledged", version: seen.version, count } : { kind: "unknown" };
}

/** Reads the counter and writes it plus one, against whoever does the same, until the version has that number. */
export async function incrementUntil(
  store: CoordinationStore,
  path: string,
  untilNumber: number,
  options: StoreCallOptions,
): Promise<IncrementReport> {
  const acknowledged: number[] = [];
  let conflicts = 0;
  let unknown = 0;
  for (;;) {
    const step = await incrementOnce(store, path, untilNumber, options);
    if (step === undefined) return { acknowledged, conflicts, unknown };
    if (step.kind === "acknowledged") acknowledged.push(step.version.number);
    else if (step.kind === "conflict") conflicts += 1;
    else unknown += 1;
  }
}

export async function incrementForever(
  store: CoordinationStore,
  path: string,
  options: StoreCallOptions,
  onAcknowledged: (number: number, count: number) => void,
): Promise<never> {
  for (;;) {
    const step = await incrementOnce(store, path, Number.POSITIVE_INFINITY, options);
    if (step?.kind === "acknowledged") onAcknowledged(step.version.number, step.count);
  }
}
