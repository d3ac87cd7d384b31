import { HoldfastError, type LeaseTiming, timeBudget } from "@holdfast/core";
import type { ClusterOptions } from "./cluster.js";
import { FAULTS, type Fault } from "./demo/scenario.js";
import { createEngine } from "./engines/index.js";
import { isAlive, layoutOf, readOwner } from "./layout.js";
import { ownCommand } from "./self.js";
import type { Workload } from "./service.js";

/** Flags that `dev up` and `dev --demo` share, as commander gives them. */
export interface ClusterFlags {
  readonly agents: string;
  readonly dir?: string;
  readonly zookeeper?: boolean;
  readonly network?: string;
  readonly engine?: string;
  readonly wrapper?: string;
  readonly leaseMs: string;
  readonly renewMs: string;
  readonly stopBudgetMs: string;
  readonly marginMs: string;
  readonly guardMs: string;
}

/** Short, so that one can watch; the smallest that the product's own budget allows with comfort. */
export const DEV_TIMING: LeaseTiming = { leaseMs: 3_000, renewMs: 300, stopBudgetMs: 500, marginMs: 500, guardMs: 500 };

const AGENTS_MAX = 20;

/** @throws `USAGE`, `IMPOSSIBLE_BUDGET`. */
export function parseTiming(flags: ClusterFlags): LeaseTiming {
  const timing: LeaseTiming = {
    leaseMs: toMs("lease-ms", flags.leaseMs),
    renewMs: toMs("renew-ms", flags.renewMs),
    stopBudgetMs: toMs("stop-budget-ms", flags.stopBudgetMs),
    marginMs: toMs("margin-ms", flags.marginMs),
    guardMs: toMs("guard-ms", flags.guardMs),
  };
  const { problems } = timeBudget(timing);
  if (problems.length === 0) return timing;
  throw new HoldfastError("IMPOSSIBLE_BUDGET", `The lease's numbers contradict each other: ${problems.join("; ")}.`, {
    hint: "The numbers that were not given are those for a lease of 3000 ms; give all of them for another.",
  });
}

export function parseAgents(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 2 && count <= AGENTS_MAX) return count;
  throw new HoldfastError("USAGE", `--agents takes a number from 2 to ${AGENTS_MAX}, not "${text}".`, {
    hint: "A failover needs at least two.",
  });
}

/** Network namespaces where they can be had, which is as root. @throws `USAGE`, `DENIED`. */
function parseNetwork(text: string | undefined): "namespaces" | "loopback" {
  const isRoot = process.getuid?.() === 0;
  switch (text) {
    case undefined:
      return isRoot ? "namespaces" : "loopback";
    case "loopback":
      return "loopback";
    case "namespaces":
      if (isRoot) return "namespaces";
      throw new HoldfastError("DENIED", "Network namespaces need root.", {
        hint: "Leave --network out, or run as root.",
      });
    default:
      throw new HoldfastError("USAGE", `There is no network "${text}".`, { hint: "Use namespaces or loopback." });
  }
}

/** @throws `USAGE` when both are given. */
export function parseWorkload(engineName: string | undefined, command: readonly string[]): Workload {
  const [file, ...args] = command;
  if (file === undefined) {
    const engine = createEngine(engineName ?? "redis");
    // Root can and should give the server the user that its package made.
    return { kind: "engine", engine, user: process.getuid?.() === 0 ? engine.packageUser : null };
  }
  if (engineName === undefined) return { kind: "command", command: [file, ...args] };
  throw new HoldfastError("USAGE", "Either an engine or a command can run, not both.", {
    hint: "Leave --engine or the command after -- out.",
  });
}

function toMs(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new HoldfastError("USAGE", `--${name} takes whole milliseconds, not "${text}".`, { hint: "For example 3000." });
}

/**
 * Two demos side by side must not meet: the usual place, or beside it where one runs.
 * @returns a directory in which no cluster runs.
 */
export function freeDirectory(wanted: string): string {
  for (let number = 1; ; number += 1) {
    const directory = number === 1 ? wanted : `${wanted}-${number}`;
    const owner = readOwner(layoutOf(directory));
    if (owner === undefined || owner.ended || !isAlive(owner)) return directory;
  }
}

/** @throws what the single parsers throw. */
export function parseCluster(
  flags: ClusterFlags,
  directory: string,
): Omit<ClusterOptions, "workload" | "writesPerSecond" | "signal" | "log" | "onFailure"> {
  const own = ownCommand();
  return {
    directory,
    agents: parseAgents(flags.agents),
    network: parseNetwork(flags.network),
    zookeeper: flags.zookeeper === true,
    timing: parseTiming(flags),
    own,
    wrapper: flags.wrapper === undefined ? own : [flags.wrapper],
  };
}

/** Faults of the demo by their numbers, `1,3`; all without. @throws `USAGE`. */
export function parseFaults(text: string | undefined): readonly Fault[] {
  if (text === undefined) return FAULTS;
  return text.split(",").map((number) => {
    const fault = FAULTS[Number(number) - 1];
    if (fault !== undefined) return fault;
    throw new HoldfastError("USAGE", `There is no fault "${number}".`, {
      hint: `Give numbers from 1 to ${FAULTS.length}, separated by commas.`,
    });
  });
}

/** Before anything is started. @throws `UNSUPPORTED` when one of the faults cannot be done with that cluster. */
export function requirePossible(
  faults: readonly Fault[],
  cluster: Pick<ClusterOptions, "network" | "zookeeper">,
): void {
  const impossible = faults.find((fault) => fault.needsNetwork);
  if (impossible === undefined || cluster.network === "namespaces" || !cluster.zookeeper) return;
  throw new HoldfastError("UNSUPPORTED", `"${impossible.name}" needs a network that can be cut, which needs root.`, {
    hint: "Run as root, leave --zookeeper out, or choose other faults, for example --faults 1,3,4.",
  });
}
