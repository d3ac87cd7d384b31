import { explainTimeBudget, timeBudget } from "@holdfast/core";
import { bounded, replaceFile } from "@holdfast/effects";
import { startKeeper } from "../init/choose.js";
import { type StatusServer, serveStatus } from "../status/server.js";
import type { GuardConfig } from "./config.js";
import type { GuardDeps } from "./deps.js";
import { GuardDriver, type KeeperStarters } from "./driver.js";
import { killGraceFromEnvironment } from "./kill-grace.js";
import { describeOutcome, type GuardOutcome } from "./outcome.js";
import { createGuardState } from "./state.js";

const REPORT_MS = 5_000;

/**
 * Runs one application under one grant, from the first look at the volume to the release of the lease. It never throws
 * for what can go wrong out there; that is in the outcome.
 * @throws only on a defect of its own. The caller must then exit at once: with this process everything it started ends.
 */
export async function runGuard(given: GuardConfig, deps: GuardDeps): Promise<GuardOutcome> {
  if (given.storage !== null && given.policy.kind === "promote-demote")
    throw new Error("a replica's data set is its own; a strategy brings one only under the grant");
  const config = { ...given, killGraceMs: given.killGraceMs ?? killGraceFromEnvironment(process.env) };
  const impossible = checkBudget(config, deps);
  if (impossible === undefined) return supervise(config, deps);
  await writeReport(config, deps, impossible);
  return impossible;
}

async function supervise(config: GuardConfig, deps: GuardDeps): Promise<GuardOutcome> {
  let driver: GuardDriver | undefined;
  // Before the lease is asked for, so that whatever a socket's directory may do to us costs nobody anything.
  const status = await openStatus(config, deps, () => driver?.status());
  try {
    driver = new GuardDriver(config, deps, keeperStarters(config, deps));
    const outcome = await driver.run();
    await writeReport(config, deps, outcome);
    return outcome;
  } finally {
    driver?.dispose();
    status?.close();
  }
}

function keeperStarters(config: GuardConfig, deps: GuardDeps): KeeperStarters {
  const { init, tree, user, command } = config;
  return {
    tree(listener, join) {
      // Inside another tree only a PID namespace is ended with it.
      const kind = join === null ? tree : "pid-namespace";
      return startKeeper({ init, tree: kind, user, command, join }, deps, listener);
    },
    storage(listener) {
      if (config.storage === null) throw new Error("a storage tree without storage");
      const { serve, mounts } = config.storage;
      const kind = mounts ? "pid-namespace" : tree;
      return startKeeper({ init, tree: kind, user: null, command: serve, piped: true }, deps, listener);
    },
  };
}

function checkBudget(config: GuardConfig, deps: GuardDeps): GuardOutcome | undefined {
  const { problems } = timeBudget(config.timing, config.costs);
  if (problems.length === 0) return undefined;
  const at = { now: deps.clock.now(), wall: deps.clock.wallTime() };
  const message = `The lease's numbers contradict each other: ${problems.join("; ")}.`;
  deps.logger.log("error", message, { code: "IMPOSSIBLE_BUDGET" });
  const state = createGuardState(config, { read: [], write: [], settle: [] }, process.pid, at);
  const hint = explainTimeBudget(config.timing, config.costs);
  const ending = { kind: "failure", code: "IMPOSSIBLE_BUDGET", message, hint } as const;
  return describeOutcome({ ...state, ending }, at, false);
}

async function openStatus(
  config: GuardConfig,
  deps: GuardDeps,
  describe: () => unknown,
): Promise<StatusServer | undefined> {
  if (config.statusSocket === null) return undefined;
  try {
    return await serveStatus(config.statusSocket, describe);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    deps.logger.log("warn", `no status socket at ${config.statusSocket}: ${why}; the run goes on without one`);
    return undefined;
  }
}

async function writeReport(config: GuardConfig, deps: GuardDeps, outcome: GuardOutcome): Promise<void> {
  if (config.reportFile === null) return;
  const writing = replaceFile(config.reportFile, `${JSON.stringify(outcome.report, null, 2)}\n`);
  try {
    const hint = "Choose another place with --report.";
    await bounded(writing, { timeoutMs: REPORT_MS, code: "INTERNAL", what: `Writing ${config.reportFile}`, hint });
  } catch (error) {
    deps.logger.log(
      "warn",
      `no report at ${config.reportFile}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
