import { type AgentId, type FormerHolder, type Grant, HoldfastError, type Op } from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume } from "../driver.js";
import {
  type Client,
  ceph,
  clientsOf,
  entriesOf,
  type FileSystem,
  mds,
  readBlocklist,
  readClients,
  readFileSystem,
  wholeAddress,
} from "./cluster.js";
import type { CephFsOptions } from "./options.js";
import { addressesFencedElsewhere, readRecords, writeAttachment, writeFence } from "./record.js";

type CephVolume = DriverVolume<CephFsOptions>;

const POLL_MS = 200;

/**
 * First the blocklist, which every object storage daemon obeys: the address as a whole, so that no new client gets in, and each client
 * of it that is known, so that these stay out when the agent is let in again. Then the sessions are evicted, and with them the locks;
 * the metadata server makes those that come after wait for the daemons to know the list.
 */
export async function fence(op: Op, volume: CephVolume, former: FormerHolder, grant: Grant): Promise<string> {
  const { options } = volume;
  const [fileSystem, records] = await Promise.all([needFileSystem(op, options), readRecords(op, options, volume)]);
  assertNotStale(records.epoch === undefined ? undefined : { epoch: records.epoch }, grant.epoch);
  const addresses = await resolveAgent(op, options, former.agent);
  await refuseServers(op, options, fileSystem, addresses, former.agent);
  await writeFence(op, options, volume, { agent: former.agent, epoch: grant.epoch, addresses });
  const [all, list] = await Promise.all([readClients(op, options, fileSystem), readBlocklist(op, options)]);
  const clients = clientsOf(all, addresses, options.path);
  // Entries that the metadata server made end after an hour; a client that was paused so long would write again.
  const known = entriesOf(list, addresses).map(({ addr }) => addr);
  const instances = [...addresses.map(wholeAddress), ...clients.map(({ instance }) => instance), ...known];
  for (const instance of new Set(instances))
    await ceph(op, options, "osd", "blocklist", "add", instance, String(options.blocklistSeconds));
  await evict(op, options, clients);
  const evidence = await confirm(op, options, fileSystem, addresses);
  // Read after the fence was written: an attach that came later has seen it and backed out.
  for (const { agent, epoch } of (await readRecords(op, options, volume)).attached)
    if (agent === former.agent) await writeAttachment(op, options, volume, { agent, epoch, state: "detached" });
  return evidence;
}

/** The agent gets in again; the clients that it had do not. */
export async function unfence(op: Op, volume: CephVolume, agent: AgentId): Promise<void> {
  const { options } = volume;
  const fence = (await readRecords(op, options, volume)).fenced.get(agent);
  if (fence === undefined) return;
  const needed = await addressesFencedElsewhere(op, options, volume, agent);
  // Removing what is not there succeeds (`isn't blocklisted`).
  for (const address of fence.addresses)
    if (!needed.has(address)) await ceph(op, options, "osd", "blocklist", "rm", wholeAddress(address));
  // The epoch stays: it is what refuses an older grant.
  await writeFence(op, options, volume, { agent, epoch: fence.epoch, addresses: [] });
}

/** A client that has gone meanwhile is success: the answer is empty either way. */
export async function evict(op: Op, options: CephFsOptions, clients: readonly Client[]): Promise<void> {
  for (const { rank, id } of clients)
    await ceph(op, options, "tell", mds(options, rank), "client", "evict", `id=${id}`);
}

async function confirm(
  op: Op,
  options: CephFsOptions,
  fileSystem: FileSystem,
  addresses: readonly string[],
): Promise<string> {
  const deadlineMs = op.clock.now().monoMs + options.controlTimeoutMs;
  while (true) {
    const [list, clients] = await Promise.all([readBlocklist(op, options), readClients(op, options, fileSystem)]);
    const listed = entriesOf(list, addresses);
    const left = clientsOf(clients, addresses, options.path);
    const open = addresses.filter((address) => !listed.some(({ addr }) => addr === wholeAddress(address)));
    if (open.length === 0 && left.length === 0) {
      const lines = listed.map(({ addr, until }) => `${addr} until ${until}`);
      const others = clients.map(({ id, address, root }) => `client.${id} ${address} ${root}`);
      return `blocklist (ceph osd blocklist ls): ${lines.join(", ")}\nsessions (client ls): ${others.join(", ") || "none"}`;
    }
    if (op.clock.now().monoMs > deadlineMs) {
      const why =
        left.length > 0 ? `client.${left[0]?.id} has a session` : `${open.join(", ")} is not on the blocklist`;
      throw new HoldfastError("UNFENCEABLE", `The cluster does not confirm the fence: ${why}.`, {
        hint: "See `ceph osd blocklist ls` and `ceph tell mds.FS:RANK client ls`.",
        retryable: true,
        detail: { why },
      });
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

async function needFileSystem(op: Op, options: CephFsOptions): Promise<FileSystem> {
  const fileSystem = await readFileSystem(op, options);
  if (fileSystem !== undefined) return fileSystem;
  throw new HoldfastError("NOT_FOUND", `There is no file system ${options.fileSystem}.`, {
    hint: "Correct `fileSystem`; see `ceph fs ls`.",
  });
}

/** A daemon comes from its machine's address too: the blocklist would shut it out as well. */
async function refuseServers(
  op: Op,
  options: CephFsOptions,
  fileSystem: FileSystem,
  addresses: readonly string[],
  agent: AgentId,
): Promise<void> {
  const dumps = await Promise.all(["osd", "mon"].map((what) => ceph(op, options, what, "dump", "-f", "json")));
  const servers = [
    ...Object.values(fileSystem.info).map(({ addr }) => addr),
    ...dumps.flatMap((dump) => [...dump.matchAll(/"public_addr":"([^"]*)"/g)].map(([, addr]) => addr ?? "")),
  ].map((addr) => addr.replace(/:\d+\/\d+$/, ""));
  const own = addresses.find((address) => servers.includes(address));
  if (own === undefined) return;
  throw new HoldfastError("UNFENCEABLE", `${agent} is itself a server of the cluster (${own}).`, {
    hint: "Run the service on agents that are not servers, or shut the machine down.",
    detail: { agent, address: own },
  });
}
