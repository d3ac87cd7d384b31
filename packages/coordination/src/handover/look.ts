import type { ObservedVolume, Op } from "@holdfast/core";
import type { LeaseContext } from "../lease/identity.js";
import { readLockStatus } from "../lease/recover.js";
import { readStorageRecord } from "../storage-record/storage-record.js";
import type { SeenVolume, Situation, StrategyVolume } from "./outlook.js";

/** What the store says of a service, for a plan. */
export async function lookAtService(
  context: LeaseContext,
  to: string | null,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Situation> {
  const { record, history, candidates } = await readLockStatus(context, options);
  const known = [
    record?.agent,
    ...candidates.map(({ agent }) => agent),
    ...(history?.entries ?? []).map((e) => e.agent),
  ];
  const agents = new Set([...known, to].filter((agent) => agent !== undefined && agent !== null));
  return { lease: record, candidates, agents: [...agents], to };
}

export const UNKNOWN_SITUATION: Situation = { lease: null, candidates: [], agents: [], to: null };

/** What the storage says of each volume; one that does not answer is part of the answer. */
export async function lookAtVolumes(
  op: Op,
  volumes: readonly StrategyVolume[],
  context: LeaseContext | null,
): Promise<readonly SeenVolume[]> {
  const seen: SeenVolume[] = [];
  for (const { strategy, volume } of volumes) {
    const recorded = context === null ? undefined : await readStorageRecord(context, volume, op.signal);
    const answer = await observe(op, { strategy, volume });
    const observed = answer.observed === null ? null : { ...answer.observed, recorded: recorded ?? null };
    seen.push({ strategy, volume, observed, problem: answer.problem });
  }
  return seen;
}

async function observe(
  op: Op,
  { strategy, volume }: StrategyVolume,
): Promise<{ observed: ObservedVolume | null; problem: string | null }> {
  try {
    return { observed: await strategy.observe(op, volume), problem: null };
  } catch (error) {
    op.signal.throwIfAborted();
    return { observed: null, problem: error instanceof Error ? error.message : String(error) };
  }
}
