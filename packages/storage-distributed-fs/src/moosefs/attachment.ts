import { type AgentId, type Grant, HoldfastError, type Op } from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume, ServerView } from "../driver.js";
import { volumeKey } from "../volume-key.js";
import { changeExports, mfscli, readExports } from "./admin.js";
import { parseSessions } from "./cli-output.js";
import type { ExportsFile } from "./exports.js";
import { removeSessions } from "./fence.js";
import type { MooseFsOptions } from "./options.js";

type MooseFsVolume = DriverVolume<MooseFsOptions>;

const administered = ({ options }: MooseFsVolume) => options.control.length > 0;

export async function observe(op: Op, volume: MooseFsVolume): Promise<ServerView> {
  // Whether the directory exists only a mount can tell.
  if (!administered(volume)) return { exists: true, attachments: [], fenced: [], detail: { administered: false } };
  const { options } = volume;
  const { file } = await readExports(op, options);
  const record = file.records.get(volumeKey(volume));
  const fences = file.fences.filter((fence) => fence.volume === volumeKey(volume));
  const sessions = parseSessions(await mfscli(op, options, "-SMS"));
  return {
    exists: true,
    attachments: record === undefined || record.agent === null ? [] : [{ agent: record.agent, epoch: record.epoch }],
    fenced: [...new Set(fences.map(({ agent }) => agent))],
    detail: {
      sessions: sessions
        .filter(({ root }) => root === options.path)
        .map(({ id, address, mountPoint }) => `${id} ${address} ${mountPoint}`),
    },
  };
}

/** Kept in a comment of the exports: the one file of the master that is read again and never written by it. */
export async function attach(op: Op, volume: MooseFsVolume, agent: AgentId, { epoch }: Grant): Promise<void> {
  if (!administered(volume)) return;
  const assertFree = (file: ExportsFile) => {
    const record = file.records.get(volumeKey(volume));
    assertNotStale(record, epoch);
    if (record !== undefined && record.agent !== null && record.agent !== agent) {
      throw new HoldfastError("HELD_BY_OTHER", `The volume is attached to ${record.agent} (epoch ${record.epoch}).`, {
        hint: "Wait for that run to end, or plan a fence; never force.",
        retryable: true,
        detail: { agent: record.agent, epoch: record.epoch.toString() },
      });
    }
    return record;
  };
  const record = assertFree((await readExports(op, volume.options)).file);
  // A session that is there before this grant mounts is of a dead tree. After a repeated call it may be the living one.
  if (record?.agent !== agent || record.epoch !== epoch)
    await removeSessions(op, volume, await resolveAgent(op, volume.options, agent));
  await changeExports(op, volume.options, (file) => {
    assertFree(file);
    return { ...file, records: new Map(file.records).set(volumeKey(volume), { epoch, agent }) };
  });
}

export async function detach(op: Op, volume: MooseFsVolume, agent: AgentId): Promise<void> {
  if (!administered(volume)) return;
  await changeExports(op, volume.options, (file) => {
    const record = file.records.get(volumeKey(volume));
    if (record?.agent !== agent) return file;
    // The epoch stays: it is what refuses an older grant.
    return { ...file, records: new Map(file.records).set(volumeKey(volume), { epoch: record.epoch, agent: null }) };
  });
}
