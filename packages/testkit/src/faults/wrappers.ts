import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { LeaseTiming } from "@holdfast/core";
import { command } from "../agents/command.js";
import { naiveWrapperCommand } from "../naive/index.js";
import type { Run } from "./run.js";
import { findNaiveTree, findTree, type WrapperTree } from "./tree.js";

export interface WrapperRequest {
  readonly service: string;
  readonly store: string;
  readonly agent: string;
  readonly timing: LeaseTiming;
  readonly volume: string;
  /** Own directory of the run. */
  readonly directory: string;
  readonly wait: boolean;
  /** Further flags of `holdfast run`. */
  readonly flags: readonly string[];
  readonly application: readonly string[];
}

/** What a fault row is played on: the product, or the control. */
export interface WrapperUnderTest {
  readonly kind: "holdfast" | "naive";
  /** Makes a directory a volume of the service. */
  markVolume(root: string, service: string): Promise<void>;
  command(request: WrapperRequest): string[];
  /** The command line of a verb of the executable that talks to the store. */
  tool(verb: readonly string[], service: string, store: string): string[];
  /** Undefined while not everything is up. */
  tree(run: Run): WrapperTree | undefined;
  /** What it says that it does now; undefined when it does not say anything. */
  phase(run: Run): Promise<string | undefined>;
}

const STATUS_SOCKET = "status";
export const REPORT_FILE = "report.json";

/** @param executable - the command line of the executable under test, without a subcommand. */
export function holdfastWrapper(executable: readonly [string, ...string[]]): WrapperUnderTest {
  return {
    kind: "holdfast",
    async markVolume(root, service) {
      await command([...executable, "volume", "init", root, "--service", service]);
    },
    command(request) {
      const { timing } = request;
      const flags: Record<string, string | number> = {
        service: request.service,
        store: request.store,
        agent: request.agent,
        "lease-ms": timing.leaseMs,
        "renew-ms": timing.renewMs,
        "stop-budget-ms": timing.stopBudgetMs,
        "margin-ms": timing.marginMs,
        "guard-ms": timing.guardMs,
        volume: request.volume,
        report: join(request.directory, REPORT_FILE),
        "status-socket": join(request.directory, STATUS_SOCKET),
        // With the time of each line: a failed row's log is read beside the others.
        "log-format": "json",
      };
      return [
        ...executable,
        "run",
        ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
        ...(request.wait ? ["--wait"] : []),
        ...request.flags,
        "--",
        ...request.application,
      ];
    },
    tree: (run) => findTree(run.pid),
    tool: (verb, service, store) => [...executable, ...verb, "--service", service, "--store", store],
    phase: (run) => phaseOf(join(run.directory, STATUS_SOCKET)),
  };
}

export function naiveWrapper(): WrapperUnderTest {
  return {
    kind: "naive",
    async markVolume(root) {
      mkdirSync(join(root, "data"));
      mkdirSync(join(root, ".holdfast"));
      writeFileSync(join(root, ".holdfast", "claim"), "");
    },
    command: (request) =>
      naiveWrapperCommand({
        store: request.store,
        service: request.service,
        sessionMs: request.timing.leaseMs,
        command: request.application,
      }),
    tree: (run) => findNaiveTree(run.pid),
    tool() {
      throw new Error("the control has no verbs");
    },
    phase: async (run) => (run.log().includes("waiting behind") ? "waiting-for-lease" : undefined),
  };
}

/** Undefined when nobody answers there (yet). */
function phaseOf(socketPath: string): Promise<string | undefined> {
  if (!existsSync(socketPath)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ path: socketPath });
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    // Not listening yet, or not any more: the caller asks again until its own limit.
    socket.on("error", () => resolve(undefined));
    socket.on("end", () => {
      try {
        resolve((JSON.parse(text) as { phase: string }).phase);
      } catch (error) {
        reject(error);
      }
    });
  });
}
