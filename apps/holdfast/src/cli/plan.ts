import {
  budgetOf,
  gradeOf,
  lookAtService,
  lookAtVolumes,
  type Situation,
  UNKNOWN_SITUATION,
  volumeOutlook,
} from "@holdfast/coordination";
import type { Command } from "commander";
import { budgetLines, gradeLines, holderText, volumeLines } from "../failover/lines.js";
import { refuseUnsupported } from "../service-file/unsupported.js";
import { printJson, printLines } from "./output.js";
import { loadService, type ServiceFileFlags, terminalLogger, withOp, withServiceFileFlags } from "./service-session.js";
import { type StoreSession, withLimit, withStore } from "./store-options.js";

const LIMIT_MS = 120_000;

/** `holdfast plan`: what a service file promises and what a takeover would do. Reads, and writes nothing. */
export function registerPlan(program: Command): void {
  withServiceFileFlags(program.command("plan"))
    .description(
      "what a service file promises: grade, time budget, commands, placement, and what a takeover would do now",
    )
    .action(async (flags: ServiceFileFlags) => {
      const { file, volumes } = await loadService(flags);
      refuseUnsupported(file);
      const { metadata, spec } = file.service;
      const plan = async (session: StoreSession | null, signal: AbortSignal) => {
        const situation: Situation =
          session === null ? UNKNOWN_SITUATION : await lookAtService(session.context, null, session.options);
        const seen = await withOp(signal, terminalLogger, (op) => lookAtVolumes(op, volumes, session?.context ?? null));
        return {
          service: metadata.name,
          grade: gradeOf(volumes, spec.exclusivity.minimumGrade),
          budget: budgetOf(volumes, spec.exclusivity),
          situation,
          volumes: seen.map((volume) => volumeOutlook(volume, situation)),
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
        ...result.volumes.flatMap(volumeLines),
        ...situationLines(hasStore, result.situation),
      ]);
    });
}

function situationLines(hasStore: boolean, { lease, candidates }: Situation): string[] {
  if (!hasStore) return ["lease: not looked at; give --store"];
  return [
    `lease: ${lease === null ? "nobody ever held it" : holderText(lease)}`,
    ...candidates.map(({ agent, since }, place) => `  waiting ${place}: ${agent} since ${since}`),
  ];
}
