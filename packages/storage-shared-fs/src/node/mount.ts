import { HoldfastError, hasCode, type MountEntry, type Op, type Volume } from "@holdfast/core";
import { explainMountFailure } from "../mount/explain-failure.js";
import { judgeMount, type MountVerdict } from "../mount/judge-mount.js";
import { mountCommand } from "../mount/mount-options.js";
import type { SharedFsOptions } from "../options.js";
import { noteMounted } from "./mounted.js";

export async function lookAtMount(op: Op, volume: Volume, options: SharedFsOptions): Promise<MountVerdict> {
  return judgeMount(await op.mounts(), volume.mountPath, options);
}

/** @throws what is wrong with the mount; resolves to it when it is right. */
export async function requireMount(
  op: Op,
  volume: Volume,
  options: SharedFsOptions,
): Promise<Extract<MountVerdict, { kind: "right" }>> {
  const verdict = await lookAtMount(op, volume, options);
  switch (verdict.kind) {
    case "right":
      if (verdict.unsafe.length > 0) {
        throw new HoldfastError("INCOMPATIBLE", `${volume.mountPath} is mounted with ${verdict.unsafe.join("; ")}.`, {
          hint: "Mount it hard, over TCP, with version 4.1 or newer (nfs(5)).",
        });
      }
      return verdict;
    case "absent":
      throw new HoldfastError("VOLUME_MISSING", `Nothing is mounted at ${volume.mountPath}.`, {
        hint:
          options.mount === "operator"
            ? `Mount ${options.source} there on this agent. Nothing was written.`
            : "It is mounted once the run has won the lease. Nothing was written.",
      });
    case "wrong":
      throw new HoldfastError(verdict.code, verdict.message, { hint: verdict.hint });
  }
}

export async function mountVolume(op: Op, volume: Volume, options: SharedFsOptions): Promise<void> {
  if (options.mount === "operator") {
    await requireMount(op, volume, options);
    return;
  }
  const before = await lookAtMount(op, volume, options);
  if (before.kind === "wrong") throw new HoldfastError(before.code, before.message, { hint: before.hint });
  if (before.kind === "absent") {
    await op.files.makeDirectory(volume.mountPath);
    const [command, ...args] = mountCommand(options, volume.mountPath);
    try {
      await op.exec(command, args, { timeoutMs: options.mountTimeoutMs });
    } catch (error) {
      throw explainMountFailure(error, options.source);
    }
  }
  const { mount } = await requireMount(op, volume, options);
  await noteMounted(op, volume, { device: mount.device, source: options.source, address: addressOf(mount) });
}

function addressOf(mount: MountEntry): string | null {
  return mount.superOptions.find((option) => option.startsWith("addr="))?.slice("addr=".length) ?? null;
}

/** Written back first, and only then unmounted: `umount` of a dead server would wait for ever. */
export async function unmountVolume(op: Op, volume: Volume, options: SharedFsOptions): Promise<void> {
  const verdict = await lookAtMount(op, volume, options);
  if (verdict.kind !== "right") return;
  await op.volumes.sync(volume.mountPath, { timeoutMs: options.unmountTimeoutMs });
  if (options.mount === "operator") return;
  try {
    await op.exec("umount", [volume.mountPath], { timeoutMs: options.unmountTimeoutMs });
  } catch (error) {
    if (hasCode(error, "UNKNOWN_OUTCOME")) {
      throw new HoldfastError("VOLUME_HUNG", `${volume.mountPath} does not unmount: the server does not answer.`, {
        hint: "Its data counts as under way until this agent is fenced at the server.",
        retryable: true,
        cause: error,
      });
    }
    if (hasCode(error, "INTERNAL") && error instanceof Error && /busy/.test(String((error as HoldfastError).hint))) {
      throw new HoldfastError("BUSY", `A process still uses ${volume.mountPath}.`, {
        hint: "End it; see fuser -m.",
        retryable: true,
        cause: error,
      });
    }
    throw error;
  }
}
