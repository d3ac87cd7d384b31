import { type AgentId, type Grant, HoldfastError, type Op } from "@holdfast/core";
import type { DriverVolume, ServerView } from "../driver.js";
import { gluster, needVolume, readVolume } from "./cli.js";
import type { GlusterfsOptions } from "./options.js";
import { assertNotStale, formatRecord, recordKey, recordOf } from "./record.js";
import { agentsOf, rejected } from "./reject-list.js";

type GlusterVolume = DriverVolume<GlusterfsOptions>;

const administered = ({ options }: GlusterVolume) => options.control.length > 0;

export async function observe(op: Op, volume: GlusterVolume): Promise<ServerView> {
  // Without administration: the mount will tell whether it exists.
  if (!administered(volume)) return { exists: true, attachments: [], fenced: [], detail: { administered: false } };
  const info = await readVolume(op, volume.options);
  if (info === undefined) return { exists: false, attachments: [], fenced: [], detail: {} };
  const record = recordOf(info, volume);
  return {
    exists: true,
    attachments: record === undefined || record.agent === null ? [] : [{ agent: record.agent, epoch: record.epoch }],
    fenced: agentsOf(rejected(info), volume.options),
    detail: { status: info.status, bricks: info.bricks.map(({ name }) => name) },
  };
}

export async function attach(op: Op, volume: GlusterVolume, agent: AgentId, { epoch }: Grant): Promise<void> {
  if (!administered(volume)) return;
  const info = await needVolume(op, volume.options);
  const record = recordOf(info, volume);
  assertNotStale(record, epoch);
  if (record?.agent === agent && record.epoch === epoch) return;
  if (record !== undefined && record.agent !== null && record.agent !== agent) {
    throw new HoldfastError("HELD_BY_OTHER", `The volume is attached to ${record.agent} (epoch ${record.epoch}).`, {
      hint: "Wait for that run to end, or plan a fence; never force.",
      retryable: true,
      detail: { agent: record.agent, epoch: record.epoch.toString() },
    });
  }
  await gluster(op, volume.options, [
    ...["volume", "set", volume.options.volume],
    ...[recordKey(volume), formatRecord({ epoch, agent })],
  ]);
}

export async function detach(op: Op, volume: GlusterVolume, agent: AgentId): Promise<void> {
  if (!administered(volume)) return;
  const info = await readVolume(op, volume.options);
  const record = info === undefined ? undefined : recordOf(info, volume);
  if (record?.agent !== agent) return;
  // The epoch stays: it is what refuses an older grant.
  await gluster(op, volume.options, [
    ...["volume", "set", volume.options.volume],
    ...[recordKey(volume), formatRecord({ epoch: record.epoch, agent: null })],
  ]);
}
