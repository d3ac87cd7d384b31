import type * as z from "zod";
import type { Grade } from "./grade.js";
import type { AgentId, Epoch, RunId } from "./ids.js";
import type { Op } from "./op.js";
import type { DataLossReceipt, FenceReceipt } from "./records/request.js";
import type { VolumeMark } from "./records/volume.js";

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

/** What a backend can do, as data: callers branch on this and never on the strategy's type. */
export interface StorageCapabilities {
  /** The volume can be attached on another agent than its last. */
  readonly movesBetweenAgents: boolean;
  /** `holdfast` mounts it itself; otherwise it verifies what the operator mounted. */
  readonly mounts: boolean;
  /** `fence` can cut a former holder off at the storage or the machine. */
  readonly fences: boolean;
  /** flock on the volume is honoured between agents (`verify` proves it before anything relies on it). */
  readonly crossAgentLocks: boolean;
  readonly snapshots: boolean;
  readonly provisions: boolean;
  readonly destroys: boolean;
  readonly repairs: boolean;
  readonly restores: boolean;
  readonly declaredGrade: Grade;
  /** How long `cut` takes at most; goes into the lease's margin. Milliseconds. */
  readonly cutMsMax: number;
  /** How long a dead client may keep the claim. Milliseconds; after it, a fence is asked for. */
  readonly claimWaitMs: number;
}

export type Placement =
  | { readonly kind: "any" }
  | { readonly kind: "agents"; readonly agents: readonly AgentId[]; readonly why: string }
  | { readonly kind: "attribute"; readonly name: string; readonly value: string; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

export interface ObservedVolume {
  readonly exists: boolean;
  readonly attachments: readonly { readonly agent: AgentId; readonly epoch: Epoch | null }[];
  readonly former: readonly { readonly agent: AgentId; readonly epoch: Epoch; readonly fenced: boolean }[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export type StorageStep =
  | { readonly verb: "provision"; readonly why: string }
  | { readonly verb: "attach"; readonly agent: AgentId; readonly why: string }
  | { readonly verb: "detach"; readonly agent: AgentId; readonly why: string }
  | { readonly verb: "fence"; readonly agent: AgentId; readonly epoch: Epoch; readonly why: string }
  | { readonly verb: "unfence"; readonly agent: AgentId; readonly why: string };

export type StoragePlan =
  | { readonly kind: "steps"; readonly steps: readonly StorageStep[] }
  | { readonly kind: "wait"; readonly why: string };

/** Serialisable; carries what the controller side learnt to the node side. No secret, at most 8 KiB. */
export type AttachContext = { readonly [key: string]: unknown };

export interface CheckResult {
  readonly state: "clean" | "needs-repair" | "damaged";
  readonly safeToRepair: boolean;
  readonly findings: readonly string[];
}

/** What was seen of a mounted volume; the decision is {@link decideVolume}'s. */
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
  | { readonly kind: "cut" }
  /** Something is left that may still write; the run ends with `yield` and a successor needs a fence receipt. */
  | { readonly kind: "incomplete"; readonly needsFence: string };

export interface VolumeMetrics {
  readonly spaceBytes: number;
  readonly spaceFreeBytes: number;
  readonly inodesFree: number | null;
  readonly detail: Readonly<Record<string, number>>;
}

/**
 * Where a service keeps its data, and how one run at a time gets to write it. Two halves joined by a serialisable
 * context, like the controller and node services of the Container Storage Interface. Every operation is
 * idempotent: the same call again gives the same result, undoing what is absent succeeds, and after a crash at
 * any point the same call or its reverse converges. "Cannot tell" is `UNKNOWN_OUTCOME`, after which the caller
 * observes. Calls that can write take the grant. Every call may fail with `BUSY`, `DENIED`, `UNKNOWN_OUTCOME` or
 * `INTERNAL` beside the errors named.
 */
export interface StorageStrategy {
  readonly apiVersion: 1;
  /** Name in service files, logs, metrics and store paths: `shared-fs`, `local-pin`. */
  readonly type: string;
  readonly capabilities: StorageCapabilities;
  /** Parses `options` of a storage entry. A failure is `INVALID_SPEC` with the path of the key. */
  readonly optionsSchema: z.ZodType;

  // Controller side.
  /** Pure. Which agents may run it. */
  placement(volume: Volume, observed: ObservedVolume): Placement;
  /** Pure: equal observations give equal plans. */
  plan(volume: Volume, observed: ObservedVolume, target: { agent: AgentId; epoch: Epoch }): StoragePlan;
  observe(op: Op, volume: Volume): Promise<ObservedVolume>;
  /**
   * Makes the volume mountable by one agent and by no other. Aborting leaves nothing attached.
   * @throws `HELD_BY_OTHER` {agent, epoch}: wait or plan a fence, never force. `NOT_FOUND`. `STALE_EPOCH`. `NO_CAPACITY`.
   */
  attach(op: Op, volume: Volume, agent: AgentId, grant: Grant): Promise<AttachContext>;
  /** Cooperative reverse of attach; no timer turns it into a fence. */
  detach(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  /**
   * Not cooperative: afterwards the former holder's agent cannot change the volume, and its claim is dropped.
   * @throws `UNFENCEABLE`: wait and alert.
   */
  fence(op: Op, volume: Volume, former: { agent: AgentId; epoch: Epoch }, grant: Grant): Promise<FenceReceipt>;
  unfence(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  /** @throws `INCOMPATIBLE` when it exists with other parameters. */
  provision?(op: Op, volume: Volume): Promise<void>;
  /** Only after an explicit confirmation (invariant I5). */
  destroy?(op: Op, volume: Volume, confirmed: { volumeId: string }): Promise<void>;
  snapshot?(op: Op, volume: Volume, name: string, grant: Grant): Promise<{ id: string; sizeBytes: number | null }>;

  // Node side.
  prepare(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  check(op: Op, volume: Volume, context: AttachContext): Promise<CheckResult>;
  /** Only what `check` called safe. @throws `NEEDS_REPAIR` when a person must look. */
  repair?(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  mount(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  /** Evidence, no decision. */
  verify(op: Op, volume: Volume, grant: Grant): Promise<VolumeEvidence>;
  /** Local and not cooperative: whatever on this agent may still write is stopped, unwritten data included. */
  cut(op: Op, volume: Volume): Promise<CutResult>;
  unmount(op: Op, volume: Volume): Promise<void>;
  /** Undoes prepare. */
  release(op: Op, volume: Volume): Promise<void>;
  metrics(op: Op, volume: Volume): Promise<VolumeMetrics>;
  /** @throws `DENIED` without the confirmation or policy that permits it (invariant I5). */
  restore?(op: Op, volume: Volume, from: string, grant: Grant): Promise<DataLossReceipt>;
}
