import {
  type CheckResult,
  type CutResult,
  type Grant,
  HoldfastError,
  isLocalFsType,
  mountOf,
  type Op,
  type VolumeEvidence,
  type VolumeMetrics,
} from "@holdfast/core";

/** A directory of this machine that holds a volume. Storage strategies over an agent's own disk share what is done with it. */
export interface LocalDirectory {
  /** Where the data lies on the agent. */
  readonly path: string;
  /** Where the application sees it. */
  readonly mountPath: string;
  /** The two differ: `path` is bound to `mountPath`, in the run's own mount namespace. */
  readonly bound: boolean;
}

/** A local disk answers in milliseconds; one that takes longer than this is broken. */
const LOOK_MS = 5_000;
const COMMAND_MS = 5_000;
/** umount(8): whatever it was that failed. */
const UMOUNT_FAILED = 32;
/** Writing back what a stopped database left in memory. */
const SYNC_MS = 20_000;

/** The disk is there, it is local, and no later run has used it. */
export async function prepareDirectory(op: Op, { path }: LocalDirectory, grant: Grant): Promise<void> {
  const seen = await requireDirectory(op, path);
  if (!isLocalFsType(seen.fsType)) {
    throw new HoldfastError(
      "INCOMPATIBLE",
      `${path} lies on ${seen.source}, a ${seen.fsType}, and not on a local disk.`,
      {
        hint: "Other machines may write there too, which this strategy does not guard against. Use shared-fs or distributed-fs.",
      },
    );
  }
  refuseStale(seen, grant);
}

function refuseStale(seen: VolumeEvidence, grant: Grant): void {
  if (seen.epoch === null || seen.epoch <= grant.epoch) return;
  throw new HoldfastError(
    "STALE_EPOCH",
    `${seen.path} has been used under epoch ${seen.epoch}; this grant has ${grant.epoch}.`,
    { hint: "Stop; a later run has had this volume.", detail: { epoch: seen.epoch } },
  );
}

export async function checkDirectory(op: Op, { path }: LocalDirectory): Promise<CheckResult> {
  const seen = await requireDirectory(op, path);
  if (!seen.readOnly) return { state: "clean", safeToRepair: true, findings: [], command: null };
  return {
    state: "needs-repair",
    safeToRepair: false,
    findings: [
      `${path} is mounted read-only; its file system (${seen.fsType} on ${seen.source}) may have seen an error`,
    ],
    command: `umount ${seen.source} && fsck ${seen.source}`,
  };
}

/** Binds the data's directory to the mount path; in the run's own mount namespace nobody else sees it. */
export async function bindDirectory(op: Op, local: LocalDirectory, grant: Grant): Promise<void> {
  if (!local.bound) return;
  refuseStale(await requireDirectory(op, local.path), grant);
  if (await isBound(op, local)) return;
  const covered = (await op.mounts()).find(({ mountPoint }) => mountPoint === local.mountPath);
  if (covered !== undefined) {
    throw new HoldfastError(
      "IDENTITY_MISMATCH",
      `Something else is mounted on ${local.mountPath} already: ${covered.source}, a ${covered.fsType}.`,
      { hint: "Unmount it, or choose another mountPath." },
    );
  }
  await op.files.makeDirectory(local.mountPath);
  await op.exec("mount", ["--bind", "--", local.path, local.mountPath], { timeoutMs: COMMAND_MS });
}

export async function verifyDirectory(op: Op, local: LocalDirectory): Promise<VolumeEvidence> {
  const seen = await op.volumes.look(local.mountPath, { timeoutMs: LOOK_MS });
  // What lies under the mount point is not the volume.
  const mounted = seen.mounted && (!local.bound || (await isBound(op, local)));
  return { ...seen, mounted, locking: "local-only" };
}

export async function unbindDirectory(op: Op, local: LocalDirectory): Promise<void> {
  const { mounted } = await op.volumes.look(local.path, { timeoutMs: LOOK_MS });
  if (!mounted) return;
  await op.volumes.sync(local.path, { timeoutMs: SYNC_MS });
  if (!local.bound || !(await isBound(op, local))) return;
  const { exitCode, stderr } = await op.exec("umount", ["--", local.mountPath], {
    timeoutMs: COMMAND_MS,
    okExitCodes: [0, UMOUNT_FAILED],
  });
  if (exitCode === 0 || !(await isBound(op, local))) return;
  throw new HoldfastError("BUSY", `${local.mountPath} cannot be unmounted: ${stderr.trim()}`, {
    hint: "A process of the run still uses it; call again when it has ended.",
    retryable: true,
  });
}

/** The tree is gone, and with it everything that could write to a disk of this machine. */
export async function cutDirectory(op: Op, { path }: LocalDirectory): Promise<CutResult> {
  const mount = mountOf(await op.mounts(), path);
  if (mount === undefined || !isLocalFsType(mount.fsType)) {
    return {
      kind: "incomplete",
      needsFence: `${path} lies on ${mount?.fsType ?? "nothing that is mounted"}, not on a local disk`,
    };
  }
  return {
    kind: "cut",
    evidence: `${path} is ${mount.fsType} on ${mount.source}, to which only this kernel writes, and the tree is gone`,
  };
}

export async function measureDirectory(op: Op, { path }: LocalDirectory): Promise<VolumeMetrics> {
  const usage = await op.volumes.usage(path, { timeoutMs: LOOK_MS });
  return { ...usage, detail: { spareMiB: Math.floor(usage.spaceFreeBytes / (1024 * 1024)) } };
}

async function requireDirectory(op: Op, path: string): Promise<VolumeEvidence> {
  const seen = await op.volumes.look(path, { timeoutMs: LOOK_MS });
  if (seen.mounted) return seen;
  throw new HoldfastError("NOT_FOUND", `There is no directory ${path} on this agent.`, {
    hint: "Mount the disk, or make the directory; it is not made here, because a disk that is not mounted looks the same.",
  });
}

/** Whether the mount path shows the data's directory: the same inode under both names, links not followed. */
async function isBound(op: Op, { path, mountPath }: LocalDirectory): Promise<boolean> {
  const arguments_ = ["--format=%d:%i %F", "--", path, mountPath];
  const { exitCode, stdout } = await op.exec("stat", arguments_, { timeoutMs: COMMAND_MS, okExitCodes: [0, 1] });
  const [data, mounted] = stdout.trim().split("\n");
  return exitCode === 0 && data !== undefined && data === mounted && data.endsWith(" directory");
}
