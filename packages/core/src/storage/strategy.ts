import type * as z from "zod";
import type { AgentId } from "../ids.js";
import type { Op } from "../op.js";
import type { DataLossReceipt, FenceReceipt } from "../records/request.js";
import type { StorageCapabilities, StorageExplanation, StorageFinding, StorageProof } from "./capabilities.js";
import type {
  AgentView,
  AttachContext,
  CheckResult,
  CutResult,
  FormerHolder,
  Grant,
  ObservedVolume,
  Placement,
  StoragePlan,
  StorageTarget,
  Volume,
  VolumeEvidence,
  VolumeMetrics,
} from "./observation.js";
import type { SchedulerVolume } from "./scheduler-volume.js";

/**
 * Where a service keeps its data, and how one run at a time gets to write it. Two halves joined by a serialisable
 * context, like the controller and node services of the Container Storage Interface. Every operation is
 * idempotent: the same call again gives the same result, undoing what is absent succeeds, and after a crash at
 * any point the same call or its reverse converges. "Cannot tell" is `UNKNOWN_OUTCOME`, after which the caller
 * observes. Calls that can write take the grant. Every call may fail with `BUSY`, `DENIED`, `UNKNOWN_OUTCOME` or
 * `INTERNAL` beside the errors named. All effects go through `op`; nothing is kept in memory between calls, because the
 * next call may come from another process on another machine.
 *
 * The node half runs inside the run's *storage tree*: a process tree with a mount namespace of its own, of which the
 * kernel leaves nothing at the lease's deadline. What `mount` mounts is seen by the application and by nobody else, a
 * daemon started with `op.daemon` lives as long as the tree, and neither can outlive it.
 */
export interface StorageStrategy {
  readonly apiVersion: 1;
  /** Name in service files, logs, metrics and store paths: `shared-fs`, `local-pin`. */
  readonly type: string;
  /** Parses `options` of a storage entry. A failure is `INVALID_SPEC` with the path of the key. */
  readonly optionsSchema: z.ZodType;

  // Pure: decisions over plain data.
  /** What this volume's backend can do; depends on its options (which server, whether a fence is configured). */
  capabilities(volume: Volume): StorageCapabilities;
  /** What the suite saw of this backend; null = it was never tried on the real thing, and counts as `lease-only`. */
  proof(volume: Volume): StorageProof | null;
  /** What a plan prints before anything is done. */
  explain(volume: Volume): StorageExplanation;
  /** Which agents may run it. */
  placement(volume: Volume, observed: ObservedVolume, agents: readonly AgentView[]): Placement;
  /** The volume that the scheduler has to make, for a strategy whose data lies in one; see `Orchestrator.compile`. */
  schedulerVolume?(volume: Volume): SchedulerVolume;
  /** Equal observations give equal plans; an empty list of steps means that `attach`'s context is all that is wanted. */
  plan(volume: Volume, observed: ObservedVolume, target: StorageTarget): StoragePlan;

  // Controller side.
  /** Leaves `recorded` null; core fills it in. */
  observe(op: Op, volume: Volume): Promise<ObservedVolume>;
  /**
   * Makes the volume mountable by one agent and by no other. Aborting leaves nothing attached.
   * @throws `HELD_BY_OTHER` {agent, epoch}: wait or plan a fence, never force. `NOT_FOUND`. `STALE_EPOCH`. `NO_CAPACITY`.
   */
  attach(op: Op, volume: Volume, agent: AgentId, grant: Grant): Promise<AttachContext>;
  /** Cooperative reverse of attach; no timer turns it into a fence. Succeeds when it is detached or gone already. */
  detach(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  /**
   * Not cooperative: afterwards the former holder's agent cannot change the volume, and its claim is dropped. The
   * receipt's evidence is the server's own answer after the fact.
   * @throws `UNFENCEABLE`: wait and alert. `STALE_EPOCH`: the grant is older than the one that fenced last.
   */
  fence(op: Op, volume: Volume, former: FormerHolder, grant: Grant): Promise<FenceReceipt>;
  /** Lets an agent back in. Only after its former run is known gone (quarantine). */
  unfence(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  /** Server and mount settings that bound a dead client's locks, and whatever else an operator should know. Read-only. */
  inspect?(op: Op, volume: Volume): Promise<readonly StorageFinding[]>;
  /** Creates what the volume lies on. @throws `INCOMPATIBLE` when it exists with other parameters. */
  provision?(op: Op, volume: Volume): Promise<void>;
  /** Only after an explicit confirmation (invariant I5). */
  destroy?(op: Op, volume: Volume, confirmed: { volumeId: string }): Promise<void>;
  snapshot?(op: Op, volume: Volume, name: string, grant: Grant): Promise<{ id: string; sizeBytes: number | null }>;

  // Node side.
  /** Brings the device or the server within reach of this agent; nothing is mounted yet. */
  prepare(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  /** Read-only. */
  check(op: Op, volume: Volume, context: AttachContext): Promise<CheckResult>;
  /**
   * `safe`: replay or preen, and only what `check` called safe. `force`: after a person's confirmation.
   * @throws `NEEDS_REPAIR` {command} when a person must look.
   */
  repair?(op: Op, volume: Volume, context: AttachContext, grant: Grant, how: "safe" | "force"): Promise<CheckResult>;
  /** Puts an empty file system on a blank device, after a confirmation. @throws `INCOMPATIBLE` when it is not blank (I5). */
  format?(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  mount(op: Op, volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  /** Evidence, no decision; includes whether locks are seen by other agents. */
  verify(op: Op, volume: Volume, grant: Grant): Promise<VolumeEvidence>;
  /**
   * Local and not cooperative: whatever on this agent may still write is stopped, unwritten data included. Called when
   * the application is gone, from outside the storage tree once that is gone too; returns within `cutMsMax`.
   */
  cut(op: Op, volume: Volume): Promise<CutResult>;
  /** Writes back what is unwritten, then unmounts. The application is gone. */
  unmount(op: Op, volume: Volume): Promise<void>;
  /** Undoes prepare. */
  release(op: Op, volume: Volume): Promise<void>;
  metrics(op: Op, volume: Volume): Promise<VolumeMetrics>;
  /** @throws `DENIED` without the confirmation or policy that permits it (invariant I5). */
  restore?(op: Op, volume: Volume, from: string, grant: Grant): Promise<DataLossReceipt>;
}
