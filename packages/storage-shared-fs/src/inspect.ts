import type { MountEntry, StorageFinding } from "@holdfast/core";
import { judgeMount } from "./mount/judge-mount.js";
import type { SharedFsOptions } from "./options.js";

/** Pure: what `doctor` says of the mount on this agent. One that is not there is none of its business, unless an operator keeps it. */
export function inspectMount(
  mounts: readonly MountEntry[],
  mountPath: string,
  options: SharedFsOptions,
): StorageFinding[] {
  const verdict = judgeMount(mounts, mountPath, options);
  if (verdict.kind === "absent") {
    if (options.mount !== "operator") return [];
    const message = `${options.source} is not mounted at ${mountPath} on this agent`;
    return [{ code: "NOT_MOUNTED", severity: "error", message, fix: "Mount it, on every agent at the same path." }];
  }
  if (verdict.kind === "wrong") {
    return [{ code: verdict.code, severity: "error", message: verdict.message, fix: verdict.hint }];
  }
  const findings: StorageFinding[] = verdict.unsafe.map((message) => ({
    code: "MOUNT_UNSAFE",
    severity: "error",
    message: `${mountPath} is mounted with ${message}`,
    fix: "See the mount options in the README of @holdfast/storage-shared-fs.",
  }));
  if (verdict.locking !== "cross-agent") {
    findings.push({
      code: "LOCKING",
      severity: "warning",
      message: `flock on ${mountPath} is ${verdict.locking === "local-only" ? "not seen" : "not known to be seen"} by other agents`,
      fix: "The claim then protects against a second run on this agent only; the lease and the fence do not need it.",
    });
  }
  return findings;
}
