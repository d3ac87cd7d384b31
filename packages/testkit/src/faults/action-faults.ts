import { signalProcess } from "../agents/processes.js";
import type { Fault } from "./fault.js";
import { processOf, type TreeRole } from "./tree.js";

/** A signal to the wrapper's first process, as a scheduler sends it. */
export function told(signal: NodeJS.Signals): Fault {
  return {
    durationMs: null,
    async inject({ holder }) {
      const { pid } = holder;
      holder.signal(signal);
      return { observed: `${signal} sent to guard ${pid}` };
    },
  };
}

/** The same signal to every process of the tree at the same instant, in an order that nobody chose. */
export function allTold(signal: NodeJS.Signals): Fault {
  return {
    durationMs: null,
    async inject({ tree }) {
      const order = (["guard", "lock", "sentry", "init", "app"] as const satisfies readonly TreeRole[])
        .map((role) => ({ role, at: Math.random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ role }) => role);
      for (const role of order) signalProcess(processOf(tree, role), signal);
      return { observed: `${signal} to ${order.join(", ")}` };
    },
  };
}

/** The same signal to the wrapper's whole process group. */
export function groupTold(signal: NodeJS.Signals): Fault {
  return {
    durationMs: null,
    async inject({ holder }) {
      const { pid } = holder;
      holder.signalGroup(signal);
      return { observed: `${signal} sent to process group ${pid}` };
    },
  };
}

/** A key typed into the wrapper's terminal. */
export function typed(keys: string, name: string): Fault {
  return {
    durationMs: null,
    async inject({ holder }) {
      holder.type(keys);
      return { observed: `${name} typed into the terminal of guard ${holder.pid}` };
    },
  };
}

/** The application ends by itself, in the way its options say (see the writer's `exitCode` and `endBySignal`). */
export function applicationEnds(): Fault {
  return {
    durationMs: null,
    async inject({ tree }) {
      const app = processOf(tree, "app");
      signalProcess(app, "SIGUSR2");
      return { observed: `the application ${app.pid} ended by itself` };
    },
  };
}
