import type { VolumeMark } from "@holdfast/core";

/**
 * Reads the two records of a volume without a schema library, which the guard does not load: it holds the deadline,
 * so what it starts with must stay small. The schemas in core remain the definition; a test holds the two together.
 */

/** What `.holdfast/epoch.json` says of the last run that had the volume. */
export interface VolumeEpochFacts {
  readonly epoch: bigint;
  readonly run: string;
  readonly agent: string;
  readonly leaseMs: number;
}

export type Parsed<T> = { readonly ok: true; readonly record: T } | { readonly ok: false; readonly why: string };

const EPOCH = /^(0|[1-9][0-9]{0,38})$/;
const isText = (value: unknown): value is string => typeof value === "string";

export function parseVolumeMark(text: string): Parsed<VolumeMark> {
  const json = parseEnvelope(text);
  if (!json.ok) return json;
  const { service, volumeId, layout, createdAt, role } = json.record;
  if (!isText(service) || !isText(volumeId) || !isText(createdAt)) return { ok: false, why: "a field is missing" };
  if (layout !== "data" && layout !== "root") return { ok: false, why: `its layout is ${String(layout)}` };
  const mark: VolumeMark = {
    ...json.record,
    v: 1,
    service,
    volumeId,
    layout,
    createdAt,
    role: isText(role) ? role : "data",
  };
  return { ok: true, record: mark };
}

export function parseVolumeEpoch(text: string): Parsed<VolumeEpochFacts> {
  const json = parseEnvelope(text);
  if (!json.ok) return json;
  const { epoch, run, agent, leaseMs } = json.record;
  if (!isText(epoch) || !EPOCH.test(epoch)) return { ok: false, why: "its epoch is no decimal number" };
  if (!isText(run) || !isText(agent)) return { ok: false, why: "a field is missing" };
  if (!Number.isSafeInteger(leaseMs) || Number(leaseMs) < 1)
    return { ok: false, why: "its leaseMs is no whole number" };
  return { ok: true, record: { epoch: BigInt(epoch), run, agent, leaseMs: Number(leaseMs) } };
}

function parseEnvelope(text: string): Parsed<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, why: "it is not JSON" };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return { ok: false, why: "it is no JSON object" };
  const record = json as Record<string, unknown>;
  return record.v === 1
    ? { ok: true, record }
    : { ok: false, why: `its version is ${String(record.v)}, this program reads 1` };
}

/** The new `.holdfast/epoch.json`; written only under the grant whose epoch it names. */
export function formatVolumeEpoch(facts: VolumeEpochFacts, at: string): string {
  const { epoch, run, agent, leaseMs } = facts;
  return JSON.stringify({ v: 1, epoch: epoch.toString(), run, agent, leaseMs, at });
}
