/** One line of /proc/net/tcp or tcp6 (proc(5)): addresses as hex in network words of the machine's byte order. */
export interface SocketEntry {
  readonly localPort: number;
  /** `address:port`, or `[address]:port`. */
  readonly peer: string;
  readonly state: string;
  readonly inode: string;
}

/** include/net/tcp_states.h */
const STATES: Readonly<Record<string, string>> = {
  "01": "ESTABLISHED",
  "02": "SYN_SENT",
  "03": "SYN_RECV",
  "04": "FIN_WAIT1",
  "05": "FIN_WAIT2",
  "06": "TIME_WAIT",
  "07": "CLOSE",
  "08": "CLOSE_WAIT",
  "09": "LAST_ACK",
  "0A": "LISTEN",
  "0B": "CLOSING",
  "0C": "NEW_SYN_RECV",
};

/** Pure; lines of another form are left out. */
export function parseSockets(text: string): SocketEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) (.*)$/.exec(line);
    if (match === null) return [];
    const [, local = "", address = "", port = "", state = "", rest = ""] = match;
    // tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    const inode = rest.trim().split(/\s+/)[5] ?? "0";
    return [
      {
        localPort: Number.parseInt(local, 16),
        peer: `${formatAddress(address)}:${Number.parseInt(port, 16)}`,
        state: STATES[state] ?? state,
        inode,
      },
    ];
  });
}

/** States of a connection that our side has closed. */
const CLOSED = new Set(["FIN_WAIT1", "FIN_WAIT2", "LAST_ACK", "CLOSING", "TIME_WAIT"]);

/** Connections of a port that can still bring data to a process; not what the kernel itself winds up (inode 0). */
export function sessionsOf(sockets: readonly SocketEntry[], port: number): SocketEntry[] {
  return sockets.filter(
    ({ localPort, state, inode }) => localPort === port && state !== "LISTEN" && !(inode === "0" && CLOSED.has(state)),
  );
}

export function listenersOf(sockets: readonly SocketEntry[], port: number): SocketEntry[] {
  return sockets.filter(({ localPort, state }) => localPort === port && state === "LISTEN");
}

/** Little-endian words, as on every machine that Node is released for but s390x. */
function formatAddress(hex: string): string {
  const bytes = [...hex.matchAll(/../g)].map(([pair]) => Number.parseInt(pair, 16));
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.slice(index * 4, index * 4 + 4).reverse());
  if (words.length === 1) return (words[0] ?? []).join(".");
  const flat = words.flat();
  const mapped = flat.slice(0, 10).every((byte) => byte === 0) && flat[10] === 0xff && flat[11] === 0xff;
  if (mapped) return flat.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((flat[index * 2] ?? 0) << 8) | (flat[index * 2 + 1] ?? 0)).toString(16),
  );
  return `[${groups.join(":")}]`;
}
