import { isGone } from "@holdfast/effects";
import { type SeenProcess, signalProcess } from "../agents/processes.js";
import { until } from "../agents/until.js";
import type { Fault } from "./fault.js";
import { processOf, stateOf, type TreeRole, type WrapperTree } from "./tree.js";

const LIMIT_MS = 5_000;

const select = (tree: WrapperTree, roles: readonly TreeRole[]): [TreeRole, SeenProcess][] =>
  roles.map((role) => [role, processOf(tree, role)]);

const describe = (processes: readonly [TreeRole, SeenProcess][]) =>
  processes.map(([role, seen]) => `${role} ${seen.pid} ${stateOf(seen)}`).join(", ");

/** kill -9 of these processes, as nearly at once as one process can do it. */
export function killed(...roles: readonly TreeRole[]): Fault {
  return {
    durationMs: null,
    async inject({ tree }) {
      const processes = select(tree, roles);
      for (const [, seen] of processes) signalProcess(seen, "SIGKILL");
      await until(`${roles.join(", ")} to be gone`, () => processes.every(([, seen]) => isGone(seen)), {
        timeoutMs: LIMIT_MS,
        intervalMs: 2,
        seen: () => describe(processes),
      });
      return { observed: describe(processes) };
    },
  };
}

/** SIGSTOP of these processes, SIGCONT after the time. */
export function stopped(durationMs: number, ...roles: readonly TreeRole[]): Fault {
  return {
    durationMs,
    async inject({ tree }) {
      const processes = select(tree, roles);
      for (const [, seen] of processes) signalProcess(seen, "SIGSTOP");
      await until(
        `${roles.join(", ")} to be stopped`,
        () => processes.every(([, seen]) => isGone(seen) || stateOf(seen) === "T"),
        {
          timeoutMs: LIMIT_MS,
          intervalMs: 2,
          seen: () => describe(processes),
        },
      );
      return {
        observed: describe(processes),
        async heal() {
          const atEnd = describe(processes);
          for (const [, seen] of processes) signalProcess(seen, "SIGCONT");
          return `at the end: ${atEnd}`;
        },
      };
    },
  };
}
