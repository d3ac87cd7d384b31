import type { Logger, LogLevel } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { type GuardConfig, type GuardDeps, processSignals, runGuard, spawnLockProcess } from "@holdfast/supervisor";
import { locateInit, programCommand } from "../embedded.js";
import { printError } from "../print-error.js";
import type { ResolvedService } from "../storage/spec.js";
import { guardConfig } from "./config.js";
import { runHelp } from "./help.js";
import { parseRunArguments, type RunArguments } from "./parse.js";
import { resolveStorage } from "./resolve-storage.js";
import { guardStorage, storageSpec } from "./storage-config.js";
import { makeStorageDirectory, removeStorageDirectory } from "./storage-directory.js";

/**
 * `holdfast run`. Standard output is the application's; what is said here goes to standard error.
 * @returns the exit code.
 */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const args = parseRunArguments(argv);
    if (args.help) {
      process.stdout.write(runHelp());
      return 0;
    }
    const resolved = await resolveStorage(args, process.env);
    const config = await guardConfig(args, process.env, resolved);
    const logger = stderrLogger(args.text("log-format") === "json");
    const init = locateInit();
    if (init.path === undefined) logger.log("warn", `no native init: ${init.reason}`, {});
    const deps: GuardDeps = {
      spawnLock: () => spawnLockProcess(programCommand(["__lock"])),
      initPath: init.path ?? null,
      clock: systemClock,
      logger,
      signals: processSignals,
    };
    if (resolved === null) return (await runGuard(config, deps)).exitCode;
    return await runWithStorage(args, config, resolved, deps);
  } catch (error) {
    return printError(error, false);
  }
}

async function runWithStorage(
  args: RunArguments,
  config: GuardConfig,
  resolved: ResolvedService,
  deps: GuardDeps,
): Promise<number> {
  for (const statement of resolved.statements) deps.logger.log("info", statement);
  const directory = makeStorageDirectory(storageSpec(args, config, resolved, deps.initPath ?? ""), process.env);
  try {
    const { file } = programCommand([]);
    const argv = (verb: string): [string, ...string[]] => [
      file,
      ...programCommand(["__storage", verb, directory]).args,
    ];
    const storage = guardStorage(args, resolved, argv("serve"), argv("cut"));
    return (await runGuard({ ...config, storage }, deps)).exitCode;
  } finally {
    removeStorageDirectory(directory, deps.logger);
  }
}

/** One line per message, each naming who speaks: the application writes to the same stream. */
function stderrLogger(json: boolean): Logger {
  // A reader that went away takes our messages with it, never the service.
  process.stderr.on("error", () => undefined);
  return {
    log(level: LogLevel, message, fields = {}) {
      if (level === "debug") return;
      const line = json
        ? JSON.stringify({ at: systemClock.wallTime(), level, program: "holdfast", message, ...fields })
        : `holdfast: ${level === "info" ? "" : `${level}: `}${message}`;
      process.stderr.write(`${line}\n`);
    },
  };
}
