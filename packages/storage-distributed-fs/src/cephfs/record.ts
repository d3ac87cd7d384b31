import type { AgentId, Epoch, Op } from "@holdfast/core";
import * as z from "zod";
import { volumeKey } from "../volume-key.js";
import { ceph } from "./cluster.js";
import type { CephFsOptions } from "./options.js";

/*
 * What the monitors remember of a volume for us, in their key-value store (`ceph config-key`). It has no compare-and-set,
 * so nobody changes what another wrote: a key per agent and epoch, one per fence. Who attaches writes its own key first
 * and looks at all of them then; of two that do so at once at least one sees the other (Dekker's principle; the monitors
 * put all writes in one order).
 */
const PREFIX = "holdfast/volume/";

const fenceSchema = z.looseObject({
  epoch: z.string().regex(/^\d+$/).transform(BigInt),
  /** Blocklisted for it; empty once the agent is let in again. */
  addresses: z.array(z.string()),
});

export interface VolumeRecords {
  /** Attachments that were neither given back nor fenced. */
  readonly attached: ReadonlyArray<{ readonly agent: AgentId; readonly epoch: Epoch }>;
  readonly fenced: ReadonlyMap<AgentId, { readonly epoch: Epoch; readonly addresses: readonly string[] }>;
  /** The highest epoch that ever attached or fenced, which refuses older grants; undefined: nobody did. */
  readonly epoch: Epoch | undefined;
}

type Named = { readonly service: string; readonly role: string };
type State = "attached" | "detached";

const prefixOf = (volume: Named) => `${PREFIX}${volumeKey(volume)}/`;
const agentKey = (volume: Named, agent: AgentId, epoch: Epoch) =>
  `${prefixOf(volume)}agent/${encodeURIComponent(agent)}/${epoch}`;
const fenceKey = (volume: Named, agent: AgentId) => `${prefixOf(volume)}fence/${encodeURIComponent(agent)}`;

/** Pure. @param entries - keys below a prefix, with their values. */
export function parseRecords(volume: Named, entries: Readonly<Record<string, string>>): VolumeRecords {
  const attached: Array<{ agent: AgentId; epoch: Epoch }> = [];
  const fenced = new Map<AgentId, { epoch: Epoch; addresses: string[] }>();
  const epochs: Epoch[] = [];
  for (const [key, value] of Object.entries(entries)) {
    if (!key.startsWith(prefixOf(volume))) continue;
    const [kind, name = "", number = ""] = key.slice(prefixOf(volume).length).split("/");
    const agent = decodeURIComponent(name);
    if (kind === "agent" && /^\d+$/.test(number)) {
      epochs.push(BigInt(number));
      if (value === ("attached" satisfies State)) attached.push({ agent, epoch: BigInt(number) });
    } else if (kind === "fence") {
      const { epoch, addresses } = fenceSchema.parse(JSON.parse(value));
      epochs.push(epoch);
      if (addresses.length > 0) fenced.set(agent, { epoch, addresses });
    }
  }
  const epoch = epochs.reduce<Epoch | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);
  return { attached, fenced, epoch };
}

async function dump(op: Op, options: CephFsOptions, prefix: string): Promise<Record<string, string>> {
  return z.record(z.string(), z.string()).parse(JSON.parse(await ceph(op, options, "config-key", "dump", prefix)));
}

export async function readRecords(op: Op, options: CephFsOptions, volume: Named): Promise<VolumeRecords> {
  return parseRecords(volume, await dump(op, options, prefixOf(volume)));
}

export async function writeAttachment(
  op: Op,
  options: CephFsOptions,
  volume: Named,
  { agent, epoch, state }: { readonly agent: AgentId; readonly epoch: Epoch; readonly state: State },
): Promise<void> {
  await ceph(op, options, "config-key", "set", agentKey(volume, agent, epoch), state);
}

export async function writeFence(
  op: Op,
  options: CephFsOptions,
  volume: Named,
  {
    agent,
    epoch,
    addresses,
  }: { readonly agent: AgentId; readonly epoch: Epoch; readonly addresses: readonly string[] },
): Promise<void> {
  const text = JSON.stringify({ epoch: epoch.toString(), addresses });
  await ceph(op, options, "config-key", "set", fenceKey(volume, agent), text);
}

/** Older keys of an agent that say nothing more; a newer one of it stands for the epochs that they refused. */
export async function sweep(
  op: Op,
  options: CephFsOptions,
  volume: Named,
  { agent, epoch }: { readonly agent: AgentId; readonly epoch: Epoch },
): Promise<void> {
  const own = `${prefixOf(volume)}agent/${encodeURIComponent(agent)}/`;
  for (const [key, state] of Object.entries(await dump(op, options, own))) {
    const older = BigInt(key.slice(own.length)) < epoch;
    if (older && state === ("detached" satisfies State)) await ceph(op, options, "config-key", "rm", key);
  }
}

/** Addresses that the fences of other agents, or of other volumes, need on the blocklist. */
export async function addressesFencedElsewhere(
  op: Op,
  options: CephFsOptions,
  volume: Named,
  agent: AgentId,
): Promise<Set<string>> {
  const all = await dump(op, options, PREFIX);
  return new Set(
    Object.entries(all).flatMap(([key, text]) =>
      key === fenceKey(volume, agent) || !/\/fence\/[^/]+$/.test(key)
        ? []
        : fenceSchema.parse(JSON.parse(text)).addresses,
    ),
  );
}
