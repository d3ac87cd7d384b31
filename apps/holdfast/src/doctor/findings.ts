import { isLocalFsType, type StorageFinding } from "@holdfast/core";
import type { VolumeLook } from "@holdfast/effects";
import type { ClaimHolder } from "./claim.js";
import { fileSystemKind } from "./file-systems.js";
import type { Usage } from "./observation.js";

const LOW = 0.05;

type Severity = StorageFinding["severity"];

function finding(severity: Severity, code: string, message: string, fix: string): StorageFinding {
  return { severity, code, message, fix };
}

/** Pure: what speaks against a volume on this mount. */
export function mountFindings({ evidence, mount, realPath }: VolumeLook): StorageFinding[] {
  const { path, fsType, source } = evidence;
  const options = [...(mount?.options ?? []), ...(mount?.superOptions ?? [])];
  const on = `${path} (${fsType} on ${source})`;
  const found: StorageFinding[] = [];
  if (evidence.readOnly) {
    found.push(
      finding("error", "READ_ONLY", `${on} is mounted read-only.`, "See the kernel log; ext4 does so after an error."),
    );
  }
  const kind = fileSystemKind(fsType, source);
  if (kind.grade === "none") {
    found.push(finding("error", "VOLATILE", `${on} lies in memory.`, "Put the data on a disk."));
  }
  if (fsType === "overlay") {
    const message = `${path} lies in the container's own layer, which goes away with the container.`;
    found.push(finding("warning", "CONTAINER_LAYER", message, "Give the container a directory of the host there."));
  }
  if (mount !== undefined && mount.mountPoint !== realPath) {
    const message = `${path} is a directory on ${mount.mountPoint}; when a disk should be mounted there and is not, nobody notices.`;
    const fix = "Mount the volume at the path itself and give --volume-must-be-mounted, if it is meant to be a mount.";
    found.push(finding("info", "NOT_A_MOUNT", message, fix));
  }
  return [...found, ...optionFindings(fsType, options, on)];
}

function optionFindings(fsType: string, options: readonly string[], on: string): StorageFinding[] {
  const found: StorageFinding[] = [];
  const has = (...names: readonly string[]) => options.find((option) => names.includes(option));
  const barrier = has("nobarrier", "barrier=0");
  if (barrier !== undefined) {
    const message = `${on} has ${barrier}: what was acknowledged is lost when the power fails.`;
    found.push(finding("error", "NO_BARRIERS", message, `Mount it without ${barrier}.`));
  }
  if (fsType === "nfs" || fsType === "nfs4") {
    // nfs(5): "can cause silent data corruption in certain cases".
    if (has("soft") !== undefined) {
      const message = `${on} is a soft mount: a slow server makes writes fail that the application believes done.`;
      found.push(finding("error", "SOFT_MOUNT", message, "Mount it hard."));
    }
    const local = has("nolock", "local_lock=all", "local_lock=flock");
    if (local !== undefined) {
      const message = `${on} has ${local}: the claim is not seen by other machines.`;
      found.push(finding("warning", "LOCAL_LOCKS", message, `Mount it without ${local}.`));
    }
  }
  if (!isLocalFsType(fsType)) {
    const message = `${on}: a run that is cut off from the server ends in time, but what it wrote may arrive later.`;
    found.push(
      finding(
        "info",
        "LATE_WRITES",
        message,
        "Use a storage strategy, which cuts or fences what is left; see `grade`.",
      ),
    );
  }
  return found;
}

/** Pure: is there room to write, and to mark? */
export function spaceFindings(path: string, usage: Usage | null): StorageFinding[] {
  if (usage === null) return [];
  const { spaceBytes, spaceFreeBytes, inodesFree } = usage;
  if (spaceFreeBytes === 0)
    return [finding("error", "FULL", `${path} is full.`, "Make room; a run needs to write there.")];
  if (inodesFree === 0)
    return [finding("error", "FULL", `${path} has no inode left.`, "Remove files; a run needs to make some.")];
  if (spaceFreeBytes >= spaceBytes * LOW) return [];
  const percent = ((spaceFreeBytes / spaceBytes) * 100).toFixed(1);
  return [finding("warning", "NEARLY_FULL", `${path} has ${percent} % left.`, "Make room before it is full.")];
}

/** Pure: whose it is, and whether that is whose it should be. */
export function markFindings({ evidence, claimFile }: VolumeLook, service: string | null): StorageFinding[] {
  const { path, mark, empty } = evidence;
  if (mark === null) {
    const name = service ?? "NAME";
    if (empty) {
      const fix = `If this is the right place: holdfast volume init ${path} --service ${name}`;
      return [finding("info", "NOT_MARKED", `${path} is empty and carries no volume mark.`, fix)];
    }
    const fix = `If this is the service's data: holdfast volume init ${path} --service ${name} --adopt`;
    return [finding("warning", "NOT_MARKED", `${path} holds data and carries no volume mark.`, fix)];
  }
  if (service !== null && mark.service !== service) {
    const message = `${path} belongs to service ${mark.service}, not to ${service}.`;
    return [
      finding("error", "IDENTITY_MISMATCH", message, "Mount the right volume, or correct the name of the service."),
    ];
  }
  if (claimFile === "present") return [];
  const fix = `holdfast volume init ${path} --service ${mark.service} makes it again.`;
  return [finding("warning", "NO_CLAIM_FILE", `${path} is marked, but has no claim file.`, fix)];
}

/** Pure: a run that has it now is no fault, and the reason why another would wait. */
export function claimFindings(path: string, claim: ClaimHolder | null): StorageFinding[] {
  if (claim === null) return [];
  const who = claim.pid === null ? "a process" : `process ${claim.pid}`;
  const fix = "A run that starts now waits for it. When nothing should run: find and end that process.";
  return [finding("info", "CLAIMED", `The claim on ${path} is held by ${who} on this machine.`, fix)];
}
