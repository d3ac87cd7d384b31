import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Servers on 127.0.0.1 that a test writes itself, and the files that their clients need. */
export interface Loopback {
  /** Writes a file that only this user may read; resolves its path. Writing again replaces it in place. */
  file(name: string, text: string): string;
  /** Each resolves with the base URL of a new server. */
  http(listener: RequestListener): Promise<string>;
  https(
    listener: RequestListener,
    certificate: { readonly certFile: string; readonly keyFile: string },
  ): Promise<string>;
  /** A server of bytes: what is read and answered, and when, is the test's business. */
  raw(onConnection: (socket: Socket) => void): Promise<string>;
  /** An address where nobody listens. */
  nobody(): Promise<string>;
  /** Ends every connection and server, and removes the files. */
  close(): Promise<void>;
}

export function createLoopback(): Loopback {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-loopback-"));
  const closers: (() => Promise<void>)[] = [];

  async function listen(server: Server, scheme: "http" | "https"): Promise<string> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // A client that leaves resets the connection: the end of it for the server, and no failure.
      socket.on("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return closed(server);
    });
    return `${scheme}://127.0.0.1:${portOf(server)}`;
  }

  return {
    file(name, text) {
      const path = join(directory, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    },
    http: (listener) => listen(createServer(listener), "http"),
    https: (listener, { certFile, keyFile }) =>
      listen(createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, listener), "https"),
    raw: (onConnection) => listen(createRawServer(onConnection), "http"),
    async nobody() {
      const server = createRawServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const port = portOf(server);
      await closed(server);
      return `http://127.0.0.1:${port}`;
    },
    async close() {
      for (const close of closers) await close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
