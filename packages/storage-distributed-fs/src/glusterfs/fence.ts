import { isIP } from "node:net";
import { type AgentId, type FormerHolder, type Grant, HoldfastError, hasCode, type Op } from "@holdfast/core";
import { agentAddress } from "../common-options.js";
import type { DriverVolume } from "../driver.js";
import { gluster, needVolume, readVolume } from "./cli.js";
import { fenceVerdict } from "./fence-verdict.js";
import type { GlusterfsOptions } from "./options.js";
import { assertNotStale, formatRecord, recordKey, recordOf } from "./record.js";
import { formatRejected, REJECT, rejected } from "./reject-list.js";
import { type BrickState, parseBrickStates, type VolumeInfo } from "./xml.js";

type GlusterVolume = DriverVolume<GlusterfsOptions>;

const RESOLVE_MS = 3_000;
const POLL_MS = 200;
/** A brick that hangs holds glusterd's transaction, so the others' answers would wait behind it. */
const BRICK_MS = 5_000;

/**
 * Refuses the former holder's address at every brick. With `server.dynamic-auth` (the default) a brick that learns of it drops the
 * connections it has, and with them the locks; the client is refused when it comes again, says so and ends. Then each brick
 * is asked who is connected, until those that answered cannot be outvoted.
 */
export async function fence(op: Op, volume: GlusterVolume, former: FormerHolder, grant: Grant): Promise<string> {
  const { options } = volume;
  const info = await needVolume(op, options);
  const record = recordOf(info, volume);
  assertNotStale(record, grant.epoch);
  const addresses = await resolveAgent(op, options, former.agent);
  refuseServers(info, addresses, former.agent);
  const list = [...new Set([...rejected(info), ...addresses])];
  const agent = record === undefined || record.agent === former.agent ? null : record.agent;
  await gluster(op, options, [
    ...["volume", "set", options.volume, REJECT, formatRejected(list)],
    ...[recordKey(volume), formatRecord({ epoch: grant.epoch, agent })],
  ]);
  return untilGone(op, volume, addresses);
}

export async function unfence(op: Op, { options }: GlusterVolume, agent: AgentId): Promise<void> {
  const info = await readVolume(op, options);
  if (info === undefined) return;
  const addresses = await resolveAgent(op, options, agent);
  const before = rejected(info);
  const after = before.filter((address) => !addresses.includes(address));
  if (after.length === before.length) return;
  await gluster(op, options, ["volume", "set", options.volume, REJECT, formatRejected(after)]);
}

async function untilGone(op: Op, { options }: GlusterVolume, addresses: readonly string[]): Promise<string> {
  const startMs = op.clock.now().monoMs;
  const deadlineMs = startMs + options.controlTimeoutMs;
  while (true) {
    const info = await needVolume(op, options);
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

/** Bricks compare addresses, not names. */
async function resolveAgent(op: Op, options: GlusterfsOptions, agent: AgentId): Promise<string[]> {
  const host = agentAddress(options, agent);
  if (isIP(host) !== 0) return [host];
  const { stdout } = await op.exec("getent", ["ahosts", host], { timeoutMs: RESOLVE_MS, okExitCodes: [0, 2] });
  const found = [...new Set(stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []))];
  if (found.length > 0) return found;
  throw new HoldfastError("UNFENCEABLE", `No address is known for agent ${agent}.`, {
    hint: "Put it into the volume's options: agents: { AGENT: ADDRESS }.",
    detail: { agent, host },
  });
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
