import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import type { Command } from "commander";
import { type AppReport, appLines, reportApps } from "../doctor/app-file.js";
import { judgePath } from "../doctor/judge.js";
import { pathLines, strategyLines } from "../doctor/lines.js";
import type { DoctorReport } from "../doctor/observation.js";
import { observePath } from "../doctor/observe.js";
import { reportStrategy, type StrategyReport } from "../doctor/service.js";
import { locateInit } from "../embedded.js";
import { loadPlugins } from "../plugins/load-plugins.js";
import { readServiceFile } from "../service-file/read.js";
import { resolveVolumes } from "../service-file/volumes.js";
import { printJson, printLines } from "./output.js";
import { PLUGIN_DIR_HELP, pluginDirs } from "./service-session.js";

interface DoctorFlags {
  readonly volume?: string;
  readonly service?: string;
  readonly file?: string;
  readonly app?: string;
  readonly pluginDir: readonly string[];
  readonly timeoutMs: string;
  readonly json?: boolean;
}

/** `holdfast doctor`: reads, and writes nothing. Exit 1 when something is found that a run must not start on. */
export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "say of any path what it is and whether a run would be safe on it, and of any Marathon app what speaks against it; writes nothing",
    )
    .option("--volume <path>", "the path to look at")
    .option("--service <name>", "the service that it should belong to")
    .option("-f, --file <file>", "service file: asks each strategy what it finds at its server and mounts")
    .option("--app <file>", "JSON file with Marathon app definitions, also ones that Holdfast never wrote")
    .option("--plugin-dir <dir>", PLUGIN_DIR_HELP, pluginDirs, [])
    .option("--timeout-ms <ms>", "how long a path may take to answer", "5000")
    .option("--json", "machine-readable output")
    .action(async (flags: DoctorFlags) => {
      const looksAtPaths = flags.volume !== undefined || flags.file !== undefined;
      if (!looksAtPaths && flags.app === undefined) {
        throw new HoldfastError("USAGE", "There is nothing to look at.", {
          hint: "Give --volume PATH, -f FILE or --app FILE.",
        });
      }
      const apps: readonly AppReport[] = flags.app === undefined ? [] : await reportApps(flags.app);
      const { paths, strategies } = looksAtPaths ? await examine(flags) : { paths: [], strategies: [] };
      if (flags.json === true) printJson({ paths, strategies, apps });
      else printLines([...strategies.flatMap(strategyLines), ...paths.flatMap(pathLines), ...apps.flatMap(appLines)]);
      const findings = [...paths, ...strategies, ...apps].flatMap((report): { severity: string }[] => [
        ...report.findings,
      ]);
      if (findings.some(({ severity }) => severity === "error")) process.exitCode = 1;
    });
}

async function examine(flags: DoctorFlags): Promise<{ paths: DoctorReport[]; strategies: StrategyReport[] }> {
  const tools = nativeVolumeTools(requireInit());
  const timeoutMs = parseTimeout(flags.timeoutMs);
  const file = flags.file === undefined ? undefined : await readServiceFile(flags.file);
  const registry = await loadPlugins({ pluginDirs: flags.pluginDir, references: file?.service.spec.plugins ?? [] });
  const volumes = file === undefined ? [] : resolveVolumes(file, registry);
  const service = flags.service ?? file?.service.metadata.name ?? null;
  const workDirectory = await mkdtemp(join(tmpdir(), "holdfast-doctor-"));
  try {
    const signal = new AbortController().signal;
    const op = createOp({ signal, logger: { log: () => undefined }, volumeTools: tools, workDirectory });
    const strategies: StrategyReport[] = [];
    for (const { strategy, volume } of volumes) strategies.push(await reportStrategy(op, strategy, volume));
    // What only a run mounts is not there now, and its mount point is not the volume.
    const mounted = strategies.filter(({ mounts }) => !mounts).map(({ mountPath }) => mountPath);
    const wanted = flags.volume === undefined ? mounted : [resolve(flags.volume)];
    const paths: DoctorReport[] = [];
    for (const path of wanted) paths.push(judgePath(await observePath(path, tools, timeoutMs), { service }));
    return { paths, strategies };
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}

function requireInit(): string {
  const init = locateInit();
  if (init.path !== undefined) return init.path;
  throw new HoldfastError("PROTECTION_MISSING", `Paths cannot be looked at here: ${init.reason}.`, {
    hint: "The native init looks at them in a process of its own, because a mount can hang.",
  });
}

function parseTimeout(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 100 && ms <= 600_000) return ms;
  throw new HoldfastError("USAGE", `--timeout-ms takes 100 to 600000 milliseconds, not "${text}".`, {
    hint: "Leave it out for 5000.",
  });
}
