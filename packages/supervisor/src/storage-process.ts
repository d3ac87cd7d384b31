import type { Readable, Writable } from "node:stream";
import { createLineReader } from "./lock-protocol.js";
import type { GuardToStorage, StorageToGuard } from "./storage-protocol.js";

/** The storage process, seen from the guard: standard input and output of whatever runs in the tree. */
export interface StorageChannel {
  send(message: GuardToStorage): void;
}

/**
 * Lines of JSON both ways. What cannot be read ends the conversation: the process is our own program, and its end, or
 * the end of the time it has, says the rest.
 */
export function openStorageChannel(
  input: Writable,
  output: Readable,
  onMessage: (message: StorageToGuard) => void,
): StorageChannel {
  const read = createLineReader<StorageToGuard>(onMessage);
  output.setEncoding("utf8");
  output.on("data", (chunk: string) => {
    try {
      read(chunk);
    } catch (error) {
      output.destroy();
      const message = `it sent what cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      onMessage({ type: "failed", code: "INTERNAL", message, hint: "This is a defect in Holdfast." });
    }
  });
  // EPIPE and ECONNRESET mean that it has ended, which its tree says.
  for (const stream of [input, output]) stream.on("error", () => undefined);
  return {
    send(message) {
      if (input.writable) input.write(`${JSON.stringify(message)}\n`);
    },
  };
}
