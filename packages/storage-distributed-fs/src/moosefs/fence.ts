import {
  type AgentId,
  type ControlTarget,
  type FormerHolder,
  type Grant,
  HoldfastError,
  type Op,
} from "@holdfast/core";
import { resolveAgent } from "../addresses.js";
import { assertNotStale } from "../attachment-record.js";
import type { DriverVolume } from "../driver.js";
import { parseSockets, type Socket } from "../node/sockets.js";
import { volumeKey } from "../volume-key.js";
import { changeExports, mfscli, reloadMaster } from "./admin.js";
import {
  mayWrite,
  parseActiveExports,
  parseChunkServers,
  parseLocks,
  parseSessions,
  type Session,
  sessionsOf,
} from "./cli-output.js";
import type { MooseFsOptions } from "./options.js";

type MooseFsVolume = DriverVolume<MooseFsOptions>;

const POLL_MS = 200;
const SS_MS = 5_000;

/**
 * Removing a session is not enough: the client comes back with a new one, and writes through the descriptors it had open. So first its
 * address loses the export, then its sessions are removed, and with them the locks; without a session the master grants no
 * chunk. Last, what it may still send straight to chunk servers for chunks granted before is cut off there.
 */
export async function fence(op: Op, volume: MooseFsVolume, former: FormerHolder, grant: Grant): Promise<string> {
  const { options } = volume;
  const addresses = await resolveAgent(op, options, former.agent);
  await changeExports(op, options, (file) => {
    const record = file.records.get(volumeKey(volume));
    assertNotStale(record, grant.epoch);
    const known = new Set(file.fences.filter((has) => has.volume === volumeKey(volume)).map((has) => has.address));
    const added = addresses
      .filter((address) => !known.has(address))
      .map((address) => ({ volume: volumeKey(volume), agent: former.agent, address, path: options.path }));
    const agent = record === undefined || record.agent === former.agent ? null : record.agent;
    return {
      ...file,
      records: new Map(file.records).set(volumeKey(volume), { epoch: grant.epoch, agent }),
      fences: [...file.fences, ...added],
    };
  });
  // Also when the file was as wanted already: whoever wrote it may have died before this.
  await reloadMaster(op, options);
  const exports = await untilRefused(op, options, addresses);
  const sessions = await removeSessions(op, volume, addresses);
  const chunks = await settleChunkServers(op, options, addresses);
  const locks = parseLocks(await mfscli(op, options, "-SAL"));
  const held = locks.filter(
    ({ address, mountPoint }) => addresses.includes(address) && mountPoint === volume.mountPath,
  );
  if (held.length > 0) throw notConfirmed(addresses, `${held.length} locks of it are left`);
  return [
    exports,
    sessions,
    `locks (mfscli -SAL): none of ${addresses.join(", ")} on ${volume.mountPath}`,
    chunks,
  ].join("\n");
}

/** The sessions stay removed; a new mount is let in. */
export async function unfence(op: Op, volume: MooseFsVolume, agent: AgentId): Promise<void> {
  const changed = await changeExports(op, volume.options, (file) => ({
    ...file,
    fences: file.fences.filter((has) => has.volume !== volumeKey(volume) || has.agent !== agent),
  }));
  if (changed) await reloadMaster(op, volume.options);
}

async function untilRefused(op: Op, options: MooseFsOptions, addresses: readonly string[]): Promise<string> {
  return poll(op, options, addresses, async () => {
    const text = await mfscli(op, options, "-SEX");
    const open = addresses.filter((address) => mayWrite(parseActiveExports(text), address, options.path));
    if (open.length > 0) return { open: `the running master still exports ${options.path} to ${open.join(", ")}` };
    return { evidence: `exports (mfscli -SEX): ${options.path} is not writable for ${addresses.join(", ")}` };
  });
}

/** Also at an attach: what a dead tree of the same agent left would keep its locks for SESSION_SUSTAIN_TIME. */
export async function removeSessions(op: Op, volume: MooseFsVolume, addresses: readonly string[]): Promise<string> {
  const { options } = volume;
  const place = { path: options.path, mountPath: volume.mountPath };
  const removed: Session[] = [];
  return poll(op, options, addresses, async () => {
    const all = parseSessions(await mfscli(op, options, "-SMS"));
    const left = sessionsOf(all, addresses, place);
    if (left.length === 0) {
      const gone = removed.map(({ id, address, mountPoint }) => `${id} of ${address} at ${mountPoint}`);
      const now = all.map(({ id, address, root }) => `${id} ${address} ${root ?? "not connected"}`);
      return {
        evidence: `sessions removed: ${gone.join(", ") || "none were there"}\nsessions now (mfscli -SMS): ${now.join("; ") || "none"}`,
      };
    }
    for (const session of left) {
      // Refused while it is connected; the master notices a cut-off client within seconds, and drops the others with the export.
      await mfscli(op, options, `-CRS/${session.id}`);
      if (!removed.some(({ id }) => id === session.id)) removed.push(session);
    }
    return { open: `the master still has session ${left.map(({ id }) => id).join(", ")}` };
  });
}

async function settleChunkServers(op: Op, options: MooseFsOptions, addresses: readonly string[]): Promise<string> {
  const servers = parseChunkServers(await mfscli(op, options, "-SCS")).filter(({ connected }) => connected);
  const unreachable = servers.filter(({ address }) => options.chunkServerControl[address] === undefined);
  if (unreachable.length > 0) {
    await op.clock.sleep(options.chunkSettleMs, op.signal);
    const names = unreachable.map(({ address }) => address).join(", ");
    return `chunk servers: no control of ${names}; waited ${options.chunkSettleMs} ms for granted chunks to end`;
  }
  const lines: string[] = [];
  for (const { address, port } of servers) {
    const target = options.chunkServerControl[address];
    if (target !== undefined) lines.push(await cutOff(op, target, `${address}:${port}`, addresses));
  }
  return lines.join("\n");
}

/**
 * The connections end at the server's side; the client needs a new grant of the master before it makes another one to write. One that it
 * makes to read is no harm, so those seen before count.
 */
async function cutOff(op: Op, target: ControlTarget, server: string, addresses: readonly string[]): Promise<string> {
  const port = `:${server.split(":").at(-1)}`;
  const peers = addresses.flatMap((address, index) => [...(index === 0 ? [] : ["or"]), "dst", address]);
  const filter = ["--tcp", "--numeric", "--no-header", "--all", "(", ...peers, ")", "and", "sport", "=", port];
  const list = async () => parseSockets((await op.control(target, ["ss", ...filter], { timeoutMs: SS_MS })).stdout);
  const name = ({ peer }: Socket) => `${peer.address}:${peer.port}`;
  const before = (await list()).filter(({ state }) => state !== "TIME-WAIT").map(name);
  if (before.length > 0) await op.control(target, ["ss", "--kill", ...filter], { timeoutMs: SS_MS });
  const left = (await list()).filter(({ state }) => state !== "TIME-WAIT").map(name);
  const stays = before.filter((socket) => left.includes(socket));
  if (stays.length > 0) throw notConfirmed(addresses, `chunk server ${server} still has connection ${stays[0]}`);
  return `chunk server ${server} (ss): connections killed: ${before.join(" ") || "none was there"}`;
}

async function poll(
  op: Op,
  options: MooseFsOptions,
  addresses: readonly string[],
  look: () => Promise<{ readonly evidence: string } | { readonly open: string }>,
): Promise<string> {
  const deadlineMs = op.clock.now().monoMs + options.controlTimeoutMs;
  while (true) {
    const seen = await look();
    if ("evidence" in seen) return seen.evidence;
    if (op.clock.now().monoMs > deadlineMs) throw notConfirmed(addresses, seen.open);
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

function notConfirmed(addresses: readonly string[], why: string): HoldfastError {
  return new HoldfastError("UNFENCEABLE", `The master does not confirm that ${addresses.join(", ")} is gone: ${why}.`, {
    hint: "See mfscli -SEX, -SMS and -SAL on the master.",
    retryable: true,
    detail: { why },
  });
}
