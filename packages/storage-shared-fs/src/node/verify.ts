import { HoldfastError, type Op, type Volume, type VolumeEvidence } from "@holdfast/core";
import { explainVolumeFailure } from "../mount/explain-failure.js";
import type { SharedFsOptions } from "../options.js";
import { lookAtMount, requireMount } from "./mount.js";

/** The mount itself first, from mountinfo, which answers when the server does not; then what lies on it. */
export async function verifyVolume(op: Op, volume: Volume, options: SharedFsOptions): Promise<VolumeEvidence> {
  const verdict = await lookAtMount(op, volume, options);
  if (verdict.kind !== "absent") await requireMount(op, volume, options);
  const limit = { timeoutMs: options.lookTimeoutMs };
  try {
    const seen = await op.volumes.look(volume.mountPath, limit);
    if (verdict.kind !== "right") return { ...seen, mounted: false };
    if (seen.mark !== null) await op.volumes.probe(volume.mountPath, limit);
    await warnOfSquash(op, volume, options, seen);
    return { ...seen, locking: verdict.locking };
  } catch (error) {
    throw explainVolumeFailure(error, options.source);
  }
}

/** A squashed root may still write where the anonymous user may; it cannot give files to the application's user. */
async function warnOfSquash(op: Op, volume: Volume, options: SharedFsOptions, seen: VolumeEvidence): Promise<void> {
  if (seen.mark === null || process.geteuid?.() !== 0) return;
  const probe = `${volume.mountPath}/.holdfast/probe`;
  const { stdout } = await op.exec("stat", ["--format=%u", probe], { timeoutMs: options.lookTimeoutMs });
  if (stdout.trim() === "0") return;
  op.logger.log("warn", `${options.source} squashes root: what root writes belongs to user ${stdout.trim()}`, {
    hint: "Export it no_root_squash (exports(5)), or run the service as that user.",
  });
}

/** Before anything is mounted by us there is nothing to check; an operator's mount must be right, and answer. */
export async function checkVolume(op: Op, volume: Volume, options: SharedFsOptions): Promise<void> {
  if (options.mount !== "operator") return;
  await requireMount(op, volume, options);
  try {
    const seen = await op.volumes.look(volume.mountPath, { timeoutMs: options.lookTimeoutMs });
    if (!seen.mounted) {
      throw new HoldfastError("VOLUME_MISSING", `${volume.mountPath} is not there.`, {
        hint: "Mount it on this agent.",
      });
    }
  } catch (error) {
    throw explainVolumeFailure(error, options.source);
  }
}
