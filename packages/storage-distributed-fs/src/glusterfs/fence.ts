import { type AgentId, type FormerHolder, type Grant, HoldfastError, hasCode, type Op } from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume } from "../driver.js";
import { newestOf, recordOption, recordsOf } from "./agent-records.js";
import { gluster, needVolume, readVolume } from "./cli.js";
import { fenceVerdict } from "./fence-verdict.js";
import type { GlusterfsOptions } from "./options.js";
import { formatRejected, REJECT, rejected } from "./reject-list.js";
import { type BrickState, parseBrickStates, type VolumeInfo } from "./xml.js";

type GlusterVolume = DriverVolume<GlusterfsOptions>;

const POLL_MS = 200;
/** A brick that hangs holds glusterd's transaction, so the others' answers would wait behind it. */
const BRICK_MS = 5_000;

/**
 * Refuses the former holder's address at every brick. With `server.dynamic-auth` (the default) a brick that learns of it drops the
 * connections it has, and with them the locks; the client is refused when it comes again, says so and ends. Then each brick
 * is asked who is connected, until those that answered cannot be outvoted.
 */
export async function fence(op: Op, volume: GlusterVolume, former: FormerHolder, { epoch }: Grant): Promise<string> {
  const { options } = volume;
  const info = await needVolume(op, options);
  assertNotStale(newestOf(recordsOf(info, volume)), epoch);
  const addresses = await resolveAgent(op, options, former.agent);
  refuseServers(info, addresses, former.agent);
  const { agent } = former;
  await refuse(op, options, info, addresses, recordOption(volume, { agent, epoch, state: "free" }));
  const evidence = await untilGone(op, volume, addresses);
  const confirmed = recordOption(volume, { agent, epoch, state: "fenced" });
  await gluster(op, options, ["volume", "set", options.volume, ...confirmed]);
  return evidence;
}

export async function unfence(op: Op, volume: GlusterVolume, agent: AgentId): Promise<void> {
  const { options } = volume;
  const info = await readVolume(op, options);
  if (info === undefined) return;
  const addresses = await resolveAgent(op, options, agent);
  const before = rejected(info);
  const after = before.filter((address) => !addresses.includes(address));
  const record = recordsOf(info, volume).find((own) => own.agent === agent && own.state === "fenced");
  if (after.length === before.length && record === undefined) return;
  await gluster(op, options, [
    ...["volume", "set", options.volume, REJECT, formatRejected(after)],
    ...(record === undefined ? [] : recordOption(volume, { ...record, state: "free" })),
  ]);
}

async function refuse(
  op: Op,
  options: GlusterfsOptions,
  info: VolumeInfo,
  addresses: readonly string[],
  record: readonly string[],
): Promise<void> {
  const list = [...new Set([...rejected(info), ...addresses])];
  await gluster(op, options, ["volume", "set", options.volume, REJECT, formatRejected(list), ...record]);
}

async function untilGone(op: Op, { options }: GlusterVolume, addresses: readonly string[]): Promise<string> {
  const startMs = op.clock.now().monoMs;
  const deadlineMs = startMs + options.controlTimeoutMs;
  while (true) {
    const info = await needVolume(op, options);
    // Another fence on the same Gluster volume read the list before this one wrote it.
    if (!addresses.every((address) => rejected(info).includes(address))) await refuse(op, options, info, addresses, []);
    // Each attempt begins with another brick, so that one that hangs is not the first for ever.
    const answers = await askBricks(op, options, info, Math.floor(op.clock.now().monoMs / 1_000));
    const verdict = fenceVerdict(info, answers, addresses);
    if (verdict.kind === "fenced") return `${REJECT}: ${rejected(info).join(",")}\n${verdict.evidence}`;
    if (op.clock.now().monoMs > deadlineMs) {
      throw new HoldfastError(
        "UNFENCEABLE",
        `The bricks do not confirm that ${addresses.join(", ")} is gone: ${verdict.why}.`,
        {
          hint: "See `gluster volume status VOLUME clients` and whether server.dynamic-auth is on.",
          retryable: true,
          detail: { why: verdict.why },
        },
      );
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** One by one and no more than are needed: a majority of each set, everything where there are no sets. */
async function askBricks(op: Op, options: GlusterfsOptions, info: VolumeInfo, first: number): Promise<BrickState[]> {
  const answers: BrickState[] = [];
  const order = info.bricks.map((_, index) => info.bricks[(first + index) % info.bricks.length]);
  for (const brick of order) {
    if (brick === undefined || fenceVerdict(info, answers, []).kind === "fenced") continue;
    try {
      const bounded = { ...options, controlTimeoutMs: Math.min(options.controlTimeoutMs, BRICK_MS) };
      const xml = await gluster(op, bounded, ["volume", "status", options.volume, brick.name, "clients"]);
      answers.push(...parseBrickStates(xml).filter(({ name, online }) => name === brick.name && online));
    } catch (error) {
      // It is down, its server is, or it hangs: it gave no answer, and the verdict counts that.
      if (!hasCode(error, "INTERNAL", "UNKNOWN_OUTCOME", "BUSY")) throw error;
      op.logger.log("warn", "a brick does not say who is connected", { brick: brick.name, error: String(error) });
    }
  }
  return answers;
}

/** A server's own daemons come from its address too: refusing it would take its bricks out of the volume. */
function refuseServers(info: VolumeInfo, addresses: readonly string[], agent: AgentId): void {
  const server = info.bricks.find(({ host }) => addresses.includes(host));
  if (server === undefined) return;
  throw new HoldfastError("UNFENCEABLE", `${agent} is itself a server of the volume (${server.name}).`, {
    hint: "Run the service on agents that are not servers, or shut the machine down.",
    detail: { agent, brick: server.name },
  });
}
