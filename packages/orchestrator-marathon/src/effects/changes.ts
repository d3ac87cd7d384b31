import { HoldfastError, type Op } from "@holdfast/core";
import type { AppDefinition, MarathonClient } from "@holdfast/marathon";
import { applyLines, planApply } from "../decide/apply.js";
import type { RunEvidence } from "../decide/evidence.js";
import { planMove } from "../decide/move.js";
import { refusalError } from "../decide/refusal.js";
import { planStop } from "../decide/stop.js";
import { type AppDiff, diffApp } from "../diff/diff.js";
import type { MarathonService } from "../observe/observation.js";
import type { DeploymentSlots } from "./deployment-slots.js";
import type { MarathonOrchestratorOptions } from "./interface.js";
import { overtaken, settledWrite } from "./settled-write.js";

/** A definition that was compiled for this orchestrator. */
export interface OwnDefinition {
  readonly definition: AppDefinition;
  readonly service: string;
}

export interface ChangesOptions {
  readonly marathon: Pick<MarathonClient, "apps" | "deployments">;
  readonly slots: DeploymentSlots;
  readonly onApply: MarathonOrchestratorOptions["onApply"];
  readonly settleMs: number;
  readonly pollMs: number;
  observe(op: Op, service: string): Promise<MarathonService>;
}

export interface Changes {
  apply(op: Op, own: OwnDefinition, evidence: RunEvidence | null): Promise<void>;
  /** Resolves with what is there after it was accepted. */
  stop(op: Op, service: string, evidence: RunEvidence | null, overriding: boolean): Promise<MarathonService>;
  move(op: Op, own: OwnDefinition, look: (op: Op) => Promise<RunEvidence>): Promise<void>;
}

/** Carries out what the planners decide: look, plan, one step, look again. Decides nothing itself. */
export function createChanges({ marathon, slots, onApply, settleMs, pollMs, observe }: ChangesOptions): Changes {
  const { apps } = marathon;

  /** Sends a change within a slot and returns what is there afterwards. What cancels a deployment waits for none to end. */
  async function change(
    op: Op,
    view: MarathonService,
    what: Parameters<typeof settledWrite>[3],
    force = false,
  ): Promise<MarathonService> {
    const slot = force ? slots.takeAtOnce() : await slots.take(op);
    try {
      await settledWrite(op, apps, view.appId, what, { settleMs, pollMs });
      const after = await observe(op, view.service);
      slot.accepted(after.deployments);
      return after;
    } finally {
      slot.release();
    }
  }

  async function scaleToZero(op: Op, view: MarathonService, force: boolean): Promise<MarathonService> {
    const patch = { instances: 0 };
    const send = () => apps.patch(view.appId, patch, { force, signal: op.signal });
    return change(op, view, { write: { kind: "patch", before: existing(view), patch }, send }, force);
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

  async function apply(op: Op, { definition, service }: OwnDefinition, evidence: RunEvidence | null): Promise<void> {
    const own = new Set<string>();
    let told = false;
    for (;;) {
      const view = await observe(op, service);
      const plan = planApply(view, definition, { evidence, own });
      if (plan.kind === "refuse") throw refusalError(plan);
      if (plan.kind === "nothing") return;
      // Once: the start that follows a stop is part of the restart that was told.
      if (!told && plan.kind !== "wait") {
        await onApply?.({ service, appId: view.appId, diff: plan.diff, lines: applyLines(view, plan) });
        told = true;
      }
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
    return plan.kind === "nothing" ? view : scaleToZero(op, view, plan.force);
  }

  async function move(op: Op, own: OwnDefinition, look: (op: Op) => Promise<RunEvidence>): Promise<void> {
    const { definition, service } = own;
    const deployments = new Set<string>();
    let waitsFor = "";
    for (;;) {
      // In this order: what Marathon no longer lists cannot take the lease after the store was read.
      const view = await observe(op, service);
      const evidence = await look(op);
      const plan = planMove(view, definition, evidence, deployments);
      switch (plan.kind) {
        case "refuse":
          throw refusalError(plan);
        case "done":
          return;
        case "stop":
          for (const id of (await stop(op, service, evidence, false)).deployments) deployments.add(id);
          break;
        case "apply":
          op.logger.log("info", "the run is over; starting it in its new place", { service, why: plan.why });
          return apply(op, own, evidence);
        case "wait":
          if (plan.why !== waitsFor) op.logger.log("info", "a move waits", { service, why: plan.why });
          waitsFor = plan.why;
          await op.clock.sleep(pollMs, op.signal);
          break;
        default:
          plan satisfies never;
      }
    }
  }

  return { apply, stop, move };
}

function existing({ app, appId }: MarathonService) {
  if (app !== null) return app;
  throw new HoldfastError("INTERNAL", `${appId} was planned to be scaled and does not exist.`, {
    hint: "Report this.",
  });
}
