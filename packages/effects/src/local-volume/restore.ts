import { randomUUID } from "node:crypto";
import {
  type DataLossReceipt,
  type Grant,
  HoldfastError,
  type Op,
  VOLUME_MARK_DIRECTORY,
  type Volume,
  volumeMarkFormat,
} from "@holdfast/core";
import { type LocalDirectory, verifyDirectory } from "./directory.js";
import { type RestoreMarker, readRestoreMarker, writeRestoreMarker } from "./restore-marker.js";
import type { RestoreSource } from "./restore-source.js";

/** Throwing away what a dead run had copied. */
const EMPTY_MS = 600_000;
const RENAME_MS = 5_000;
const SYNC_MS = 600_000;
/** Beside the data's place, on the same file system, so that a rename makes a whole copy the data. */
const SCRATCH = "data.restoring";
const MARK_BYTES_MAX = 32 * 1024;

export interface LocalRestore {
  readonly local: LocalDirectory;
  /** The service file permits it: a confirmation given beforehand. */
  readonly permitted: boolean;
  /** In the words of the source. */
  readonly from: string;
  readonly grant: Grant;
  readonly source: RestoreSource | null;
}

/**
 * Fills an empty volume from a backup, in an order in which a crash at any point leaves either nothing that could be
 * taken for a data set, or a whole one: marker, scratch, copy, sync, "whole", rename, mark, "done". A volume without a
 * mark is refused everywhere, and the mark is written when the copy is in its place.
 * @throws `DENIED`: the service file does not permit it. `UNSUPPORTED`: no source. `RESTORE_FAILED`: there is data in its
 *   place, or the source cannot; nothing was changed but the scratch.
 */
export async function restoreLocalVolume(
  op: Op,
  volume: Volume,
  { local, permitted, from, grant, source }: LocalRestore,
): Promise<DataLossReceipt> {
  if (!permitted) {
    throw new HoldfastError("DENIED", `The service file does not permit a restore of ${volume.service} at start.`, {
      hint: "Set onAgentLoss: restore-elsewhere, if losing what is newer than the backup is acceptable.",
    });
  }
  if (source === null) {
    throw new HoldfastError("UNSUPPORTED", "This program has no source of backups to restore from.", {
      hint: "Bring the agent with the data back, or restore by hand into an empty directory and mark it with holdfast volume init --adopt.",
    });
  }
  if (!(await verifyDirectory(op, local)).mounted) {
    throw new HoldfastError("NOT_FOUND", `The volume ${local.mountPath} is not mounted.`, {
      hint: "Call mount first.",
    });
  }
  const root = local.mountPath;
  const before = await readRestoreMarker(op, root);
  if (before !== null && before.state !== "copying" && before.receipt !== null)
    return finish(op, volume, root, before, before.receipt);
  await refuseData(op, root, before);
  const marker: RestoreMarker = {
    v: 1,
    state: "copying",
    from,
    run: grant.run,
    epoch: grant.epoch,
    volumeId: before?.volumeId ?? randomUUID(),
    at: op.clock.wallTime(),
    receipt: null,
  };
  await writeRestoreMarker(op, root, marker);
  const receipt = await copy(op, volume, { root, from, grant, source });
  const whole: RestoreMarker = { ...marker, state: "whole", receipt };
  await writeRestoreMarker(op, root, whole);
  return finish(op, volume, root, whole, receipt);
}

/** Nothing may lie there but what a file system brings and what an earlier restore left. */
async function refuseData(op: Op, root: string, before: RestoreMarker | null): Promise<void> {
  const own = [VOLUME_MARK_DIRECTORY, ...(before === null ? [] : [SCRATCH])];
  const names = ((await op.files.list(root)) ?? []).filter((name) => name !== "lost+found" && !own.includes(name));
  const marked =
    (await op.files.read(`${root}/${VOLUME_MARK_DIRECTORY}/volume.json`, { bytesMax: MARK_BYTES_MAX })) !== undefined;
  if (names.length === 0 && !marked) return;
  const what = marked ? "a marked volume" : `data (${names.slice(0, 3).join(", ")})`;
  throw new HoldfastError("RESTORE_FAILED", `There is ${what} in ${root}, where a restore was asked for.`, {
    hint: "Nothing is restored over data, and nothing was changed. Look whose it is, and move it away.",
    detail: { names: names.slice(0, 20), marked },
  });
}

async function copy(
  op: Op,
  { service, role }: Volume,
  { root, from, grant, source }: { root: string; from: string; grant: Grant; source: RestoreSource },
): Promise<DataLossReceipt> {
  const into = `${root}/${SCRATCH}`;
  await op.exec("rm", ["-rf", "--one-file-system", "--", into], { timeoutMs: EMPTY_MS });
  await op.files.makeDirectory(into, { mode: 0o750 });
  grant.signal.throwIfAborted();
  const copied = await source.restore(op, { service, role, from, into }).catch((error: unknown) => {
    throw new HoldfastError("RESTORE_FAILED", `${service} could not be restored from ${from}: ${messageOf(error)}`, {
      hint: "The scratch is worth nothing and is thrown away by the next attempt; nothing else was changed.",
      cause: error,
    });
  });
  grant.signal.throwIfAborted();
  if (((await op.files.list(into)) ?? []).length === 0) {
    throw new HoldfastError("RESTORE_FAILED", `The backup ${copied.from} of ${service} put nothing into ${into}.`, {
      hint: "A data set of nothing is not started on. Look at the backup.",
    });
  }
  await op.volumes.sync(root, { timeoutMs: SYNC_MS });
  return {
    epoch: grant.epoch,
    reason: `the agent with the data was lost; started on ${grant.agent} from a backup`,
    lossMsMax: copied.lossMsMax,
    from: copied.from,
    at: op.clock.wallTime(),
  };
}

/** Idempotent: a crash between any two of these steps is followed by the same steps. */
async function finish(
  op: Op,
  volume: Volume,
  root: string,
  marker: RestoreMarker,
  receipt: DataLossReceipt,
): Promise<DataLossReceipt> {
  if (marker.state === "done") return receipt;
  const names = (await op.files.list(root)) ?? [];
  if (names.includes(SCRATCH)) {
    await op.exec("mv", ["--no-target-directory", "--", `${root}/${SCRATCH}`, `${root}/data`], {
      timeoutMs: RENAME_MS,
    });
  } else if (!names.includes("data")) {
    throw new HoldfastError("RESTORE_FAILED", `The copy that was restored into ${root} is gone.`, {
      hint: `Somebody removed it. To restore once more, remove ${root}/${VOLUME_MARK_DIRECTORY}/restore.json.`,
    });
  }
  const mark = {
    v: 1,
    volumeId: marker.volumeId,
    service: volume.service,
    layout: "data",
    createdAt: marker.at,
    role: volume.role,
  } as const;
  await op.files.replace(`${root}/${VOLUME_MARK_DIRECTORY}/volume.json`, volumeMarkFormat.serialize(mark));
  await op.volumes.sync(root, { timeoutMs: SYNC_MS });
  await writeRestoreMarker(op, root, { ...marker, state: "done" });
  return receipt;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
