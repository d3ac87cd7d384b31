import { type ErrorCode, isReadOnly, type MountEntry, type VolumeEvidence } from "@holdfast/core";
import type { SharedFsOptions } from "../options.js";
import { sameSource } from "./source.js";

export type MountVerdict =
  | { readonly kind: "absent" }
  | { readonly kind: "wrong"; readonly code: ErrorCode; readonly message: string; readonly hint: string }
  | {
      readonly kind: "right";
      readonly mount: MountEntry;
      readonly locking: VolumeEvidence["locking"];
      /** Of an operator's mount: options with which the promise does not hold, each with what it does. */
      readonly unsafe: readonly string[];
    };

/** Pure: what lies at the mount path, judged from mountinfo alone, which no dead server can hold up. */
export function judgeMount(
  mounts: readonly MountEntry[],
  mountPath: string,
  options: Pick<SharedFsOptions, "type" | "source" | "crossAgentLocks">,
): MountVerdict {
  // The last one covers the others.
  const mount = mounts.filter((entry) => entry.mountPoint === mountPath).at(-1);
  if (mount === undefined) return { kind: "absent" };
  const isNfs = mount.fsType === "nfs" || mount.fsType === "nfs4";
  if (options.type !== "posix" && !isNfs) {
    return wrong("IDENTITY_MISMATCH", mountPath, `a ${mount.fsType} file system (${mount.source})`, options.source);
  }
  if (!sameSource(mount.source, options.source)) {
    return wrong("IDENTITY_MISMATCH", mountPath, mount.source, options.source);
  }
  const version = mount.superOptions.find((option) => option.startsWith("vers="))?.slice("vers=".length) ?? "";
  if (isNfs && options.type !== "posix" && version.startsWith("3") !== (options.type === "nfs3")) {
    return wrong("INCOMPATIBLE", mountPath, `NFS version ${version}`, options.type);
  }
  if (isReadOnly(mount)) {
    return {
      kind: "wrong",
      code: "VOLUME_READ_ONLY",
      message: `${options.source} is mounted read-only at ${mountPath}.`,
      hint: "Mount it writable; see the options of the export and of the mount.",
    };
  }
  return { kind: "right", mount, locking: lockingOf(mount, options), unsafe: isNfs ? unsafeOptions(mount) : [] };
}

function wrong(code: ErrorCode, mountPath: string, seen: string, expected: string): MountVerdict {
  return {
    kind: "wrong",
    code,
    message: `At ${mountPath} is ${seen} mounted, and not ${expected}.`,
    hint: "Unmount it, or correct the volume's mountPath or source. Nothing was written.",
  };
}

/** Where flock(2) is decided: nfs(5), `local_lock` and `nolock`; version 3 shows `nolock` as `local_lock=all`. */
function lockingOf(
  mount: MountEntry,
  options: Pick<SharedFsOptions, "type" | "crossAgentLocks">,
): VolumeEvidence["locking"] {
  if (mount.fsType !== "nfs" && mount.fsType !== "nfs4") return options.crossAgentLocks ? "cross-agent" : "unknown";
  const local = mount.superOptions.find((option) => option.startsWith("local_lock="))?.slice("local_lock=".length);
  if (local === "all" || local === "flock") return "local-only";
  return local === "none" && mount.fsType === "nfs4" ? "cross-agent" : "unknown";
}

function unsafeOptions(mount: MountEntry): string[] {
  const has = (option: string) => mount.superOptions.includes(option);
  const unsafe: string[] = [];
  if (has("soft") || has("softerr")) unsafe.push("soft: a write may fail that the application believes to be done");
  if (has("vers=4.0")) unsafe.push("vers=4.0: no sessions, a repeated write may land twice");
  if (has("proto=udp")) unsafe.push("proto=udp: a repeated write may land twice");
  return unsafe;
}
