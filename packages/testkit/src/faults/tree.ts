import { isGone, monotonicMs } from "@holdfast/effects";
import { allProcesses, lookAt, type SeenProcess } from "../agents/processes.js";

export type TreeRole = "guard" | "lock" | "sentry" | "init" | "app";
export const WRAPPER_ROLES = ["lock", "guard", "sentry", "init"] as const satisfies readonly TreeRole[];

/** The processes of one wrapper and what runs under it, as /proc shows them from outside. */
export interface WrapperTree {
  readonly roles: ReadonlyMap<TreeRole, SeenProcess>;
  /** The process whose end is the end of the whole tree: a namespace's init goes last. */
  readonly root: SeenProcess;
}

/** The lock process: its hidden subcommand, until it gives itself a name. */
const LOCK_MARKS: readonly string[] = ["__lock", "holdfast-lock"];
/** The applet of the native helper that is sentry and init. */
const SENTRY_APPLET = "supervise";

/** The product's tree. Undefined while not all of it is there. The wrapper must be the process with that pid itself. */
export function findTree(guardPid: number): WrapperTree | undefined {
  const all = allProcesses().filter((seen) => !isGone(seen));
  const below = (pid: number | undefined) => all.filter((seen) => seen.ppid === pid);
  const guard = all.find((seen) => seen.pid === guardPid);
  const lock = below(guardPid).find((seen) => seen.argv.some((arg) => LOCK_MARKS.includes(arg.trim())));
  const sentry = below(guardPid).find((seen) => seen.argv.includes(SENTRY_APPLET));
  const init = below(sentry?.pid)[0];
  const app = below(init?.pid).find(isWriter);
  if (!guard || !lock || !sentry || !init || !app) return undefined;
  return {
    roles: new Map(Object.entries({ guard, lock, sentry, init, app }) as [TreeRole, SeenProcess][]),
    root: init,
  };
}

/** The control's tree: the wrapper and its child. */
export function findNaiveTree(wrapperPid: number): WrapperTree | undefined {
  const guard = lookAt(wrapperPid);
  const app = allProcesses().find((seen) => seen.ppid === wrapperPid && isWriter(seen));
  if (!guard || !app) return undefined;
  return {
    roles: new Map<TreeRole, SeenProcess>([
      ["guard", guard],
      ["app", app],
    ]),
    root: app,
  };
}

/** @throws Error when this wrapper has no such process. */
export function processOf(tree: WrapperTree, role: TreeRole): SeenProcess {
  const found = tree.roles.get(role);
  if (found === undefined) throw new Error(`this wrapper has no ${role}`);
  return found;
}

const isWriter = (seen: SeenProcess) => seen.argv.some((arg) => arg.endsWith("/writer/main.js"));

export interface EndWatch {
  /** When it was last seen alive: the end is then or later, so a measure from there is never flattering. */
  lastAliveMs(): number;
  gone(): boolean;
  stop(): void;
}

export function watchEnd(watched: SeenProcess): EndWatch {
  let lastAliveMs = monotonicMs();
  let gone = false;
  const timer = setInterval(() => {
    // Read the clock first: alive at the look, so alive at that moment too.
    const nowMs = monotonicMs();
    if (isGone(watched)) {
      gone = true;
      clearInterval(timer);
    } else lastAliveMs = nowMs;
  }, 1);
  return { lastAliveMs: () => lastAliveMs, gone: () => gone, stop: () => clearInterval(timer) };
}

/** State letter of /proc: R S D T Z, or `gone`. */
export function stateOf(seen: SeenProcess): string {
  const now = lookAt(seen.pid);
  return now === undefined || now.startTicks !== seen.startTicks ? "gone" : now.state;
}
