import { type AgentId, type Grant, HoldfastError, type Op } from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume, ServerView } from "../driver.js";
import { clientsOf, readClients, readFileSystem } from "./cluster.js";
import { evict } from "./fence.js";
import type { CephFsOptions } from "./options.js";
import { readRecords, sweep, type VolumeRecords, writeAttachment } from "./record.js";

type CephVolume = DriverVolume<CephFsOptions>;

const administered = ({ options }: CephVolume) => options.control.length > 0;

export async function observe(op: Op, volume: CephVolume): Promise<ServerView> {
  // Whether the directory exists only a mount can tell.
  if (!administered(volume)) return { exists: true, attachments: [], fenced: [], detail: { administered: false } };
  const { options } = volume;
  const [fileSystem, records] = await Promise.all([readFileSystem(op, options), readRecords(op, options, volume)]);
  if (fileSystem === undefined) return { exists: false, attachments: [], fenced: [], detail: {} };
  return {
    exists: true,
    attachments: records.attached,
    fenced: [...records.fenced.keys()],
    detail: { metadataServers: Object.values(fileSystem.info).map(({ rank, state }) => `${rank} ${state}`) },
  };
}

export async function attach(op: Op, volume: CephVolume, agent: AgentId, { epoch }: Grant): Promise<void> {
  if (!administered(volume)) return;
  const { options } = volume;
  const before = await readRecords(op, options, volume);
  demandFree(before, agent, epoch);
  if (before.attached.some((other) => other.epoch === epoch)) return;
  await endSessions(op, volume, agent);
  await writeAttachment(op, options, volume, { agent, epoch, state: "attached" });
  try {
    demandFree(await readRecords(op, options, volume), agent, epoch);
  } catch (error) {
    // Another came at the same time, and may see this one, too: neither has it, and each may ask again.
    await writeAttachment(op, options, volume, { agent, epoch, state: "detached" });
    throw error;
  }
  for (const { epoch: older } of before.attached)
    await writeAttachment(op, options, volume, { agent, epoch: older, state: "detached" });
  await sweep(op, options, volume, { agent, epoch });
}

/** Pure. @throws `STALE_EPOCH`, `HELD_BY_OTHER`. */
function demandFree(records: VolumeRecords, agent: AgentId, epoch: Grant["epoch"]): void {
  assertNotStale(records.epoch === undefined ? undefined : { epoch: records.epoch }, epoch);
  const holder = records.attached.find((other) => other.agent !== agent);
  if (holder === undefined) return;
  throw new HoldfastError("HELD_BY_OTHER", `The volume is attached to ${holder.agent} (epoch ${holder.epoch}).`, {
    hint: "Wait for that run to end, or plan a fence; never force.",
    retryable: true,
    detail: { agent: holder.agent, epoch: holder.epoch.toString() },
  });
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
  const { attached } = await readRecords(op, volume.options, volume);
  const own = attached.filter((attachment) => attachment.agent === agent);
  if (own.length === 0) return;
  await endSessions(op, volume, agent);
  for (const { epoch } of own) await writeAttachment(op, volume.options, volume, { agent, epoch, state: "detached" });
}
