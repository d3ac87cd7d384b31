import { readdirSync, readFileSync } from "node:fs";
import { isGone, type ProcessIdentity, readProcess } from "@holdfast/effects";
import { until } from "./until.js";

/**
 * Every process of a scene carries this variable in its environment, handed down to whatever it starts: so that all
 * of them are found again, daemons in sessions of their own included.
 */
export const SCENE_VARIABLE = "HOLDFAST_TESTKIT_SCENE";

export interface SeenProcess extends ProcessIdentity {
  readonly ppid: number;
  readonly state: string;
  readonly argv: readonly string[];
}

/** Undefined when there is no such process any more. */
export function lookAt(pid: number): SeenProcess | undefined {
  const seen = readProcess(pid);
  if (seen === undefined) return undefined;
  return { ...seen, argv: readProcFile(pid, "cmdline").split("\0").slice(0, -1) };
}

/** Every process of the machine, zombies included. */
export function allProcesses(): SeenProcess[] {
  return pids().flatMap((pid) => lookAt(pid) ?? []);
}

export function childrenOf(pid: number): SeenProcess[] {
  return allProcesses().filter((seen) => seen.ppid === pid);
}

/** Living processes with that variable in their environment. A zombie has no environment and runs nothing. */
export function processesMarked(variable: string): { readonly seen: SeenProcess; readonly value: string }[] {
  return pids().flatMap((pid) => {
    const entry = readProcFile(pid, "environ")
      .split("\0")
      .find((line) => line.startsWith(`${variable}=`));
    if (entry === undefined) return [];
    const seen = lookAt(pid);
    return seen === undefined || isGone(seen) ? [] : [{ seen, value: entry.slice(variable.length + 1) }];
  });
}

export function processesOfScene(scene: string): SeenProcess[] {
  return processesMarked(SCENE_VARIABLE)
    .filter(({ value }) => value === scene)
    .map(({ seen }) => seen);
}

/** Sends a signal to exactly that process; false when it was gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (isGone(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** SIGKILL to everything the scene still has, until nothing is left. Returns what had to be killed. */
export async function endScene(scene: string, timeoutMs: number): Promise<SeenProcess[]> {
  const killed = new Map<number, SeenProcess>();
  await until(
    `every process of scene ${scene} to end`,
    () => {
      const left = processesOfScene(scene);
      for (const seen of left) {
        killed.set(seen.pid, seen);
        signalProcess(seen, "SIGKILL");
      }
      return left.length === 0;
    },
    { timeoutMs },
  );
  return [...killed.values()];
}

/** One line for a message. */
export function describeProcess(seen: SeenProcess): string {
  return `${seen.pid} (${seen.state}, parent ${seen.ppid}) ${seen.argv.join(" ").slice(0, 160)}`;
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Empty when the process is gone or not ours to look into. */
function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return "";
    throw error;
  }
}
