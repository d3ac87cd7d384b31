import { chmodSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { bounded } from "@holdfast/effects";

/** A client that does not read, or does not close, costs no more than this. */
const CLIENT_MS = 2_000;
const LISTEN_MS = 2_000;

export interface StatusServer {
  close(): void;
}

/**
 * Answers each connection with one line of JSON and closes it; with none while there is nothing to say yet. A socket that a dead process left behind is replaced; one
 * that a living process answers on is not.
 * @throws whatever kept the socket from being made; the caller runs on without one and says so.
 */
export async function serveStatus(path: string, describe: () => unknown): Promise<StatusServer> {
  const server = createServer((client) => {
    client.setTimeout(CLIENT_MS, () => client.destroy());
    // The asker went away before the answer: nothing to be done, and nobody to be told.
    client.on("error", () => client.destroy());
    const status = describe();
    if (status === undefined) client.end();
    else client.end(`${JSON.stringify(status)}\n`);
    client.resume();
  });
  server.unref();
  try {
    await listen(server, path);
  } catch (error) {
    if (!isCode(error, "EADDRINUSE") || (await answers(path))) throw error;
    unlinkSync(path);
    await listen(server, path);
  }
  chmodSync(path, 0o600);
  return { close: () => void server.close() };
}

function listen(server: Server, path: string): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const hint = "Choose another place with --status-socket.";
  return bounded(listening, { timeoutMs: LISTEN_MS, code: "INTERNAL", what: `Listening on ${path}`, hint });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(path);
    const end = (lives: boolean) => {
      client.destroy();
      resolve(lives);
    };
    client.setTimeout(CLIENT_MS, () => end(true));
    client.once("connect", () => end(true));
    client.once("error", (error) => end(!isCode(error, "ECONNREFUSED") && !isCode(error, "ENOENT")));
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
