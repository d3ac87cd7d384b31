import { type Epoch, HoldfastError } from "@holdfast/core";

/** What servers remember of a volume: the last epoch that attached or fenced, and who has it. */
export interface AttachmentRecord {
  readonly epoch: Epoch;
  /** Null: detached, or fenced. */
  readonly agent: string | null;
}

/** `5@agent-1`, the agent encoded so that the value is one word; `5` alone when nobody has it. */
export function formatRecord({ epoch, agent }: AttachmentRecord): string {
  return agent === null ? `${epoch}` : `${epoch}@${encodeURIComponent(agent)}`;
}

export function parseRecord(value: string | undefined): AttachmentRecord | undefined {
  const found = /^(\d+)(?:@(\S+))?$/.exec(value ?? "");
  if (found?.[1] === undefined) return undefined;
  return { epoch: BigInt(found[1]), agent: found[2] === undefined ? null : decodeURIComponent(found[2]) };
}

/** @throws `STALE_EPOCH`. Equal is fine: it is the same grant, calling again. */
export function assertNotStale(record: { readonly epoch: Epoch } | undefined, epoch: Epoch): void {
  if (record === undefined || record.epoch <= epoch) return;
  throw new HoldfastError("STALE_EPOCH", `The volume has seen epoch ${record.epoch}, this grant has ${epoch}.`, {
    hint: "Stop; the grant is void.",
    detail: { seen: record.epoch.toString(), epoch: epoch.toString() },
  });
}
