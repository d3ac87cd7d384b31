import { HoldfastError, type MountEntry, mountOf } from "@holdfast/core";
import { parseMarathonVolumeId } from "../operator/names.js";
import type { MesosVolume } from "../options.js";

/** What the mount table says about the volume that Mesos shows at the mount path. */
export type ShownVolume =
  | { readonly kind: "shown"; readonly persistenceId: string | null }
  | { readonly kind: "absent"; readonly found: string }
  | { readonly kind: "another"; readonly found: string };

/** Below a work directory or a disk of type PATH (paths.cpp); slashes of the role are spaces there. */
const PERSISTENT = /(?:^|\/)volumes\/roles\/([^/]+)\/([^/]+)$/;

/**
 * Pure: Mesos binds the volume's directory, so that the mount's root is that directory and names role and id; a disk of type
 * MOUNT is a mount of its own and names nothing. A directory that merely exists at the mount path is not the volume: what
 * is written there is gone with the sandbox, or lies beside it.
 */
export function shownAt(mounts: readonly MountEntry[], mesos: MesosVolume): ShownVolume {
  const { mountPath, options, name } = mesos;
  const mount = mountOf(mounts, mountPath);
  if (mount === undefined) return { kind: "absent", found: "nothing that is mounted" };
  const found = `${mount.root} of ${mount.source} (${mount.fsType})`;
  if (mount.mountPoint !== mountPath) return { kind: "absent", found: `a directory on ${found}` };
  if (options.disk === "mount") return { kind: "shown", persistenceId: null };
  const match = PERSISTENT.exec(mount.root);
  if (match?.[1] === undefined || match[2] === undefined) return { kind: "absent", found };
  const [, role, persistenceId] = match;
  const otherRole = options.mesosRole !== undefined && role !== options.mesosRole.replaceAll("/", " ");
  const marathon = options.through === "marathon" ? parseMarathonVolumeId(persistenceId) : undefined;
  const otherName = marathon !== undefined && marathon.name !== name;
  return otherRole || otherName ? { kind: "another", found } : { kind: "shown", persistenceId };
}

/** @throws `NOT_FOUND`, `IDENTITY_MISMATCH`. Nothing was changed. */
export function requireShown(shown: ShownVolume, { mountPath, name }: MesosVolume): void {
  switch (shown.kind) {
    case "shown":
      return;
    case "absent":
      throw new HoldfastError(
        "NOT_FOUND",
        `Mesos shows no persistent volume at ${mountPath}; there is ${shown.found}.`,
        {
          hint: "The agent needs filesystem/linux in --isolation, and the definition the volume at mountPath. Or set view: sandbox, then the run binds it there.",
          detail: { found: shown.found },
        },
      );
    case "another":
      throw new HoldfastError(
        "IDENTITY_MISMATCH",
        `Another volume than ${name} is mounted at ${mountPath}: ${shown.found}.`,
        {
          hint: "Compare the definition's volumes with the service file. Nothing was started.",
          detail: { found: shown.found },
        },
      );
    default:
      shown satisfies never;
  }
}
