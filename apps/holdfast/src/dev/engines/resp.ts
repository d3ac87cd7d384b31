import { connect, type Socket } from "node:net";

/** A reply of the Redis protocol, as far as a test client meets it. */
export type Reply = string | number | null | Error | Reply[];

/** Parses one reply (RESP2); undefined = not all of it is there yet. */
export function parseReply(data: Buffer, at: number): { readonly reply: Reply; readonly end: number } | undefined {
  const lineEnd = data.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const line = data.toString("utf8", at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (data[at]) {
    case 0x2b: // +
      return { reply: line, end };
    case 0x2d: // -
      return { reply: new Error(line), end };
    case 0x3a: // :
      return { reply: Number(line), end };
    case 0x24: {
      // $
      const length = Number(line);
      if (length < 0) return { reply: null, end };
      if (data.length < end + length + 2) return undefined;
      return { reply: data.toString("utf8", end, end + length), end: end + length + 2 };
    }
    case 0x2a: {
      // *
      const items: Reply[] = [];
      let next = end;
      for (let left = Number(line); left > 0; left -= 1) {
        const item = parseReply(data, next);
        if (item === undefined) return undefined;
        items.push(item.reply);
        next = item.end;
      }
      return { reply: items, end: next };
    }
    default:
      throw new Error(`not a reply of Redis: ${JSON.stringify(line)}`);
  }
}

export function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/** A connection to a Redis server: commands are answered in order; the first error ends it. */
export class RespClient {
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  #ended: Error | undefined;

  constructor(target: { readonly host: string; readonly port: number }, signal: AbortSignal) {
    this.#socket = connect({ ...target, noDelay: true });
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("the server closed the connection")));
    signal.addEventListener("abort", () => this.#end(new Error("aborted")), { once: true });
  }

  /** @throws what the server answered, or why it cannot answer. */
  async command(...words: readonly string[]): Promise<Reply> {
    if (this.#ended !== undefined) throw this.#ended;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(words));
    });
    if (reply instanceof Error) throw reply;
    return reply;
  }

  close(): void {
    this.#end(new Error("closed"));
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    try {
      for (;;) {
        const parsed = parseReply(this.#unread, 0);
        if (parsed === undefined) return;
        this.#unread = this.#unread.subarray(parsed.end);
        this.#waiting.shift()?.resolve(parsed.reply);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
