import { type Op, VOLUME_MARK_DIRECTORY, type VolumeEvidence } from "@holdfast/core";
import type { Bound } from "../volume.js";
import { startClient, stopClient } from "./client.js";

const LOCK_FILE = `${VOLUME_MARK_DIRECTORY}/lock-probe`;
/** flock(1)'s own exit codes are below; a conflict must not be mistaken for an error. */
const REFUSED = 99;
/** Says that it has the lock; a process that outlives this one lets go by itself. */
const HOLD = "echo held; exec sleep 30";
const POLL_MS = 20;
const STOP_MS = 2_000;

/**
 * Takes a flock through the mount and asks for the same one through a second client that knows nothing of the first: only the servers
 * can refuse it. Nothing else proves that the claim means anything to another agent.
 */
export async function probeLocking(op: Op, bound: Bound, look: VolumeEvidence): Promise<VolumeEvidence["locking"]> {
  const { volume } = bound;
  // Nothing is written on a volume that nobody has marked as one.
  if (volume.options.lockProbe === "off" || !look.mounted || look.mark === null || look.readOnly) return "unknown";
  const name = `${volume.service}-${volume.role}-probe-${op.id.slice(0, 8)}`;
  const mountPath = `${op.workDirectory}/${name}`;
  await op.files.makeDirectory(mountPath);
  try {
    const client = await startClient(op, bound, { mountPath, workDirectory: op.workDirectory, name });
    try {
      const seen = await refusedThrough(op, bound, mountPath);
      // ceph-fuse releases the flocks of a closed file late, by an owner that the kernel may have given to the next file meanwhile:
      // the lock of a probe just before can take this one's with it. Seen twice, it is what the servers do.
      return seen === "local-only" ? await refusedThrough(op, bound, mountPath) : seen;
    } finally {
      await stopClient(op, bound, mountPath, client);
    }
  } finally {
    await op.files.remove(mountPath);
  }
}

async function refusedThrough(op: Op, { volume }: Bound, second: string): Promise<VolumeEvidence["locking"]> {
  const { callTimeoutMs } = volume.options;
  const file = `${volume.mountPath}/${LOCK_FILE}`;
  // Not forked, so that the process that is stopped is the one that has the lock.
  const holder = await op.daemon("flock", ["--no-fork", "--nonblock", file, "sh", "-c", HOLD], { name: "lock-probe" });
  try {
    const deadlineMs = op.clock.now().monoMs + callTimeoutMs;
    while (!holder.output().includes("held")) {
      if (holder.ended() !== undefined || op.clock.now().monoMs > deadlineMs) {
        op.logger.log("warn", "no lock to be had for the lock probe", { output: holder.output() });
        return "unknown";
      }
      await op.clock.sleep(POLL_MS, op.signal);
    }
    const { exitCode } = await op.exec(
      "flock",
      ["--nonblock", "--conflict-exit-code", String(REFUSED), `${second}/${LOCK_FILE}`, "true"],
      { timeoutMs: callTimeoutMs, okExitCodes: [0, REFUSED] },
    );
    return exitCode === REFUSED ? "cross-agent" : "local-only";
  } finally {
    await holder.stop(STOP_MS);
  }
}
