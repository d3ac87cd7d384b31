import { gradeEvidence } from "@holdfast/coordination";
import {
  computeGrade,
  errorCode,
  type Op,
  type StorageExplanation,
  type StorageFinding,
  type StorageStrategy,
  type Volume,
} from "@holdfast/core";
import { bounded } from "@holdfast/effects";

/** What a strategy itself says of one entry of `spec.storage`. */
export interface StrategyReport {
  readonly role: string;
  readonly strategy: string;
  readonly backend: string;
  readonly mountPath: string;
  /** The run mounts it; outside of a run the path is nothing to look at. */
  readonly mounts: boolean;
  readonly grade: { readonly grade: string; readonly why: string };
  readonly explanation: StorageExplanation;
  readonly findings: readonly StorageFinding[];
}

const INSPECT_MS = 60_000;

export async function reportStrategy(op: Op, strategy: StorageStrategy, volume: Volume): Promise<StrategyReport> {
  const { backend, mounts } = strategy.capabilities(volume);
  return {
    role: volume.role,
    strategy: strategy.type,
    backend,
    mountPath: volume.mountPath,
    mounts,
    grade: computeGrade([gradeEvidence(strategy, volume)]),
    explanation: strategy.explain(volume),
    findings: await inspect(op, strategy, volume),
  };
}

/** A server that cannot be asked is itself a finding; the others are still wanted. */
async function inspect(op: Op, strategy: StorageStrategy, volume: Volume): Promise<readonly StorageFinding[]> {
  if (strategy.inspect === undefined) return [];
  try {
    return await bounded(strategy.inspect(op, volume), {
      timeoutMs: INSPECT_MS,
      code: "UNKNOWN_OUTCOME",
      what: `Inspecting ${volume.role} with ${strategy.type}`,
      hint: "Is the server there, and does it answer?",
    });
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || !(error instanceof Error)) throw error;
    const fix = "hint" in error ? String(error.hint) : "";
    return [{ severity: "error", code, message: `It cannot be inspected: ${error.message}`, fix }];
  }
}
