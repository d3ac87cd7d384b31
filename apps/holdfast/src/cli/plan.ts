import {
  budgetOf,
  gradeOf,
  lookAtService,
  lookAtVolumes,
  type Situation,
  UNKNOWN_SITUATION,
  volumeOutlook,
} from "@holdfast/coordination";
import { readCluster } from "@holdfast/orchestrator-marathon";
import type { Command } from "commander";
import { planSchema } from "../client/answers.js";
import { ControllerClient, type ControllerFlags, controllerUrl, withControllerAccess } from "../client/client.js";
import { planLines } from "../client/lines.js";
import { budgetLines, gradeLines, holderText, volumeLines } from "../failover/lines.js";
import { clusterClients, isOnMarathon, type MarathonFlags, withMarathonFlags } from "../marathon/flags.js";
import { marathonLines, marathonOutlook } from "../marathon/outlook.js";
import { readServiceFile } from "../service-file/read.js";
import { notDone, refuseUnsupported } from "../service-file/unsupported.js";
import { printJson, printLines } from "./output.js";
import { loadService, type ServiceFileFlags, terminalLogger, withOp, withServiceFileFlags } from "./service-session.js";
import { type StoreSession, withLimit, withStore } from "./store-options.js";

const LIMIT_MS = 120_000;

/** `holdfast plan`: what a service file promises and what a takeover would do. Reads, and writes nothing. */
export function registerPlan(program: Command): void {
  withMarathonFlags(withControllerAccess(withServiceFileFlags(program.command("plan"))))
    .description(
      "what a service file promises: grade, time budget, commands, placement, and what a takeover would do now",
    )
    .action(async (flags: ServiceFileFlags & ControllerFlags & MarathonFlags) => {
      if (flags.store === undefined && controllerUrl(flags) !== undefined) return planByController(flags);
      // Wrong addresses are told before anything is asked.
      const clients = isOnMarathon(flags) ? clusterClients(flags) : null;
      const { file, volumes } = await loadService(flags);
      refuseUnsupported(file);
      const { metadata, spec } = file.service;
      const plan = async (session: StoreSession | null, signal: AbortSignal) => {
        const situation: Situation =
          session === null ? UNKNOWN_SITUATION : await lookAtService(session.context, null, session.options);
        const seen = await withOp(signal, terminalLogger, (op) => lookAtVolumes(op, volumes, session?.context ?? null));
        const budget = budgetOf(volumes, spec.exclusivity);
        const outlooks = seen.map((volume) => volumeOutlook(volume, situation));
        const cluster = clients === null ? null : await readCluster({ signal }, clients);
        return {
          service: metadata.name,
          notDone: notDone(file.service),
          grade: gradeOf(volumes, spec.exclusivity.minimumGrade),
          budget,
          situation,
          volumes: outlooks,
          marathon:
            cluster === null ? null : marathonOutlook(file.service, volumes, { budget, volumes: outlooks, cluster }),
        };
      };
      const hasStore = (flags.store ?? process.env.HOLDFAST_STORE) !== undefined;
      const result = hasStore
        ? await withStore(
            { ...flags, service: metadata.name },
            (session) => plan(session, session.options.signal),
            LIMIT_MS,
          )
        : await withLimit(LIMIT_MS, (signal) => plan(null, signal));
      if (flags.json === true) return printJson(result);
      printLines([
        `service ${result.service}`,
        ...gradeLines(result.grade),
        ...budgetLines(result.budget),
        ...result.notDone.map((line) => `not done: ${line}`),
        ...result.volumes.flatMap(volumeLines),
        ...(result.marathon === null ? [] : marathonLines(result.marathon)),
        ...situationLines(hasStore, result.situation),
      ]);
    });
}

/** The same question to the controller, which also knows what the orchestrator would do. */
async function planByController(flags: ServiceFileFlags & ControllerFlags): Promise<void> {
  const { service } = await readServiceFile(flags.file);
  const client = await ControllerClient.open(flags);
  const plan = await client.post(`/v1/services/${service.metadata.name}/plan`, { service }, planSchema);
  const missing = notDone(service);
  if (flags.json === true) printJson({ ...plan, notDone: missing });
  else printLines([...planLines(plan), ...missing.map((line) => `not done: ${line}`)]);
}

function situationLines(hasStore: boolean, { lease, candidates }: Situation): string[] {
  if (!hasStore) return ["lease: not looked at; give --store"];
  return [
    `lease: ${lease === null ? "nobody ever held it" : holderText(lease)}`,
    ...candidates.map(({ agent, since }, place) => `  waiting ${place}: ${agent} since ${since}`),
  ];
}
