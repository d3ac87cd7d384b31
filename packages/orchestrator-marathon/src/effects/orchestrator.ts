import { HoldfastError, type Op, type Orchestrator } from "@holdfast/core";
import { type AppDefinition, appDefinitionSchema, type MarathonClient } from "@holdfast/marathon";
import { appIdOf, OWNER_LABEL } from "../app-id.js";
import { compileApp } from "../compile/compile.js";
import type { CompileOptions } from "../compile/options.js";
import { type ApplyPlan, applyLines, planApply } from "../decide/apply.js";
import type { Proof, RunEvidence } from "../decide/evidence.js";
import { planMove } from "../decide/move.js";
import { refusalError } from "../decide/refusal.js";
import { planReplacement, type ReplacementPlan } from "../decide/replacement.js";
import { planStop, proofOfStop } from "../decide/stop.js";
import { type AppDiff, diffApp } from "../diff/diff.js";
import { type Explanation, explain } from "../explain/explain.js";
import { lintDefinition } from "../lint/lint.js";
import { type MarathonOverview, type MarathonService, overviewOf, viewOf } from "../observe/observation.js";
import { DeploymentSlots } from "./deployment-slots.js";
import { orchestratorEvents } from "./events.js";
import { type Journal, wipe } from "./replacement.js";
import { overtaken, settledWrite } from "./settled-write.js";

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

type Definition = Readonly<Record<string, unknown>>;

export function createMarathonOrchestrator(options: MarathonOrchestratorOptions): MarathonOrchestrator {
  const { marathon, group, onApply, settleMs = 25_000, pollMs = 1_000 } = options;
  const { apps, tasks } = marathon;
  const idOf = (service: string) => appIdOf(service, group);
  const settle = { settleMs, pollMs };
  const slots = new DeploymentSlots({
    limit: options.deploymentsMax ?? 50,
    waitMs: options.deploymentWaitMs ?? 60_000,
    pollMs,
    list: ({ signal }) => marathon.deployments.list({ signal }),
    // What is in the group is ours to count, were it only because our own change has to get past it.
    isOurs: (appId) => appId.startsWith(idOf("")),
  });

  async function observe({ signal }: Op, service: string): Promise<MarathonService> {
    return viewOf(service, idOf(service), await apps.find(idOf(service), { signal }), null);
  }

  /** Sends a change within a slot and returns what is there afterwards. */
  async function change(
    op: Op,
    view: MarathonService,
    what: Parameters<typeof settledWrite>[3],
  ): Promise<MarathonService> {
    const slot = await slots.take(op);
    try {
      await settledWrite(op, apps, view.appId, what, settle);
      const after = await observe(op, view.service);
      slot.accepted(after.deployments);
      return after;
    } finally {
      slot.release();
    }
  }

  async function scaleToZero(op: Op, view: MarathonService, force: boolean): Promise<MarathonService> {
    const patch = { instances: 0 };
    return change(op, view, {
      write: { kind: "patch", before: existing(view), patch },
      send: () => apps.patch(view.appId, patch, { force, signal: op.signal }),
    });
  }

  async function send(op: Op, view: MarathonService, definition: AppDefinition, diff: AppDiff): Promise<void> {
    const { app, appId } = view;
    const after = await change(
      op,
      view,
      app === null
        ? { write: { kind: "create", definition }, send: () => apps.create(definition, { signal: op.signal }) }
        : {
            write: { kind: "replace", before: app, definition },
            send: () => apps.replace(appId, definition, { signal: op.signal }),
          },
    );
    const left = diffApp(after.app, definition);
    if (left.effect !== "none")
      throw overtaken(
        appId,
        left.changes.map(({ pointer }) => pointer),
      );
    op.logger.log("info", "applied to Marathon", { app: appId, effect: diff.effect, deployments: after.deployments });
  }

  async function apply(
    op: Op,
    definition: AppDefinition,
    service: string,
    evidence: RunEvidence | null,
  ): Promise<void> {
    const own = new Set<string>();
    let told: string | null = null;
    for (;;) {
      const view = await observe(op, service);
      const plan = planApply(view, definition, { evidence, own });
      if (plan.kind === "refuse") throw refusalError(plan);
      if (plan.kind === "nothing") return;
      const announcement = { service, appId: view.appId, diff: plan.diff, lines: applyLines(view, plan) };
      // Once: the start that follows a stop is part of the restart that was told.
      if (told === null && plan.kind !== "wait") await onApply?.(announcement);
      told ??= plan.kind === "wait" ? null : plan.kind;
      switch (plan.kind) {
        case "create":
        case "replace":
          return send(op, view, definition, plan.diff);
        case "stop-first":
          for (const id of (await scaleToZero(op, view, false)).deployments) own.add(id);
          break;
        case "wait":
          await op.clock.sleep(pollMs, op.signal);
          break;
        default:
          plan satisfies never;
      }
    }
  }

  async function stop(
    op: Op,
    service: string,
    evidence: RunEvidence | null,
    overriding: boolean,
  ): Promise<MarathonService> {
    const view = await observe(op, service);
    const override =
      overriding && view.deployments.length > 0 ? await marathon.deployments.list({ signal: op.signal }) : null;
    const plan = planStop(view, { evidence, override });
    if (plan.kind === "refuse") throw refusalError(plan);
    if (plan.kind === "nothing") return view;
    return scaleToZero(op, view, plan.force);
  }

  return {
    apiVersion: 1,
    type: "marathon",
    compile: (service, placement) => compileApp(service, placement, options),
    lint: lintDefinition,
    observe,
    async observeAll(op) {
      // Both are of about the same moment; the queue only explains.
      const [listed, queue] = await Promise.all([
        apps.list({
          label: OWNER_LABEL,
          embed: ["apps.tasks", "apps.counts", "apps.deployments", "apps.lastTaskFailure"],
          signal: op.signal,
        }),
        marathon.queue.list({ signal: op.signal }),
      ]);
      return overviewOf(listed, queue, idOf);
    },
    async plan(op, { definition }, { evidence = null } = {}) {
      const view = await observe(op, named(definition, idOf).service);
      return planApply(view, definition, { evidence });
    },
    async apply(op, compiled, { evidence = null } = {}) {
      const { definition, service } = named(compiled.definition, idOf);
      await apply(op, definition, service, evidence);
    },
    async stop(op, service, { evidence = null, overrideDeployments = false } = {}) {
      await stop(op, service, evidence, overrideDeployments);
    },
    stopped: async (op, service, evidence) => proofOfStop(await observe(op, service), evidence),
    async move(op, compiled, look) {
      const { definition, service } = named(compiled.definition, idOf);
      const own = new Set<string>();
      let waitsFor = "";
      for (;;) {
        const evidence = await look(op);
        const plan = planMove(await observe(op, service), definition, evidence, own);
        switch (plan.kind) {
          case "refuse":
            throw refusalError(plan);
          case "done":
            return;
          case "stop":
            for (const id of (await stop(op, service, evidence, false)).deployments) own.add(id);
            break;
          case "apply":
            op.logger.log("info", "the run is over; starting it in its new place", { service, why: plan.why });
            return apply(op, definition, service, evidence);
          case "wait":
            if (plan.why !== waitsFor) op.logger.log("info", "a move waits", { service, why: plan.why });
            waitsFor = plan.why;
            await op.clock.sleep(pollMs, op.signal);
            break;
          default:
            plan satisfies never;
        }
      }
    },
    async replace(op, service, { evidence, journal }) {
      const view = await observe(op, service);
      const plan = planReplacement(view, evidence);
      if (plan.kind === "refuse") throw refusalError(plan);
      if (plan.kind === "wipe") {
        const entry = { service, appId: view.appId, tasks: plan.tasks.map(({ id }) => id), evidence: plan.why };
        await wipe(op, entry, { tasks, journal, settleMs, pollMs });
      }
      return plan;
    },
    async explain(op, service, evidence = null) {
      const [app, queue] = await Promise.all([
        apps.find(idOf(service), { signal: op.signal }),
        marathon.queue.list({ signal: op.signal }),
      ]);
      const queued = queue.find((item) => item.app?.id === idOf(service)) ?? null;
      return explain(viewOf(service, idOf(service), app, queued), evidence);
    },
    events: (op) => orchestratorEvents(op, marathon.events({ signal: op.signal }), group),
  } satisfies MarathonOrchestrator;
}

function existing({ app, appId }: MarathonService) {
  if (app !== null) return app;
  throw new HoldfastError("INTERNAL", `${appId} was planned to be scaled and does not exist.`, {
    hint: "Report this.",
  });
}

/**
 * The definition in the client's type, with its service.
 * @throws `INVALID_SPEC`: it is not one that was compiled for this group.
 */
function named(
  definition: Definition,
  idOf: (service: string) => string,
): { definition: AppDefinition; service: string } {
  const parsed = appDefinitionSchema.safeParse(definition);
  const service = parsed.data?.labels?.[OWNER_LABEL];
  if (parsed.success && service !== undefined && parsed.data.id === idOf(service)) {
    return { definition: parsed.data, service };
  }
  const why = parsed.success ? "its id and label are not those of one service" : "it is no app definition";
  throw new HoldfastError("INVALID_SPEC", `${String(definition.id)} was not compiled for this orchestrator: ${why}.`, {
    hint: "Apply what `compile` of the same orchestrator gives. Nothing was sent.",
    cause: parsed.error,
  });
}
