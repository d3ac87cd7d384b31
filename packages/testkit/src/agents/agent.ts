import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { command } from "./command.js";
import { until } from "./until.js";

/** Packets as the bridge's side of an agent's link saw them. */
export interface LinkCounters {
  readonly sentPackets: number;
  readonly receivedPackets: number;
}

/** One machine of the suite: a network namespace with an address of its own. */
export interface NetworkAgent {
  readonly name: string;
  readonly address: string;
  /** Put before a command: it then runs in this agent's network, with the same pid. Mounts stay the machine's. */
  readonly enter: readonly string[];
  /** Silently off the network: the agent keeps its carrier, nothing is refused, packets vanish. */
  cut(): Promise<void>;
  /** The link goes down: the agent sees that the carrier is gone. */
  unplug(): Promise<void>;
  /** Undoes `cut` and `unplug`. */
  heal(): Promise<void>;
  /** Silently drops packets between this agent and those addresses, both ways; replaces an earlier drop. */
  drop(addresses: readonly string[]): Promise<void>;
  /** Packets dropped so far by `drop`. */
  dropped(): Promise<number>;
  undrop(): Promise<void>;
  /** From outside: is the agent on the network? */
  state(): "connected" | "cut" | "unplugged";
  counters(): LinkCounters;
  /** Pids that run in the agent's network now. */
  pids(): Promise<number[]>;
  remove(): Promise<void>;
}

export interface AgentPlace {
  readonly network: string;
  readonly bridge: string;
  readonly prefix: string;
  /** Of its link. */
  readonly mac: string;
  readonly number: number;
}

const REMOVE_LIMIT_MS = 10_000;
/** State of a bridge's port (linux/if_bridge.h). */
const FORWARDING = "3";

export async function openAgent({ network, bridge, prefix, mac, number }: AgentPlace): Promise<NetworkAgent> {
  const name = `${network}-${number}`;
  const port = `${network}v${number}`;
  const address = `${prefix}.${number}`;
  const statistics = (counter: string) => Number(readFileSync(`/sys/class/net/${port}/statistics/${counter}`, "utf8"));
  await command(["ip", "netns", "add", name]);
  await command(["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", name]);
  silenceIpv6(port);
  await command(["ip", "link", "set", port, "master", bridge, "up"]);
  await command(
    ["ip", "-n", name, "-batch", "-"],
    `addr add ${address}/24 dev eth0\nlink set lo up\nlink set eth0 up\n`,
  );
  const state = () => {
    // The port's own flag, not its operational state: a veth is also "down" while its peer comes up.
    const up = (Number(readFileSync(`/sys/class/net/${port}/flags`, "utf8")) & 1) === 1;
    if (!up) return "unplugged";
    return readFileSync(`/sys/class/net/${port}/brport/state`, "utf8").trim() === FORWARDING ? "connected" : "cut";
  };
  const pids = async () => {
    const { stdout } = await command(["ip", "netns", "pids", name]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);
  };
  return {
    name,
    address,
    enter: ["nsenter", `--net=/run/netns/${name}`, "--"],
    async cut() {
      // Not by taking the port off the bridge: the machine's own network would then answer the agent's ARP requests on
      // the port and take its packets, and servers bound to the bridge's address would still hear it.
      await command(["bridge", "link", "set", "dev", port, "state", "disabled"]);
    },
    async unplug() {
      await command(["ip", "link", "set", port, "down"]);
    },
    async heal() {
      // A port that comes up forwards by itself, as there is no spanning tree here; one that was up must be told.
      if (state() === "unplugged") await command(["ip", "link", "set", port, "up"]);
      else await command(["bridge", "link", "set", "dev", port, "state", "forwarding"]);
    },
    async drop(addresses) {
      await command(["nsenter", `--net=/run/netns/${name}`, "nft", "-f", "-"], dropRules(addresses));
    },
    async dropped() {
      const { stdout } = await command([
        "nsenter",
        `--net=/run/netns/${name}`,
        "nft",
        "-j",
        "list",
        "table",
        "inet",
        "holdfast",
      ]);
      return [...stdout.matchAll(/"counter": ?\{"packets": ?(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
    },
    async undrop() {
      await command(["nsenter", `--net=/run/netns/${name}`, "nft", "delete", "table", "inet", "holdfast"]);
    },
    state,
    // What the bridge's port received is what the agent sent.
    counters: () => ({ sentPackets: statistics("rx_packets"), receivedPackets: statistics("tx_packets") }),
    pids,
    async remove() {
      if (!existsSync(`/run/netns/${name}`)) return;
      await until(
        `the processes in ${name} to end`,
        async () => {
          const left = await pids();
          for (const pid of left) endByPid(pid);
          return left.length === 0;
        },
        { timeoutMs: REMOVE_LIMIT_MS },
      );
      // Both ends of the link go with the namespace; the name of the port must be free before it can be used again.
      await command(["ip", "link", "del", port]);
      await command(["ip", "netns", "del", name]);
    },
  };
}

/** Only packets of the agent's and the servers' own count: IPv6 would announce itself on the link, also on a dead one. */
export function silenceIpv6(link: string): void {
  const setting = `/proc/sys/net/ipv6/conf/${link}/disable_ipv6`;
  if (existsSync(setting)) writeFileSync(setting, "1");
}

function endByPid(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function dropRules(addresses: readonly string[]): string {
  const peers = addresses.join(", ");
  return `table inet holdfast
delete table inet holdfast
table inet holdfast {
  chain in { type filter hook input priority 0; iif "lo" accept; ip saddr { ${peers} } counter drop; }
  chain out { type filter hook output priority 0; oif "lo" accept; ip daddr { ${peers} } counter drop; }
}
`;
}
