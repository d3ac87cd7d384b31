import type { Logger, LogLevel } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { processSignals, runGuard, spawnLockProcess } from "@holdfast/supervisor";
import { locateInit, lockProcessCommand } from "../embedded.js";
import { printError } from "../print-error.js";
import { guardConfig } from "./config.js";
import { runHelp } from "./help.js";
import { parseRunArguments } from "./parse.js";

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
    const config = await guardConfig(args, process.env);
    const logger = stderrLogger(args.text("log-format") === "json");
    const init = locateInit();
    if (init.path === undefined) logger.log("warn", `no native init: ${init.reason}`, {});
    const outcome = await runGuard(config, {
      spawnLock: () => spawnLockProcess(lockProcessCommand()),
      initPath: init.path ?? null,
      clock: systemClock,
      logger,
      signals: processSignals,
    });
    return outcome.exitCode;
  } catch (error) {
    return printError(error, false);
  }
}

/** One line per message, each naming who speaks: the application writes to the same stream. */
function stderrLogger(json: boolean): Logger {
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
