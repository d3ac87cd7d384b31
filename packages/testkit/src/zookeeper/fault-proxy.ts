import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { FrameReader, type WireFrame } from "./frames.js";

/**
 * What happens to one message:
 * - `pass`
 * - `drop`: it vanishes, the connection lives on
 * - `hold`: this and everything after it in this direction vanishes, the connection stays open (packets lost)
 * - `reset`: it vanishes, both sides get a RST
 * - `cutAfterBytes`: only its beginning arrives, then the connection ends
 * - `replace`: something else arrives
 * - `delayMs`: it arrives later, and with it everything after it in this direction
 */
export type FrameFate =
  | "pass"
  | "drop"
  | "hold"
  | "reset"
  | { readonly cutAfterBytes: number }
  | { readonly replace: Buffer }
  | { readonly delayMs: number };

export interface FaultRules {
  readonly request?: (frame: WireFrame, connection: number) => FrameFate;
  readonly reply?: (frame: WireFrame, connection: number) => FrameFate;
}

/** Stands between a client and a real server, knows where messages begin and end, and loses what it is told to lose. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Connections made so far. */
  readonly connections: number;
  /** Connections that clients have open now. */
  readonly open: number;
  /** Replaces the rules; those left out pass everything. */
  setRules(rules: FaultRules): void;
  /** Nothing passes any more, in either direction; new connections are accepted and stay silent. */
  hang(): void;
  /** New connections work again; those that hung stay silent for ever, as after a lost NAT entry. */
  heal(): void;
  /** RST to every client. */
  resetAll(): void;
  /** New connections are refused until `accept`, as those to a machine whose server is down. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

type Direction = "request" | "reply";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Directions in which nothing passes any more. */
  readonly held: Set<Direction>;
}

const HOST = "127.0.0.1";

export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let rules: FaultRules = {};
  let hanging = false;
  let connections = 0;

  const listener = createServer((client) => {
    connections += 1;
    const pair: Pair = { client, server: connect({ host: target.host, port: target.port }), held: new Set() };
    const fateOf = (direction: Direction, number: number) => (frame: WireFrame) =>
      rules[direction]?.(frame, number) ?? "pass";
    pairs.add(pair);
    if (hanging) hold(pair);
    forward(pair, "request", fateOf("request", connections));
    forward(pair, "reply", fateOf("reply", connections));
    passEndsOn(pair, () => pairs.delete(pair));
  });
  const port = await listen(listener, 0);
  return {
    host: HOST,
    port,
    get connections() {
      return connections;
    },
    get open() {
      return [...pairs].filter(({ client }) => !client.destroyed).length;
    },
    setRules(next) {
      rules = next;
    },
    hang() {
      hanging = true;
      for (const pair of pairs) hold(pair);
    },
    heal() {
      hanging = false;
    },
    resetAll() {
      for (const { client } of pairs) client.resetAndDestroy();
    },
    refuse: () => stopListening(listener, pairs),
    async accept() {
      await listen(listener, port);
    },
    async close() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await stopListening(listener, pairs);
    },
  };
}

async function listen(listener: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host: HOST, port }, resolve);
  });
  return (listener.address() as AddressInfo).port;
}

/** The listener is closed at once; its callback would also wait for the connections that it had accepted. */
async function stopListening(listener: Server, pairs: ReadonlySet<Pair>): Promise<void> {
  if (!listener.listening) return;
  const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
  if (pairs.size === 0) await closed;
}

function hold(pair: Pair): void {
  pair.held.add("request").add("reply");
}

function passEndsOn(pair: Pair, bothEnded: () => void): void {
  for (const [socket, other, direction] of [
    [pair.client, pair.server, "request"],
    [pair.server, pair.client, "reply"],
  ] as const) {
    socket.setNoDelay();
    // The error's consequence is the close that follows it.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      // Where packets are lost, the end of a connection is lost too.
      if (!pair.held.has(direction)) other.destroy();
      if (pair.client.destroyed && pair.server.destroyed) bothEnded();
    });
  }
}

function forward(pair: Pair, direction: Direction, fateOf: (frame: WireFrame) => FrameFate): void {
  const [from, to] = direction === "request" ? [pair.client, pair.server] : [pair.server, pair.client];
  const reader = new FrameReader(direction);
  const waiting: Buffer[] = [];
  let delayed = false;
  const write = (bytes: Buffer) => {
    if (delayed) waiting.push(bytes);
    else to.write(bytes);
  };
  const delay = (bytes: Buffer, delayMs: number) => {
    waiting.push(bytes);
    if (delayed) return;
    delayed = true;
    setTimeout(() => {
      delayed = false;
      if (!to.destroyed) for (const each of waiting.splice(0)) to.write(each);
    }, delayMs);
  };
  from.on("data", (chunk) => {
    for (const frame of reader.push(chunk)) {
      if (pair.held.has(direction)) return;
      const fate = fateOf(frame);
      if (fate === "pass") write(frame.bytes);
      else if (fate === "hold") pair.held.add(direction);
      else if (fate === "reset") reset(pair);
      else if (fate !== "drop") {
        if ("replace" in fate) write(fate.replace);
        else if ("delayMs" in fate) delay(frame.bytes, fate.delayMs);
        else cut(pair, to, frame.bytes.subarray(0, fate.cutAfterBytes));
      }
    }
  });
}

function reset(pair: Pair): void {
  hold(pair);
  pair.client.resetAndDestroy();
  pair.server.resetAndDestroy();
}

function cut(pair: Pair, to: Socket, beginning: Buffer): void {
  hold(pair);
  to.end(beginning);
  (to === pair.client ? pair.server : pair.client).destroy();
}
