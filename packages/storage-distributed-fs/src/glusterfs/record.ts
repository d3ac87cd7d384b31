import { type Epoch, HoldfastError, type Volume } from "@holdfast/core";
import type { VolumeInfo } from "./xml.js";

/**
 * What the volume itself remembers, as an option in the `user.` name space, which glusterd keeps and passes to nobody: the last epoch that
 * attached or fenced, and who has it. One option per service and role, so that volumes may be shared by subdirectory.
 */
export interface AttachmentRecord {
  readonly epoch: Epoch;
  /** Null: detached, or fenced. */
  readonly agent: string | null;
}

export function recordKey({ service, role }: Pick<Volume, "service" | "role">): string {
  return `user.holdfast.${service}.${role}`;
}

/** `5 agent-1`, the agent encoded so that the value is one word; `5` alone when nobody has it. */
export function formatRecord({ epoch, agent }: AttachmentRecord): string {
  return agent === null ? `${epoch}` : `${epoch}@${encodeURIComponent(agent)}`;
}

export function parseRecord(value: string | undefined): AttachmentRecord | undefined {
  const found = /^(\d+)(?:@(\S+))?$/.exec(value ?? "");
  if (found?.[1] === undefined) return undefined;
  return { epoch: BigInt(found[1]), agent: found[2] === undefined ? null : decodeURIComponent(found[2]) };
}

export function recordOf(info: VolumeInfo, volume: Pick<Volume, "service" | "role">): AttachmentRecord | undefined {
  return parseRecord(info.options.get(recordKey(volume)));
}

/** @throws `STALE_EPOCH`. Equal is fine: it is the same grant, calling again. */
export function assertNotStale(record: AttachmentRecord | undefined, epoch: Epoch): void {
  if (record === undefined || record.epoch <= epoch) return;
  throw new HoldfastError("STALE_EPOCH", `The volume has seen epoch ${record.epoch}, this grant has ${epoch}.`, {
    hint: "Stop; the grant is void.",
    detail: { seen: record.epoch.toString(), epoch: epoch.toString() },
  });
}
