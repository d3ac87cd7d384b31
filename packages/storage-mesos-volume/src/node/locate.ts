import { HoldfastError, type Op } from "@holdfast/core";
import type { LocalDirectory } from "@holdfast/effects";
import { directoryOf, type MesosVolume } from "../options.js";

const LOOK_MS = 5_000;

/**
 * Where the agent has the volume. In the sandbox it is a directory with `filesystem/linux` and a link without (which is
 * Mesos's own, so that it is followed).
 * @throws `NOT_FOUND`: no sandbox, so that there is nowhere to look.
 */
export async function locate(op: Op, mesos: MesosVolume, sandbox: string | null): Promise<LocalDirectory> {
  if (!mesos.bound) return directoryOf(mesos, mesos.mountPath);
  const named = nameOf(mesos, sandbox);
  const { exitCode, stdout } = await op.exec("realpath", ["--canonicalize-existing", "--", named], {
    timeoutMs: LOOK_MS,
    okExitCodes: [0, 1],
  });
  // What is not there is told by the look at it.
  return directoryOf(mesos, exitCode === 0 ? stdout.replace(/\n$/, "") : named);
}

/** Whether there is anywhere to look for it. */
export function hasPlace({ bound, options }: MesosVolume, sandbox: string | null): boolean {
  return !bound || options.path !== undefined || sandbox !== null;
}

/** The same without a look: for a cut, which must not wait for a disk. */
export function nameOf({ options, name }: MesosVolume, sandbox: string | null): string {
  if (options.path !== undefined) return options.path;
  if (sandbox !== null) return `${sandbox}/${name}`;
  throw new HoldfastError("NOT_FOUND", "MESOS_SANDBOX is not set, so that there is no sandbox to find the volume in.", {
    hint: "Run it as a task of Mesos, or set options.path to the volume's directory on the agent.",
  });
}
