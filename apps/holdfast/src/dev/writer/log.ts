/**
 * The writer's own log, one line per event: `s EPOCH SEQ MS` before a write is sent, `a EPOCH SEQ MS` when its
 * acknowledgement has arrived. Times are CLOCK_MONOTONIC, comparable between all processes of the machine.
 */
export interface WriteEvent {
  readonly kind: "sent" | "acknowledged";
  readonly epoch: bigint;
  readonly seq: number;
  readonly atMs: number;
}

export function formatEvent({ kind, epoch, seq, atMs }: WriteEvent): string {
  return `${kind === "sent" ? "s" : "a"} ${epoch} ${seq} ${atMs.toFixed(3)}\n`;
}

/** A last line without its end was being written when the machine died: it counts for nothing. */
export function parseEvents(text: string): WriteEvent[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line) => {
    const match = /^([sa]) (\d+) (\d+) (\d+\.\d+)$/.exec(line);
    if (match === null) throw new Error(`a writer's log is damaged: ${JSON.stringify(line)}`);
    const [, kind, epoch, seq, atMs] = match;
    return {
      kind: kind === "s" ? "sent" : "acknowledged",
      epoch: BigInt(epoch ?? ""),
      seq: Number(seq),
      atMs: Number(atMs),
    };
  });
}

export interface WriteName {
  readonly epoch: bigint;
  readonly agent: string;
  readonly seq: number;
}

/** Unique over the whole data set: a writer never uses a number twice, whatever the epoch. */
export function keyFor({ epoch, agent, seq }: WriteName): string {
  return `${epoch}:${agent}:${seq}`;
}

/** What belongs to a key, so that a value that was mixed up or damaged is noticed (FNV-1a, 32 bits). */
export function valueFor(key: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `v-${hash.toString(16).padStart(8, "0")}`;
}
