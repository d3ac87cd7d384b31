import { parseAddress } from "./address-range.js";
import { directoryOf, reaches } from "./exports.js";

/** Pure readers of `mfscli -p -n`: lines of a title, a colon and tab-separated columns. */

export interface Session {
  readonly id: string;
  readonly address: string;
  readonly mountPoint: string;
  /** Directory that it mounted; null for one that is not connected, of which the master does not say it. */
  readonly root: string | null;
}

export function parseSessions(text: string): Session[] {
  return rows(text).flatMap(({ title, columns }): Session[] => {
    const [id = "", address = "", mountPoint = "", , , , root = ""] = columns;
    if (title === "active mounts, parameters") return [{ id, address, mountPoint, root }];
    if (title === "inactive mounts, parameters") return [{ id, address, mountPoint, root: null }];
    return [];
  });
}

/** Sessions of those addresses that reach a volume. One that is not connected is known by where it was mounted. */
export function sessionsOf(
  sessions: readonly Session[],
  addresses: readonly string[],
  volume: { readonly path: string; readonly mountPath: string },
): Session[] {
  return sessions.filter(
    ({ address, root, mountPoint }) =>
      addresses.includes(address) &&
      (root === null ? mountPoint === volume.mountPath : reaches(directoryOf(root), volume.path)),
  );
}

export interface ActiveExport {
  readonly from: number;
  readonly to: number;
  readonly directory: string;
  readonly writable: boolean;
  readonly dynamicAddress: boolean;
}

/** `-SEX`: the exports as the running master has them. */
export function parseActiveExports(text: string): ActiveExport[] {
  return rows(text).flatMap(({ title, columns }) => {
    if (title !== "exports") return [];
    const from = parseAddress(columns[0] ?? "");
    const to = parseAddress(columns[1] ?? "");
    const directory = columns[2] ?? "";
    if (from === undefined || to === undefined) return [];
    return [{ from, to, directory, writable: columns[6] === "rw", dynamicAddress: columns[7] === "no" }];
  });
}

/** Whether the running master lets that address write to that path. */
export function mayWrite(exports: readonly ActiveExport[], address: string, path: string): boolean {
  const value = parseAddress(address);
  return exports.some(
    (entry) =>
      entry.writable &&
      entry.directory !== "." &&
      value !== undefined &&
      value >= entry.from &&
      value <= entry.to &&
      reaches(directoryOf(entry.directory), path),
  );
}

export interface Lock {
  readonly session: string;
  readonly address: string;
  readonly mountPoint: string;
  readonly kind: string;
}

/** `-SAL`: inode, session, address, mount point, kind, … */
export function parseLocks(text: string): Lock[] {
  return rows(text).flatMap(({ title, columns: [, session = "", address = "", mountPoint = "", kind = ""] }) =>
    title === "acquired locks" ? [{ session, address, mountPoint, kind }] : [],
  );
}

export interface ChunkServer {
  readonly address: string;
  readonly port: number;
  readonly connected: boolean;
}

/** `-SCS`. */
export function parseChunkServers(text: string): ChunkServer[] {
  return rows(text).flatMap(({ title, columns: [address = "", port = ""] }) => {
    const name = title.toLowerCase();
    if (!name.endsWith("chunk servers")) return [];
    return [{ address, port: Number(port), connected: !name.startsWith("disconnected") }];
  });
}

/** `-SIC`: chunks by class, e.g. `missing`. */
export function parseChunkClasses(text: string): Map<string, number> {
  const classes = new Map<string, number>();
  for (const { title, columns } of rows(text)) {
    const name = /^chunkclass (.+):$/.exec(columns[0] ?? "")?.[1];
    if (title.startsWith("all chunks") && name !== undefined) classes.set(name, Number(columns[1]));
  }
  return classes;
}

function rows(text: string): { title: string; columns: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [title, ...columns] = line.split("\t");
    return columns.length === 0 ? [] : [{ title: (title ?? "").replace(/:$/, ""), columns }];
  });
}
