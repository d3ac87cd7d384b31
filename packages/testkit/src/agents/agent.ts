import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
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
  readonly number: number;
}

const REMOVE_LIMIT_MS = 10_000;

export async function openAgent({ network, bridge, prefix, number }: AgentPlace): Promise<NetworkAgent> {
  const name = `${network}-${number}`;
  const port = `${network}v${number}`;
  const address = `${prefix}.${number}`;
  const statistics = (counter: string) => Number(readFileSync(`/sys/class/net/${port}/statistics/${counter}`, "utf8"));
  await command(["ip", "netns", "add", name]);
  await command(
    ["ip", "-batch", "-"],
    `link add ${port} type veth peer name eth0 netns ${name}\nlink set ${port} master ${bridge} up\n`,
  );
  await command(
    ["ip", "-n", name, "-batch", "-"],
    `addr add ${address}/24 dev eth0\nlink set lo up\nlink set eth0 up\n`,
  );
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
      await command(["ip", "link", "set", port, "nomaster"]);
    },
    async unplug() {
      await command(["ip", "link", "set", port, "down"]);
    },
    async heal() {
      await command(["ip", "-batch", "-"], `link set ${port} master ${bridge}\nlink set ${port} up\n`);
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
    state() {
      // The port's own flag, not its operational state: a veth is also "down" while its peer comes up.
      const up = (Number(readFileSync(`/sys/class/net/${port}/flags`, "utf8")) & 1) === 1;
      if (!up) return "unplugged";
      const master = `/sys/class/net/${port}/master`;
      return existsSync(master) && basename(readlinkSync(master)) === bridge ? "connected" : "cut";
    },
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
