import type { AgentId, Grant, Op } from "@holdfast/core";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume, ServerView } from "../driver.js";
import { assertFreeFor, newestOf, recordOption, recordsOf } from "./agent-records.js";
import { gluster, needVolume, readVolume } from "./cli.js";
import type { GlusterfsOptions } from "./options.js";
import { agentsOf, rejected } from "./reject-list.js";

type GlusterVolume = DriverVolume<GlusterfsOptions>;

const administered = ({ options }: GlusterVolume) => options.control.length > 0;

export async function observe(op: Op, volume: GlusterVolume): Promise<ServerView> {
  // Without administration: the mount will tell whether it exists.
  if (!administered(volume)) return { exists: true, attachments: [], fenced: [], detail: { administered: false } };
  const info = await readVolume(op, volume.options);
  if (info === undefined) return { exists: false, attachments: [], fenced: [], detail: {} };
  const records = recordsOf(info, volume);
  const fenced = agentsOf(rejected(info), volume.options);
  const confirmed = new Set(records.filter(({ state }) => state === "fenced").map(({ agent }) => agent));
  return {
    exists: true,
    attachments: records.filter(({ state }) => state === "attached").map(({ agent, epoch }) => ({ agent, epoch })),
    fenced,
    detail: {
      status: info.status,
      bricks: info.bricks.map(({ name }) => name),
      unconfirmed: fenced.filter((agent) => !confirmed.has(agent)),
    },
  };
}

export async function attach(op: Op, volume: GlusterVolume, agent: AgentId, { epoch }: Grant): Promise<void> {
  if (!administered(volume)) return;
  const { options } = volume;
  const write = (state: "attached" | "free") =>
    gluster(op, options, ["volume", "set", options.volume, ...recordOption(volume, { agent, epoch, state })]);
  const before = recordsOf(await needVolume(op, options), volume);
  assertNotStale(newestOf(before), epoch);
  const own = before.find((record) => record.agent === agent);
  if (own?.state !== "attached" || own.epoch !== epoch) {
    assertFreeFor(agent, before);
    await write("attached");
  }
  // Whoever wrote at the same moment is seen here by at least one of the two, who gives way; perhaps by both.
  const after = recordsOf(await needVolume(op, options), volume);
  try {
    assertNotStale(newestOf(after), epoch);
    assertFreeFor(agent, after);
  } catch (error) {
    await write("free");
    throw error;
  }
}

export async function detach(op: Op, volume: GlusterVolume, agent: AgentId): Promise<void> {
  if (!administered(volume)) return;
  const { options } = volume;
  const info = await readVolume(op, options);
  const own = info === undefined ? undefined : recordsOf(info, volume).find((record) => record.agent === agent);
  if (own?.state !== "attached") return;
  // The epoch stays: it is what refuses an older grant.
  await gluster(op, options, ["volume", "set", options.volume, ...recordOption(volume, { ...own, state: "free" })]);
}
