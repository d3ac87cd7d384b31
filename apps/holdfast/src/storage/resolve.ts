import { readFile } from "node:fs/promises";
import { gradeEvidence, type StrategyVolume } from "@holdfast/coordination";
import {
  type CutKind,
  computeGrade,
  HoldfastError,
  meetsGrade,
  type PluginRegistry,
  type StorageCapabilities,
} from "@holdfast/core";
import { parse } from "yaml";
import * as z from "zod";
import { loadPlugins, requireStrategy } from "../plugins/load-plugins.js";
import { readServiceFile } from "../service-file/read.js";
import { notDone, refuseUnsupported } from "../service-file/unsupported.js";
import { resolveVolumes } from "../service-file/volumes.js";
import type { ResolvedService, ResolveRequest } from "./spec.js";

/** Weakest promise first. */
const CUTS: readonly CutKind[] = ["after-sync", "with-tree", "local"];

/**
 * Reads the service file or the strategy's options, loads what they name and says what follows for a run.
 * @throws `INVALID_SPEC`, `INCOMPATIBLE`, `BAD_CONFIGURATION` (no such file or plugin, or a grade below what the service demands).
 */
export async function resolveService(request: ResolveRequest): Promise<ResolvedService> {
  const resolved = request.file === null ? await fromFlags(request) : await fromFile(request, request.file);
  if (!meetsGrade(resolved.grade, resolved.minimumGrade)) {
    throw new HoldfastError(
      "BAD_CONFIGURATION",
      `${resolved.service} demands ${resolved.minimumGrade}, and its storage gives only ${resolved.grade}: ${resolved.gradeWhy}.`,
      { hint: "Choose storage that can fence, configure its fence, or lower spec.exclusivity.minimumGrade." },
    );
  }
  return resolved;
}

async function fromFile({ pluginDirs }: ResolveRequest, path: string): Promise<ResolvedService> {
  const file = await readServiceFile(path);
  const { metadata, spec } = file.service;
  refuseUnsupported(file);
  const registry = await loadPlugins({ pluginDirs, references: spec.plugins });
  const volumes = resolveVolumes(file, registry);
  const { leaseMs, renewMs, stopBudgetMs, marginMs, guardMs } = spec.exclusivity;
  const summary = summarise(volumes);
  return {
    ...summary,
    statements: [...notDone(file.service), ...summary.statements],
    service: metadata.name,
    timing: { leaseMs, renewMs, stopBudgetMs, marginMs, guardMs },
    attachTimeoutMs: spec.exclusivity.attachTimeoutMs,
    controllerSide: spec.exclusivity.controllerSide,
    command: "command" in spec.engine ? spec.engine.command : null,
    plugins: spec.plugins,
    minimumGrade: spec.exclusivity.minimumGrade,
  };
}

async function fromFlags({ strategy: flags, pluginDirs }: ResolveRequest): Promise<ResolvedService> {
  if (flags === null) throw new Error("neither a file nor a strategy");
  const registry = await loadPlugins({ pluginDirs, references: flags.plugins });
  const options = flags.optionsFile === null ? {} : await readOptions(flags.optionsFile);
  const volume = { service: flags.service, role: "data", mountPath: flags.mountPath, diskMiB: null, options };
  const found = checked(registry, flags.type, volume.options, flags.optionsFile);
  return {
    ...summarise([{ strategy: found, volume }]),
    service: flags.service,
    timing: null,
    attachTimeoutMs: null,
    controllerSide: "inline",
    command: null,
    plugins: flags.plugins,
    minimumGrade: "none",
  };
}

function checked(registry: PluginRegistry, type: string, options: unknown, file: string | null) {
  const strategy = requireStrategy(registry, type);
  const parsed = strategy.optionsSchema.safeParse(options);
  if (parsed.success) return strategy;
  throw new HoldfastError(
    "INVALID_SPEC",
    `The options of strategy ${type} are not right: ${z.prettifyError(parsed.error as z.ZodError).replaceAll("\n", "; ")}`,
    { hint: file === null ? "Give them with --strategy-options FILE." : `Correct ${file}; see the strategy's README.` },
  );
}

async function readOptions(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new HoldfastError("INVALID_SPEC", `The options file ${file} cannot be read: ${String(cause)}`, {
      hint: "It is YAML or JSON, an object with the strategy's options.",
      cause,
    });
  }
}

type Summary = Pick<
  ResolvedService,
  "volumes" | "description" | "mounts" | "cut" | "cutMsMax" | "claimFenceMs" | "grade" | "gradeWhy" | "statements"
>;

/** Pure: over several volumes, what holds for all of them. */
function summarise(volumes: readonly StrategyVolume[]): Summary {
  const [first, ...others] = volumes.map(({ strategy, volume }) => ({ strategy: strategy.type, volume }));
  if (first === undefined)
    throw new HoldfastError("INVALID_SPEC", "There is no volume.", { hint: "Add spec.storage." });
  const all = volumes.map(({ strategy, volume }) => ({ strategy, volume, can: strategy.capabilities(volume) }));
  const { grade, why } = computeGrade(volumes.map(({ strategy, volume }) => gradeEvidence(strategy, volume)));
  return {
    volumes: [first, ...others],
    description: all.map(({ strategy, can }) => `${strategy.type} (${can.backend})`).join(", "),
    mounts: all.some(({ can }) => can.mounts),
    cut: CUTS.find((kind) => all.some(({ can }) => can.cut === kind)) ?? "after-sync",
    cutMsMax: all.reduce((sum, { can }) => sum + can.cutMsMax, 0),
    claimFenceMs: claimFenceMs(all[0]?.can),
    grade,
    gradeWhy: why,
    statements: all.flatMap(({ strategy, volume }) => strategy.explain(volume).statements),
  };
}

/** The claim lies on the first volume. */
function claimFenceMs(can: StorageCapabilities | undefined): number | null {
  return can?.fences === true ? can.claimWaitMs : null;
}
