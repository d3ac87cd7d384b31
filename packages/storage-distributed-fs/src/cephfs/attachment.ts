import { type AgentId, type Grant, HoldfastError, type Op } from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume, ServerView } from "../driver.js";
import { clientsOf, readClients, readFileSystem } from "./cluster.js";
import { evict } from "./fence.js";
import type { CephFsOptions } from "./options.js";
import { readRecord, writeRecord } from "./record.js";

type CephVolume = DriverVolume<CephFsOptions>;

const administered = ({ options }: CephVolume) => options.control.length > 0;

export async function observe(op: Op, volume: CephVolume): Promise<ServerView> {
  // Whether the directory exists only a mount can tell.
  if (!administered(volume)) return { exists: true, attachments: [], fenced: [], detail: { administered: false } };
  const { options } = volume;
  const [fileSystem, record] = await Promise.all([readFileSystem(op, options), readRecord(op, options, volume)]);
  if (fileSystem === undefined) return { exists: false, attachments: [], fenced: [], detail: {} };
  return {
    exists: true,
    attachments: record === undefined || record.agent === null ? [] : [{ agent: record.agent, epoch: record.epoch }],
    fenced: Object.keys(record?.fenced ?? {}),
    detail: { metadataServers: Object.values(fileSystem.info).map(({ rank, state }) => `${rank} ${state}`) },
  };
}

export async function attach(op: Op, volume: CephVolume, agent: AgentId, { epoch }: Grant): Promise<void> {
  if (!administered(volume)) return;
  const { options } = volume;
  const record = await readRecord(op, options, volume);
  assertNotStale(record, epoch);
  if (record?.agent === agent && record.epoch === epoch) return;
  if (record !== undefined && record.agent !== null && record.agent !== agent) {
    throw new HoldfastError("HELD_BY_OTHER", `The volume is attached to ${record.agent} (epoch ${record.epoch}).`, {
      hint: "Wait for that run to end, or plan a fence; never force.",
      retryable: true,
      detail: { agent: record.agent, epoch: record.epoch.toString() },
    });
  }
  await endSessions(op, volume, agent);
  await writeRecord(op, options, volume, { fenced: {}, ...record, epoch, agent });
}

/**
 * Before a grant mounts and after it gave the volume back, a session of that agent is of a client that was killed: it would
 * keep its locks for session_autoclose, and others from mounting for session_timeout.
 */
async function endSessions(op: Op, volume: CephVolume, agent: AgentId): Promise<void> {
  const { options } = volume;
  const fileSystem = await readFileSystem(op, options);
  if (fileSystem === undefined) return;
  const clients = await readClients(op, options, fileSystem);
  const own = clientsOf(clients, await resolveAgent(op, options, agent), options.path).filter(isOwn(volume));
  await evict(op, options, own);
}

/** Not an operator's mount of more than this volume. */
const isOwn =
  ({ options }: CephVolume) =>
  ({ root }: { readonly root: string }) =>
    root === options.path;

export async function detach(op: Op, volume: CephVolume, agent: AgentId): Promise<void> {
  if (!administered(volume)) return;
  const record = await readRecord(op, volume.options, volume);
  if (record?.agent !== agent) return;
  await endSessions(op, volume, agent);
  // The epoch stays: it is what refuses an older grant.
  await writeRecord(op, volume.options, volume, { ...record, agent: null });
}
