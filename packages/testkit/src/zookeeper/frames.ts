/** One message of the ZooKeeper protocol, as it went over the wire: four bytes of length, then the body. */
export interface WireFrame {
  /** Length and body. */
  readonly bytes: Buffer;
  /** Place in its direction of its connection; 0 = the handshake. */
  readonly index: number;
  /** Undefined for the handshake. */
  readonly xid: number | undefined;
  /** Operation of a request, error code of a reply. Undefined for the handshake. */
  readonly code: number | undefined;
}

const LENGTH_BYTES = 4;
const REQUEST_CODE_OFFSET = LENGTH_BYTES + 4;
/** A reply is xid, zxid (8 bytes), error. */
const REPLY_CODE_OFFSET = LENGTH_BYTES + 12;

/** Cuts a stream of bytes into messages; what is not complete yet is kept. */
export class FrameReader {
  readonly #codeOffset: number;
  #rest: Buffer = Buffer.alloc(0);
  #index = 0;

  constructor(direction: "request" | "reply") {
    this.#codeOffset = direction === "request" ? REQUEST_CODE_OFFSET : REPLY_CODE_OFFSET;
  }

  push(chunk: Buffer): WireFrame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: WireFrame[] = [];
    while (this.#rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) break;
      frames.push(this.#frame(this.#rest.subarray(0, end)));
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }

  #frame(bytes: Buffer): WireFrame {
    const index = this.#index;
    this.#index += 1;
    const has = (offset: number) => index > 0 && bytes.length >= offset + 4;
    return {
      bytes,
      index,
      xid: has(LENGTH_BYTES) ? bytes.readInt32BE(LENGTH_BYTES) : undefined,
      code: has(this.#codeOffset) ? bytes.readInt32BE(this.#codeOffset) : undefined,
    };
  }
}
