import { readlinkSync } from "node:fs";
import { isGone, readMachineIdentity, readProcess } from "@holdfast/effects";

/** The process that an ephemeral record or a place in a queue ends with. */
export interface Owner {
  readonly pid: number;
  readonly startTicks: string;
  /** `pid:[4026531836]`: process numbers mean something only inside their namespace. */
  readonly pidNamespace: string;
  readonly bootId: string;
}

export function isOwner(value: unknown): value is Owner {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTicks, pidNamespace, bootId } = value as Record<string, unknown>;
  return (
    typeof pid === "number" &&
    typeof startTicks === "string" &&
    typeof pidNamespace === "string" &&
    typeof bootId === "string"
  );
}

/** This process. Reads /proc only, which never hangs. */
export function readOwnIdentity(): Owner {
  return {
    pid: process.pid,
    startTicks: readProcess(process.pid)?.startTicks ?? "",
    pidNamespace: readlinkSync("/proc/self/ns/pid"),
    bootId: readMachineIdentity().bootId,
  };
}

/**
 * Whether the owner's process has ended. `unknown`: it lived in another PID namespace of this boot (another
 * container), whose numbers mean nothing here. A hint in either case; it authorises nothing (lease rule 8).
 */
export function judgeOwner(owner: Owner, self: Owner): "alive" | "gone" | "unknown" {
  if (owner.bootId !== self.bootId) return owner.bootId === "" || self.bootId === "" ? "unknown" : "gone";
  if (owner.pidNamespace !== self.pidNamespace) return "unknown";
  return isGone(owner) ? "gone" : "alive";
}
