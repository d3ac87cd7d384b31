import { type AgentId, type Epoch, HoldfastError, type Volume } from "@holdfast/core";
import type { VolumeInfo } from "./xml.js";

/**
 * What the volume itself remembers, in options of the `user.` name space, which glusterd keeps and passes to nobody. One option per agent:
 * glusterd has no compare-and-set, but it does one transaction after the other, so of two that each write their own record and
 * then look, the later one sees the other's.
 */
export interface AgentRecord {
  readonly agent: AgentId;
  /** Last epoch that attached it, detached it or fenced it. */
  readonly epoch: Epoch;
  /** `fenced`: the bricks confirmed it. */
  readonly state: "attached" | "free" | "fenced";
}

type Of = Pick<Volume, "service" | "role">;

export function recordOption(volume: Of, { agent, epoch, state }: AgentRecord): [name: string, value: string] {
  return [`${prefixOf(volume)}${encodeWord(agent)}`, `${epoch}@${state}`];
}

export function recordsOf(info: VolumeInfo, volume: Of): AgentRecord[] {
  const prefix = prefixOf(volume);
  return [...info.options].flatMap(([name, value]) => {
    const [, epoch, state] = /^(\d+)@(attached|free|fenced)$/.exec(value) ?? [];
    if (!name.startsWith(prefix) || epoch === undefined || state === undefined) return [];
    return [
      { agent: decodeWord(name.slice(prefix.length)), epoch: BigInt(epoch), state: state as AgentRecord["state"] },
    ];
  });
}

/** The newest epoch of all; undefined: nobody ever had it. */
export function newestOf(records: readonly AgentRecord[]): AgentRecord | undefined {
  return records.reduce<AgentRecord | undefined>(
    (newest, record) => (newest === undefined || record.epoch > newest.epoch ? record : newest),
    undefined,
  );
}

/** @throws `HELD_BY_OTHER`. */
export function assertFreeFor(agent: AgentId, records: readonly AgentRecord[]): void {
  const other = records.find((record) => record.state === "attached" && record.agent !== agent);
  if (other === undefined) return;
  throw new HoldfastError("HELD_BY_OTHER", `The volume is attached to ${other.agent} (epoch ${other.epoch}).`, {
    hint: "Wait for that run to end, or plan a fence; never force.",
    retryable: true,
    detail: { agent: other.agent, epoch: other.epoch.toString() },
  });
}

function prefixOf({ service, role }: Of): string {
  return `user.holdfast.${encodeWord(service)}.${encodeWord(role)}.`;
}

/** Letters, digits and dashes stay; `_2e` is a dot. Option names may hold no more than these. */
function encodeWord(word: string): string {
  return [...new TextEncoder().encode(word)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

function decodeWord(word: string): string {
  const bytes = [...word.matchAll(/_([0-9a-f]{2})|([^_])/g)].map(([, hex, plain = ""]) =>
    hex === undefined ? plain.charCodeAt(0) : Number.parseInt(hex, 16),
  );
  return new TextDecoder().decode(new Uint8Array(bytes));
}
