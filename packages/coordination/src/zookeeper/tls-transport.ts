import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, isIP, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { HoldfastError } from "@holdfast/core";
import { readTlsMaterial, type TlsMaterial } from "./credentials.js";
import type { ZooKeeperAddress, ZooKeeperTlsOptions } from "./options.js";
import { explainTlsFailure } from "./tls-failure.js";
import { labelOf, type Transport, type TransportEvents } from "./transport.js";

/** sun_path holds 108 bytes with its end mark (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;
const SHORT_PLACES = ["/tmp", "/dev/shm"] as const;
const DIRECTORY_PREFIX = "holdfast-tls-";

interface Forwarder {
  readonly listener: Server;
  readonly pairs: Set<Socket>;
}

/**
 * TLS for a client that knows only plain sockets: it connects to a unix socket of this process, which goes on to the
 * server through TLS. One socket per server, so that the client still chooses among servers. The sockets lie in a
 * directory that only this user can enter: no port on the loopback interface that others on the machine could use.
 */
export function tlsTransport(servers: readonly ZooKeeperAddress[], options: ZooKeeperTlsOptions): Transport {
  const forwarders: Forwarder[] = [];
  let directory: string | undefined;
  return {
    explains: true,
    async open(events) {
      const material = await readTlsMaterial(options);
      const context = makeContext(material);
      directory = await privateDirectory();
      const opened = [];
      for (const [index, server] of servers.entries()) {
        const path = join(directory, String(index));
        forwarders.push(await listen(path, (local, pairs) => forward(local, server, context, material, events, pairs)));
        opened.push({ path, label: labelOf(server) });
      }
      return opened;
    },
    async close() {
      for (const { listener, pairs } of forwarders) {
        for (const socket of pairs) socket.destroy();
        await new Promise<void>((resolve) => listener.close(() => resolve()));
      }
      forwarders.length = 0;
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

function makeContext(material: TlsMaterial): SecureContext {
  try {
    return createSecureContext({
      ...(material.ca === undefined ? {} : { ca: material.ca }),
      ...(material.cert === undefined ? {} : { cert: material.cert }),
      ...(material.key === undefined ? {} : { key: material.key }),
      minVersion: "TLSv1.2",
    });
  } catch (error) {
    throw new HoldfastError("BAD_CONFIGURATION", `The TLS files do not fit together: ${String(error)}`, {
      hint: "The key must belong to the certificate, and must not be encrypted.",
    });
  }
}

/** mkdtemp makes it with mode 0700. */
async function privateDirectory(): Promise<string> {
  const failures: unknown[] = [];
  for (const place of [tmpdir(), ...SHORT_PLACES]) {
    // A scheduler's sandbox, which is often the temporary directory, has a path that is too long for a socket.
    if (Buffer.byteLength(join(place, `${DIRECTORY_PREFIX}XXXXXX/000`)) > SOCKET_PATH_BYTES_MAX) continue;
    try {
      return await mkdtemp(join(place, DIRECTORY_PREFIX));
    } catch (error) {
      failures.push(error);
    }
  }
  throw new HoldfastError(
    "BAD_CONFIGURATION",
    "There is no directory for the private sockets of the TLS connections.",
    {
      hint: `Set TMPDIR to a writable directory with a short path, or allow one of ${SHORT_PLACES.join(", ")}.`,
      cause: new AggregateError(failures),
    },
  );
}

async function listen(path: string, accept: (local: Socket, pairs: Set<Socket>) => void): Promise<Forwarder> {
  const pairs = new Set<Socket>();
  const listener = createServer((local) => accept(local, pairs));
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(path, resolve);
  });
  // It serves the client's own sockets, which keep the process alive where that is wanted.
  listener.unref();
  return { listener, pairs };
}

function forward(
  local: Socket,
  server: ZooKeeperAddress,
  context: SecureContext,
  material: TlsMaterial,
  events: TransportEvents,
  pairs: Set<Socket>,
): void {
  const raw = connect({ host: server.host, port: server.port, noDelay: true });
  const name = material.serverName ?? server.host;
  const secured: TLSSocket = connectTls({
    socket: raw,
    secureContext: context,
    // The name that is verified; an address must not be sent as server name indication (RFC 6066 §3).
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: true,
  });
  const end = () => {
    pairs.delete(local);
    // RST: what is not delivered yet must not be delivered after the client has given this connection up.
    if (raw.remoteAddress !== undefined) raw.resetAndDestroy();
    else raw.destroy();
    secured.destroy();
    local.destroy();
  };
  let handshaking = false;
  raw.once("connect", () => {
    handshaking = true;
  });
  const failed = (error: NodeJS.ErrnoException) => {
    const refusal = explainTlsFailure(labelOf(server), error);
    const reason = `${error.code ?? error.message}${handshaking ? " in the TLS handshake" : ""}`;
    if (pairs.has(local)) events.failed(labelOf(server), reason, refusal);
    end();
  };
  // Read, so that its end is noticed, and kept: what is written before the handshake is over hides why it failed.
  const early: Buffer[] = [];
  const keep = (chunk: Buffer) => early.push(chunk);
  pairs.add(local);
  raw.on("error", failed);
  secured.on("error", failed);
  secured.on("close", end);
  local.on("error", end);
  local.on("close", end);
  local.on("data", keep);
  secured.once("secureConnect", () => {
    handshaking = false;
    local.off("data", keep);
    for (const chunk of early) secured.write(chunk);
    local.pipe(secured);
    secured.pipe(local);
  });
}
