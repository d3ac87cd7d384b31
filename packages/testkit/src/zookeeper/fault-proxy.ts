import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { FrameReader, type WireFrame } from "./frames.js";

/**
 * What happens to one message:
 * - `pass`
 * - `drop`: it vanishes, the connection lives on
 * - `hold`: this and everything after it in this direction vanishes, the connection stays open (packets lost)
 * - `reset`: it vanishes, both sides get a RST
 * - `cutAfterBytes`: only its beginning arrives, then the client's connection ends
 * - `replace`: something else arrives
 */
export type FrameFate =
  | "pass"
  | "drop"
  | "hold"
  | "reset"
  | { readonly cutAfterBytes: number }
  | { readonly replace: Buffer };

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
  /** Connections that are open now. */
  readonly open: number;
  /** Replaces the rules; those left out pass everything. */
  setRules(rules: FaultRules): void;
  /** Nothing passes any more, in either direction; new connections are accepted and stay silent. */
  hang(): void;
  /** New connections work again; those that hung stay silent for ever, as after a lost NAT entry. */
  heal(): void;
  /** RST to every client. */
  resetAll(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly held: Set<"request" | "reply">;
}

export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let rules: FaultRules = {};
  let hanging = false;
  let connections = 0;

  const listener = createServer((client) => {
    connections += 1;
    const pair: Pair = { client, server: connect(target), held: new Set() };
    pairs.add(pair);
    if (hanging) hold(pair);
    forward(pair, "request", connections);
    forward(pair, "reply", connections);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      pair.server.destroy();
    };
    for (const socket of [client, pair.server]) {
      socket.setNoDelay();
      // The error's consequence is the close that follows it, which ends the pair.
      socket.on("error", () => socket.destroy());
      socket.on("close", end);
    }
  });

  const forward = (pair: Pair, direction: "request" | "reply", connection: number) => {
    const [from, to] = direction === "request" ? [pair.client, pair.server] : [pair.server, pair.client];
    const reader = new FrameReader(direction);
    from.on("data", (chunk) => {
      for (const frame of reader.push(chunk)) {
        if (pair.held.has(direction)) return;
        const fate = rules[direction]?.(frame, connection) ?? "pass";
        if (!carryOut(fate, frame, pair, direction, to)) return;
      }
    });
  };

  await new Promise<void>((resolve) => listener.listen({ host: "127.0.0.1", port: 0 }, resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    get connections() {
      return connections;
    },
    get open() {
      return pairs.size;
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
    async close() {
      for (const { client } of pairs) client.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

function hold(pair: Pair): void {
  pair.held.add("request").add("reply");
}

/** False when nothing more of this direction may pass. */
function carryOut(fate: FrameFate, frame: WireFrame, pair: Pair, direction: "request" | "reply", to: Socket): boolean {
  if (fate === "pass") to.write(frame.bytes);
  else if (fate === "hold") pair.held.add(direction);
  else if (fate === "reset") {
    pair.held.add("request").add("reply");
    pair.client.resetAndDestroy();
  } else if (fate !== "drop") {
    if ("replace" in fate) to.write(fate.replace);
    else {
      hold(pair);
      to.end(frame.bytes.subarray(0, fate.cutAfterBytes));
    }
  }
  return !pair.held.has(direction);
}
