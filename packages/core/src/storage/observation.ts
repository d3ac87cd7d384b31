import type { AgentId, Epoch, RunId } from "../ids.js";
import type { StorageRecord } from "../records/storage.js";
import type { VolumeMark } from "../records/volume.js";

/** The right to write, held by one run. */
export interface Grant {
  readonly service: string;
  readonly epoch: Epoch;
  readonly run: RunId;
  readonly agent: AgentId;
  /** Aborts when the grant ends, for whatever reason. Everything started under it stops then. */
  readonly signal: AbortSignal;
}

/** One entry of `spec.storage`, parsed; `options` are checked by the strategy's own schema. */
export interface Volume {
  readonly service: string;
  readonly role: string;
  readonly mountPath: string;
  readonly diskMiB: number | null;
  readonly options: unknown;
}

/** A run that ended without releasing: until it is fenced, or its agent's kernel is known gone, it may still write. */
export interface FormerHolder {
  readonly agent: AgentId;
  readonly epoch: Epoch;
  /** Kernel it ran on; null when the record did not say. */
  readonly bootId: string | null;
  /** Machine that kernel ran on: the name of an agent may move to another one. */
  readonly machineId?: string | null | undefined;
}

/** What an orchestrator knows of an agent when it places a run. */
export interface AgentView {
  readonly id: AgentId;
  readonly reachable: boolean;
  /** Spare disk, when it is known. */
  readonly spareMiB: number | null;
}

export type Placement =
  | { readonly kind: "any" }
  | {
      readonly kind: "agents";
      readonly agents: readonly AgentId[];
      readonly why: string;
      /** The data is not there yet and must be restored first; see `StorageStrategy.restore`. */
      readonly restore?: boolean;
    }
  | { readonly kind: "attribute"; readonly name: string; readonly value: string; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

export interface ObservedVolume {
  readonly exists: boolean;
  readonly attachments: readonly { readonly agent: AgentId; readonly epoch: Epoch | null }[];
  /** Agents that the backend refuses at present. */
  readonly fenced: readonly AgentId[];
  /** What core has on record of this volume: the pin, whether it was ever initialised. Null = nothing yet. */
  readonly recorded: StorageRecord | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Where the volume shall be next, and who may still write to it. */
export interface StorageTarget {
  readonly agent: AgentId;
  readonly epoch: Epoch;
  /** Not released and without a receipt. Empty after a clean stop. */
  readonly former: readonly FormerHolder[];
}

export type StorageStep =
  | { readonly verb: "fence"; readonly former: FormerHolder; readonly why: string }
  | { readonly verb: "unfence"; readonly agent: AgentId; readonly why: string }
  | { readonly verb: "detach"; readonly agent: AgentId; readonly why: string }
  | { readonly verb: "attach"; readonly agent: AgentId; readonly why: string };

export type StoragePlan =
  | { readonly kind: "steps"; readonly steps: readonly StorageStep[] }
  | { readonly kind: "wait"; readonly why: string };

/** Serialisable; carries what the controller side learnt to the node side. No secret, at most 8 KiB. */
export type AttachContext = { readonly [key: string]: unknown };

export interface CheckResult {
  readonly state: "clean" | "needs-repair" | "damaged";
  /** A replay or preen that no person needs to look at first. */
  readonly safeToRepair: boolean;
  readonly findings: readonly string[];
  /** The exact command with which a person goes on; null when nothing is wrong. */
  readonly command: string | null;
}

/** What was seen of a mounted volume; the decision is `decideVolume`'s. */
export interface VolumeEvidence {
  readonly path: string;
  readonly mounted: boolean;
  readonly source: string;
  readonly fsType: string;
  readonly device: string;
  readonly parentDevice: string;
  readonly readOnly: boolean;
  readonly mark: VolumeMark | null;
  readonly epoch: Epoch | null;
  /** Run that wrote the epoch; null when the volume never ran. */
  readonly epochRun: string | null;
  readonly leaseMs: number | null;
  readonly empty: boolean;
  /** Cross-client locking: proven, or local only. */
  readonly locking: "cross-agent" | "local-only" | "unknown";
}

export type CutResult =
  | { readonly kind: "cut"; readonly evidence: string }
  /** Something is left that may still write; the run ends with `yield` and a successor needs a fence receipt. */
  | { readonly kind: "incomplete"; readonly needsFence: string };

export interface VolumeMetrics {
  readonly spaceBytes: number;
  readonly spaceFreeBytes: number;
  readonly inodesFree: number | null;
  readonly detail: Readonly<Record<string, number>>;
}
