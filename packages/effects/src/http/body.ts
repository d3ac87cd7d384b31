import type { IncomingMessage } from "node:http";
import { describe, ExchangeError } from "./exchange.js";

/**
 * The whole body.
 * @throws {ExchangeError} when it breaks off, or is larger than `bytesMax`.
 */
export async function readBody(message: IncomingMessage, bytesMax: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        message.destroy();
        throw new ExchangeError(`the answer is larger than ${bytesMax} bytes`, true);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw describe(error, true, signal);
  }
  // A connection that ends inside a body without an error would otherwise pass as a short answer.
  if (!message.complete) throw new ExchangeError("the answer broke off", true);
  return Buffer.concat(chunks);
}
