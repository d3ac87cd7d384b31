import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/*
 * As much of /proc as the launcher needs. Not from @holdfast/effects: loading that costs more than starting the tree,
 * and the suite starts hundreds.
 */

export interface Seen {
  readonly pid: number;
  readonly startTicks: string;
  readonly state: string;
}

/** Undefined when there is no such process. */
export function look(pid: number): Seen | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // gone
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { pid, state: fields[0] ?? "?", startTicks: fields[19] ?? "" };
}

/** A namespace's init becomes a zombie only after every other process of it is gone. */
export function isOver({ pid, startTicks }: Pick<Seen, "pid" | "startTicks">): boolean {
  const now = look(pid);
  return now === undefined || now.startTicks !== startTicks || now.state === "Z" || now.state === "X";
}

/** Every process in the PID namespace of that init. */
export function membersOf(init: number): number[] {
  const namespace = namespaceOf(init);
  if (namespace === undefined) return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => namespaceOf(pid) === namespace);
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // gone
  }
}
