/** One frame between a guest's agent and the one who runs a command there: kind, length, payload. */
export type FrameKind = "request" | "stdin" | "stdin-end" | "stdout" | "stderr" | "signal" | "exit";

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

/** First frame of a connection. */
export interface GuestRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Payload of the last one. */
export interface GuestExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The program could not be started. */
  readonly error?: string;
}

const KINDS: readonly FrameKind[] = ["request", "stdin", "stdin-end", "stdout", "stderr", "signal", "exit"];
const HEADER_BYTES = 5;
const PAYLOAD_BYTES_MAX = 1 << 20;

export function encodeFrame(kind: FrameKind, payload: Uint8Array | string = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(KINDS.indexOf(kind), 0);
  header.writeUInt32BE(body.byteLength, 1);
  return Buffer.concat([header, body]);
}

/** Puts frames together from chunks as they arrive. */
export function createFrameReader(): (chunk: Buffer) => Frame[] {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    while (pending.byteLength >= HEADER_BYTES) {
      const length = pending.readUInt32BE(1);
      const kind = KINDS[pending.readUInt8(0)];
      if (kind === undefined || length > PAYLOAD_BYTES_MAX) throw new Error("what came is no frame");
      if (pending.byteLength < HEADER_BYTES + length) break;
      frames.push({ kind, payload: pending.subarray(HEADER_BYTES, HEADER_BYTES + length) });
      pending = pending.subarray(HEADER_BYTES + length);
    }
    return frames;
  };
}
