import { HoldfastError, hasCode, type Op } from "@holdfast/core";
import * as z from "zod";
import { control } from "../control.js";
import type { CephFsOptions } from "./options.js";

const CONNECT_SECONDS = "10";

/** Runs `ceph`. @throws `BUSY` when the cluster does not do it, with its own words. */
export async function ceph(op: Op, options: CephFsOptions, ...args: readonly string[]): Promise<string> {
  return (await run(op, options, args, [0])).stdout;
}

/** The same, or undefined where it says that there is no such thing (ENOENT). */
async function cephIfThere(op: Op, options: CephFsOptions, ...args: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await run(op, options, args, [0, 2]);
  return exitCode === 0 ? stdout : undefined;
}

async function run(op: Op, options: CephFsOptions, args: readonly string[], okExitCodes: readonly number[]) {
  try {
    return await control(op, options, ["--connect-timeout", CONNECT_SECONDS, ...args], { okExitCodes });
  } catch (error) {
    if (!hasCode(error, "INTERNAL")) throw error;
    const { stderr } = (error as HoldfastError).detail;
    throw new HoldfastError("BUSY", `ceph ${args.slice(0, 3).join(" ")}: ${String(stderr).trim().slice(-300)}`, {
      hint: "See `ceph -s`: without a majority of the monitors nothing can be administered.",
      retryable: true,
      cause: error,
    });
  }
}

const fileSystemSchema = z.looseObject({
  mdsmap: z.looseObject({
    in: z.array(z.int()),
    session_timeout: z.number(),
    session_autoclose: z.number(),
    info: z.record(z.string(), z.looseObject({ rank: z.int(), state: z.string(), addr: z.string() })),
  }),
});
export type FileSystem = z.output<typeof fileSystemSchema>["mdsmap"];

/** Undefined when there is no file system of that name. */
export async function readFileSystem(op: Op, options: CephFsOptions): Promise<FileSystem | undefined> {
  const text = await cephIfThere(op, options, "fs", "get", options.fileSystem, "-f", "json");
  return text === undefined ? undefined : fileSystemSchema.parse(JSON.parse(text)).mdsmap;
}

const clientsSchema = z.array(
  z.looseObject({
    id: z.int(),
    state: z.string(),
    entity: z.looseObject({ addr: z.looseObject({ addr: z.string(), nonce: z.number() }) }),
    client_metadata: z.looseObject({ root: z.string().optional(), mount_point: z.string().optional() }).optional(),
  }),
);

export interface Client {
  readonly rank: number;
  readonly id: number;
  readonly address: string;
  /** `ADDRESS:PORT/NONCE`: this one client, for the blocklist. */
  readonly instance: string;
  readonly state: string;
  /** Directory that it mounted. */
  readonly root: string;
  readonly mountPoint: string;
}

/** Sessions of one metadata server. Pure. */
export function parseClients(rank: number, text: string): Client[] {
  return clientsSchema.parse(JSON.parse(text)).map(({ id, state, entity, client_metadata: metadata }) => ({
    rank,
    id,
    state,
    address: entity.addr.addr.replace(/:\d+$/, ""),
    instance: `${entity.addr.addr}/${entity.addr.nonce}`,
    root: metadata?.root ?? "/",
    mountPoint: metadata?.mount_point ?? "",
  }));
}

/** Sessions of every active metadata server. */
export async function readClients(op: Op, options: CephFsOptions, { in: ranks }: FileSystem): Promise<Client[]> {
  const clients: Client[] = [];
  for (const rank of ranks)
    clients.push(...parseClients(rank, await ceph(op, options, "tell", mds(options, rank), "client", "ls")));
  return clients;
}

export const mds = ({ fileSystem }: CephFsOptions, rank: number) => `mds.${fileSystem}:${rank}`;

/** Clients at those addresses that reach the volume: its own, and whoever mounted more than it. */
export function clientsOf(clients: readonly Client[], addresses: readonly string[], path: string): Client[] {
  const below = (inner: string, outer: string) => outer === "/" || inner === outer || inner.startsWith(`${outer}/`);
  return clients.filter(({ address, root }) => addresses.includes(address) && (below(path, root) || below(root, path)));
}

const blocklistSchema = z.array(z.looseObject({ addr: z.string(), until: z.string() }));
export type BlocklistEntry = z.output<typeof blocklistSchema>[number];

export async function readBlocklist(op: Op, options: CephFsOptions): Promise<BlocklistEntry[]> {
  return parseBlocklist(await ceph(op, options, "osd", "blocklist", "ls", "-f", "json"));
}

/** Two lists follow each other: clients, and ranges of addresses (none of ours). Pure. */
export function parseBlocklist(text: string): BlocklistEntry[] {
  return blocklistSchema.parse(JSON.parse(text.trim().replace(/\]\s*\[.*$/s, "]")));
}

/** Entries for clients of those addresses, and for the addresses as a whole (port and nonce zero). Pure. */
export function entriesOf(list: readonly BlocklistEntry[], addresses: readonly string[]): BlocklistEntry[] {
  return list.filter(({ addr }) => addresses.includes(addr.replace(/:\d+\/\d+$/, "")));
}

export const wholeAddress = (address: string) => `${address}:0/0`;
