/** What the contention tests write: a counter, and the one write attempt that made it. */
export interface CounterValue {
  readonly count: number;
  readonly attempt: string;
}

export function encodeCounter(value: CounterValue): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** @throws when it is anything else: a damaged record. */
export function decodeCounter(data: Uint8Array): CounterValue {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  if (typeof value === "object" && value !== null && "count" in value && "attempt" in value) {
    const { count, attempt } = value;
    if (typeof count === "number" && typeof attempt === "string") return { count, attempt };
  }
  throw new Error(`No counter: ${JSON.stringify(value)}`);
}
