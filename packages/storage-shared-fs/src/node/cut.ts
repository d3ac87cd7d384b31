import { type CutResult, HoldfastError, hasCode, type Op, type Volume } from "@holdfast/core";
import { parseSource } from "../mount/source.js";
import type { SharedFsOptions } from "../options.js";
import { lookAtMount } from "./mount.js";
import { type MountedNote, readMounted } from "./mounted.js";
import { parseSuperblocks, serversNamed } from "./superblocks.js";

const POLL_MS = 50;
const TABLE_BYTES_MAX = 256 * 1_024;

const incomplete = (needsFence: string): CutResult => ({ kind: "incomplete", needsFence });

/**
 * The processes are gone; what they wrote may be in this kernel, which goes on sending it until the server has it. So
 * there are two kinds of evidence and no force: a sync that came back, or a kernel that has no such file system any more.
 * `umount -f` and `umount -l` are neither: the first forgets requests that may have been sent, the second hides them.
 */
export async function cutVolume(op: Op, volume: Volume, options: SharedFsOptions): Promise<CutResult> {
  const verdict = await lookAtMount(op, volume, options);
  if (verdict.kind === "right") return syncedOrNot(op, volume, options);
  if (options.type === "posix") return { kind: "cut", evidence: `${options.source} is not mounted on this agent` };
  return goneOrNot(op, volume, options);
}

async function syncedOrNot(op: Op, volume: Volume, options: SharedFsOptions): Promise<CutResult> {
  try {
    await op.volumes.sync(volume.mountPath, { timeoutMs: options.cutTimeoutMs });
    return { kind: "cut", evidence: `syncfs(${volume.mountPath}) returned: the server has everything` };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return incomplete(`unwritten data of ${options.source} may still be on its way: ${error.message}`);
  }
}

/** The mount went with the run's namespace; the kernel drops the file system once it has written it back. */
async function goneOrNot(op: Op, volume: Volume, options: SharedFsOptions): Promise<CutResult> {
  const note = await readMounted(op, volume);
  const untilMs = op.clock.now().monoMs + options.cutTimeoutMs;
  for (;;) {
    const left = await superblocksLeft(op, options, note);
    if (left.length === 0) {
      if (note !== null) await endOrphans(op, options, note);
      return { kind: "cut", evidence: `this kernel has no file system of ${options.source} any more` };
    }
    if (op.clock.now().monoMs >= untilMs) {
      return incomplete(
        `this kernel still has ${options.source} (device ${left.join(", ")}): data may be unwritten, or a process hangs in it`,
      );
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** Without a note of the device, any file system of that server counts: too much rather than too little. */
async function superblocksLeft(op: Op, options: SharedFsOptions, note: MountedNote | null): Promise<string[]> {
  const table = async (name: string) => {
    const bytes = await op.files.read(`/proc/self/net/nfsfs/${name}`, { bytesMax: TABLE_BYTES_MAX });
    return bytes === undefined ? "" : Buffer.from(bytes).toString();
  };
  const servers = serversNamed(await table("servers"), parseSource(options.source)?.host ?? "");
  return parseSuperblocks(await table("volumes"))
    .filter(({ server, device }) => servers.includes(server) && (note === null || note.device === device))
    .map(({ device }) => device);
}

/** Connections that the client has closed while the kernel still delivers what is in their buffers. */
async function endOrphans(op: Op, options: SharedFsOptions, note: MountedNote): Promise<void> {
  if (note.address === null) return;
  const filter = ["state", "fin-wait-1", "state", "closing", "state", "last-ack", "dst", note.address];
  try {
    await op.exec("ss", ["-K", "-H", "-t", ...filter, "dport", "=", String(options.port)], { timeoutMs: 1_000 });
  } catch (error) {
    // The file system is gone all the same: everything on it was answered by the server, or given up.
    if (!hasCode(error, "NOT_FOUND")) throw error;
  }
}
