import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StrategyVolume } from "@holdfast/coordination";
import type { Logger, Op } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import type { Command } from "commander";
import { locateInit } from "../embedded.js";
import { loadPlugins } from "../plugins/load-plugins.js";
import { readServiceFile, type ServiceFile } from "../service-file/read.js";
import { resolveVolumes } from "../service-file/volumes.js";
import { type StoreAccessFlags, withStoreAccessFlags } from "./store-options.js";

/** Flags of every command about a service that a file describes. */
export interface ServiceFileFlags extends StoreAccessFlags {
  readonly file: string;
  readonly pluginDir: readonly string[];
  readonly json?: boolean;
}

export function withServiceFileFlags(command: Command): Command {
  return withPluginFlags(command.requiredOption("-f, --file <file>", "service file"));
}

/** Of a command that a controller can answer without the file. */
export function withOptionalServiceFileFlags(command: Command): Command {
  return withPluginFlags(command.option("-f, --file <file>", "service file; not needed with --controller"));
}

function withPluginFlags(command: Command): Command {
  return withStoreAccessFlags(command.option("--plugin-dir <dir>", PLUGIN_DIR_HELP, pluginDirs, []));
}

export const PLUGIN_DIR_HELP = "npm prefix in which plugins are installed; several with colons, or given several times";

export function pluginDirs(value: string, before: readonly string[]): readonly string[] {
  return [...before, ...value.split(":").filter((directory) => directory !== "")];
}

export interface DescribedService {
  readonly file: ServiceFile;
  readonly volumes: readonly StrategyVolume[];
}

/** @throws `INVALID_SPEC` and others of the file and its plugins. */
export async function loadService(flags: Pick<ServiceFileFlags, "file" | "pluginDir">): Promise<DescribedService> {
  const file = await readServiceFile(flags.file);
  const registry = await loadPlugins({ pluginDirs: flags.pluginDir, references: file.service.spec.plugins });
  return { file, volumes: resolveVolumes(file, registry) };
}

/** An `op` for one command, with a directory that goes with it. */
export async function withOp<T>(signal: AbortSignal, logger: Logger, action: (op: Op) => Promise<T>): Promise<T> {
  const workDirectory = await mkdtemp(join(tmpdir(), "holdfast-command-"));
  try {
    // Nothing here looks at paths; where the native init is missing, a strategy that does is told so by its call.
    const volumeTools = nativeVolumeTools(locateInit().path ?? "holdfast-init");
    return await action(createOp({ signal, logger, volumeTools, workDirectory }));
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
}

/** For a person at a terminal: warnings only, on standard error. */
export const terminalLogger: Logger = {
  log(level, message) {
    if (level === "warn" || level === "error") process.stderr.write(`holdfast: ${message}\n`);
  },
};
