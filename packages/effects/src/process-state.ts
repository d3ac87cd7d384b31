import { readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTicks: string;
}

/** Undefined when there is no such process. /proc never blocks. */
export function readProcess(
  pid: number,
): (ProcessIdentity & { readonly state: string; readonly ppid: number }) | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
  // The command's name is in parentheses and may itself contain blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { pid, state: fields[0] ?? "?", ppid: Number(fields[1]), startTicks: fields[19] ?? "" };
}

/**
 * Whether nothing of that process runs any more. A namespace's init becomes a zombie only after every other
 * process of the namespace is gone, so for an init this speaks for the whole tree.
 */
export function isGone(identity: ProcessIdentity): boolean {
  const now = readProcess(identity.pid);
  return now === undefined || now.startTicks !== identity.startTicks || now.state === "Z" || now.state === "X";
}
