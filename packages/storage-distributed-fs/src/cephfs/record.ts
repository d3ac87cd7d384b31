import type { AgentId, Op } from "@holdfast/core";
import * as z from "zod";
import { volumeKey } from "../volume-key.js";
import { ceph, cephIfThere } from "./cluster.js";
import type { CephFsOptions } from "./options.js";

const PREFIX = "holdfast/volume/";

/** What the monitors remember of a volume for us, in their key-value store (`ceph config-key`). */
const recordSchema = z.looseObject({
  epoch: z.string().regex(/^\d+$/).transform(BigInt),
  /** Null: detached, or fenced. */
  agent: z.string().nullable(),
  /** Agents that were fenced, with the addresses that were blocklisted for it. */
  fenced: z.record(z.string(), z.array(z.string())),
});
export interface CephRecord {
  readonly epoch: bigint;
  readonly agent: AgentId | null;
  readonly fenced: Readonly<Record<AgentId, readonly string[]>>;
}

type Named = { readonly service: string; readonly role: string };

export async function readRecord(op: Op, options: CephFsOptions, volume: Named): Promise<CephRecord | undefined> {
  const text = await cephIfThere(op, options, "config-key", "get", `${PREFIX}${volumeKey(volume)}`);
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}

export async function writeRecord(op: Op, options: CephFsOptions, volume: Named, record: CephRecord): Promise<void> {
  const text = JSON.stringify({ ...record, epoch: record.epoch.toString() });
  await ceph(op, options, "config-key", "set", `${PREFIX}${volumeKey(volume)}`, text);
}

/** Addresses that other volumes' fences need on the blocklist. */
export async function addressesFencedByOthers(op: Op, options: CephFsOptions, volume: Named): Promise<Set<string>> {
  const all = z.record(z.string(), z.string()).parse(JSON.parse(await ceph(op, options, "config-key", "dump", PREFIX)));
  const own = `${PREFIX}${volumeKey(volume)}`;
  return new Set(
    Object.entries(all).flatMap(([key, text]) =>
      key === own ? [] : Object.values(recordSchema.parse(JSON.parse(text)).fenced).flat(),
    ),
  );
}
