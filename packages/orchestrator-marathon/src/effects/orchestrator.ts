import { HoldfastError, type Op } from "@holdfast/core";
import { appDefinitionSchema } from "@holdfast/marathon";
import { appIdOf, OWNER_LABEL } from "../app-id.js";
import { compileApp } from "../compile/compile.js";
import { planApply } from "../decide/apply.js";
import { refusalError } from "../decide/refusal.js";
import { planReplacement } from "../decide/replacement.js";
import { proofOfStop } from "../decide/stop.js";
import { diffApp } from "../diff/diff.js";
import { explain } from "../explain/explain.js";
import { lintDefinition } from "../lint/lint.js";
import { type MarathonService, overviewOf, viewOf } from "../observe/observation.js";
import { createChanges, type OwnDefinition } from "./changes.js";
import { DeploymentSlots } from "./deployment-slots.js";
import { orchestratorEvents } from "./events.js";
import type { Definition, MarathonOrchestrator, MarathonOrchestratorOptions } from "./interface.js";
import { wipe } from "./replacement.js";

/** Contacts nothing until it is called; nothing to close. */
export function createMarathonOrchestrator(options: MarathonOrchestratorOptions): MarathonOrchestrator {
  const { marathon, group, onApply, settleMs = 25_000, pollMs = 1_000 } = options;
  const { apps, tasks } = marathon;
  const idOf = (service: string) => appIdOf(service, group);
  const slots = new DeploymentSlots({
    limit: options.deploymentsMax ?? 50,
    waitMs: options.deploymentWaitMs ?? 60_000,
    pollMs,
    list: ({ signal }) => marathon.deployments.list({ signal }),
    // What is in the group is ours to count, were it only because our own change has to get past it.
    isOurs: (appId) => appId.startsWith(idOf("")),
  });
  const changes = createChanges({ marathon, slots, onApply, settleMs, pollMs, observe });

  async function observe({ signal }: Op, service: string): Promise<MarathonService> {
    return viewOf(service, idOf(service), await apps.find(idOf(service), { signal }), null);
  }

  return {
    apiVersion: 1,
    type: "marathon",
    compile: (service, placement) => compileApp(service, placement, options),
    lint: lintDefinition,
    diff: diffApp,
    observe,
    async observeAll({ signal }) {
      // Both are of about the same moment; the queue only explains.
      const embed = ["apps.tasks", "apps.counts", "apps.deployments", "apps.lastTaskFailure"] as const;
      const [listed, queue] = await Promise.all([
        apps.list({ label: OWNER_LABEL, embed, signal }),
        marathon.queue.list({ signal }),
      ]);
      return overviewOf(listed, queue, idOf);
    },
    async plan(op, { definition }, { evidence = null } = {}) {
      const own = ownDefinition(definition, idOf);
      return planApply(await observe(op, own.service), own.definition, { evidence });
    },
    async apply(op, { definition }, { evidence = null } = {}) {
      await changes.apply(op, ownDefinition(definition, idOf), evidence);
    },
    async stop(op, service, { evidence = null, overrideDeployments = false } = {}) {
      await changes.stop(op, service, evidence, overrideDeployments);
    },
    stopped: async (op, service, evidence) => proofOfStop(await observe(op, service), evidence),
    async move(op, { definition }, look) {
      await changes.move(op, ownDefinition(definition, idOf), look);
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
      const [view, queue] = await Promise.all([observe(op, service), marathon.queue.list({ signal: op.signal })]);
      return explain({ ...view, queued: queue.find(({ app }) => app?.id === view.appId) ?? null }, evidence);
    },
    events: (op) => orchestratorEvents(op, marathon.events({ signal: op.signal }), group),
  } satisfies MarathonOrchestrator;
}

/**
 * The definition in the client's type, with its service.
 * @throws `INVALID_SPEC`: it is not one that was compiled for this group.
 */
function ownDefinition(definition: Definition, idOf: (service: string) => string): OwnDefinition {
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
