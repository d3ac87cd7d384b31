import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Which kernel this is: what a lease record says beside the agent's name, since names may repeat. */
export interface MachineIdentity {
  readonly machineId: string;
  /** New at every boot. Another boot id of the same machine proves that nothing of before is alive. */
  readonly bootId: string;
  readonly host: string;
}

/** Reads local, never-hanging files only; called once at start. Missing ids are empty strings (minimal containers). */
export function readMachineIdentity(): MachineIdentity {
  return {
    machineId: readIfThere("/etc/machine-id"),
    bootId: readIfThere("/proc/sys/kernel/random/boot_id"),
    host: hostname(),
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EACCES")) return "";
    throw error;
  }
}
