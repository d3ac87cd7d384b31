import type { Op } from "@holdfast/core";
import type { Bound } from "../volume.js";

const SCAN_MS = 2_000;
const CMDLINE_BYTES_MAX = 64 * 1024;

/**
 * Clients of this mount path that still run in this agent's network. The network namespace tells agents apart where several live on
 * one kernel, as in the suite; their mount paths are the same. Reading a command line can hang with its process, so
 * a bounded child does that; what it did not hang on is read again here.
 * @throws `UNKNOWN_OUTCOME` when it did hang.
 */
export async function leftoverClients(op: Op, { driver, volume }: Bound): Promise<number[]> {
  const pids = ((await op.files.list("/proc")) ?? []).filter((name) => /^\d+$/.test(name));
  const files = pids.map((pid) => `/proc/${pid}/cmdline`);
  const title = driver.processTitle?.(volume);
  const wanted = [volume.mountPath, ...(title === undefined ? [] : [title])].flatMap((text) => ["-e", text]);
  const { stdout } = await op.exec(
    "grep",
    // Files that hold the mount path as a whole argument. 1: none does; 2: some process ended meanwhile.
    ["-lszxF", ...wanted, "--", ...files],
    { timeoutMs: SCAN_MS, okExitCodes: [0, 1, 2] },
  );
  const suspects: string[] = [];
  for (const file of stdout.split("\n").filter((line) => line !== "")) {
    const bytes = await readCommandLine(op, file);
    if (bytes !== undefined && driver.isClient(volume, splitArguments(bytes))) suspects.push(file.split("/")[2] ?? "");
  }
  if (suspects.length === 0) return [];
  const links = ["self", ...suspects].map((pid) => `/proc/${pid}/ns/net`);
  const namespaces = await op.exec("stat", ["--format=%N", "--", ...links], {
    timeoutMs: SCAN_MS,
    okExitCodes: [0, 1],
  });
  return sameNetwork(namespaces.stdout);
}

/** Undefined: it ended. A process that ends between open and read answers with ESRCH. */
async function readCommandLine(op: Op, file: string): Promise<Uint8Array | undefined> {
  try {
    return await op.files.read(file, { bytesMax: CMDLINE_BYTES_MAX });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return undefined;
    throw error;
  }
}

function splitArguments(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).replace(/\0$/, "").split("\0");
}

/** Pure: of stat(1)'s lines `'/proc/PID/ns/net' -> 'net:[N]'`, the pids whose namespace is that of `self`. */
export function sameNetwork(listing: string): number[] {
  const rows = [...listing.matchAll(/^'\/proc\/(\w+)\/ns\/net' -> '([^']*)'$/gm)];
  const own = rows.find(([, pid]) => pid === "self")?.[2];
  return rows.flatMap(([, pid, namespace]) => (pid !== "self" && namespace === own ? [Number(pid)] : []));
}
