import type { Op, Orchestrator } from "@holdfast/core";
import type { MarathonClient } from "@holdfast/marathon";
import type { CompileOptions } from "../compile/options.js";
import type { ApplyPlan } from "../decide/apply.js";
import type { Proof, RunEvidence } from "../decide/evidence.js";
import type { ReplacementPlan } from "../decide/replacement.js";
import type { AppDiff } from "../diff/diff.js";
import type { Explanation } from "../explain/explain.js";
import type { MarathonOverview, MarathonService } from "../observe/observation.js";
import type { Journal } from "./replacement.js";

export interface Announcement {
  readonly service: string;
  readonly appId: string;
  readonly diff: AppDiff;
  /** For people; says RESTART where the database stops and starts. */
  readonly lines: readonly string[];
}

export interface MarathonOrchestratorOptions extends CompileOptions {
  readonly marathon: Pick<MarathonClient, "apps" | "tasks" | "deployments" | "queue" | "events">;
  /** Told what a change will do, before it is sent. What it throws stops the change. */
  readonly onApply?: (announcement: Announcement) => void | Promise<void>;
  /** Deployments in flight at once. Marathon refuses everybody's from 100 on. Default 50. */
  readonly deploymentsMax?: number;
  /** Longest wait for one of them to end, milliseconds. Default 60 000. */
  readonly deploymentWaitMs?: number;
  /** After a lost answer: how long "not applied" must hold before it is believed, milliseconds. Default 25 000. */
  readonly settleMs?: number;
  /** Between two looks, milliseconds. Default 1 000. */
  readonly pollMs?: number;
}

export interface ChangeOptions {
  /** What the store says of the service's run; needed while one of its tasks is unreachable. */
  readonly evidence?: RunEvidence | null;
}

/**
 * Marathon as what places runs. Whatever it says of a task can hold a change back, and permits none: that a run is over is
 * the lease record's word, and the receipt's where the grade demands one.
 *
 * Besides what is named, calls throw `API_UNREACHABLE` (no effect), `API_UNREADABLE`, `DENIED` (credentials), and changes
 * `INVALID_SPEC` (422, the complaints in `detail.errors`), `RECORD_EXISTS` {foreign} (an app of this id that is not ours;
 * nothing was changed), `BUSY` {deployments} (locked; call again later), `HELD_BY_OTHER` {missing} (a task is unreachable and
 * its run not proven to be over), `UNKNOWN_OUTCOME` (answer lost; call again) and `VERSION_CONFLICT` (somebody else changes
 * the app).
 */
export interface MarathonOrchestrator extends Orchestrator {
  observe(op: Op, service: string): Promise<MarathonService>;
  /** All services that have an app, in two requests, whatever their number. */
  observeAll(op: Op): Promise<MarathonOverview>;
  /** What {@link apply} would do now, and why. Changes nothing. */
  plan(op: Op, compiled: { readonly definition: Definition }, options?: ChangeOptions): Promise<ApplyPlan>;
  /**
   * Makes the app be this definition; `force` is never used. Resolves when Marathon has stored the plan and what is read back
   * is what was sent. An app whose only instance is not healthy is stopped first, and this waits until it is.
   */
  apply(op: Op, compiled: { readonly definition: Definition }, options?: ChangeOptions): Promise<void>;
  /**
   * Scales to 0. Resolves when Marathon accepted it, or there was nothing to ask; ask {@link stopped} for proof.
   * @param options - `overrideDeployments` cancels what locks the app, when it concerns this app alone.
   */
  stop(op: Op, service: string, options?: ChangeOptions & { readonly overrideDeployments?: boolean }): Promise<void>;
  /** Whether a service that was asked to stop really has. */
  stopped(op: Op, service: string, evidence: RunEvidence): Promise<Proof>;
  /**
   * Stop, proof, start with the definition of the new place. Waits for the proof until the op's signal aborts; called again,
   * it goes on where it was.
   * @param look - reads the evidence anew. @throws `UNSUPPORTED` for a persistent volume, which Marathon never moves.
   */
  move(op: Op, compiled: { readonly definition: Definition }, look: (op: Op) => Promise<RunEvidence>): Promise<void>;
  /**
   * Has Marathon forget the task of a holder that is over and start the next one, instead of waiting until Mesos notices.
   * `POST /v2/tasks/delete?wipe=true`, between two lines of the caller's journal. Until Mesos has noticed that an agent is
   * lost, it goes on offering what is free there: the next task may be sent to it in vain and stays `TASK_STAGING`, which
   * costs time and no data.
   * @throws `UNSUPPORTED`: the data is on one agent (persistent volume, pinned), or there is no failover.
   *   `HELD_BY_OTHER` {missing}: not proven. `NOT_FOUND`: no such app.
   */
  replace(
    op: Op,
    service: string,
    options: { readonly evidence: RunEvidence; readonly journal: Journal },
  ): Promise<ReplacementPlan>;
  /** Why it is as it is, and what to do. */
  explain(op: Op, service: string, evidence?: RunEvidence | null): Promise<Explanation>;
}

export type Definition = Readonly<Record<string, unknown>>;
