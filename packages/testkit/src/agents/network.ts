import { existsSync, readFileSync } from "node:fs";
import { readProcess } from "@holdfast/effects";
import { type NetworkAgent, openAgent, silenceIpv6 } from "./agent.js";
import { command } from "./command.js";

/**
 * Agents as network namespaces on one bridge, with no route to anywhere else. The bridge's own address is the test's:
 * a server bound to it is reachable by every agent that is not cut off.
 */
export interface AgentNetwork {
  /** `10.83.N`. */
  readonly prefix: string;
  /** The bridge's address, in the machine's own namespace. */
  readonly address: string;
  addAgent(): Promise<NetworkAgent>;
  /** Ends what still runs in the agents, then takes everything down. Idempotent. */
  remove(): Promise<void>;
}

const FIRST_OCTETS = "10.83";
const NETWORKS_MAX = 250;
const AGENTS_MAX = 250;
const BRIDGE_NUMBER = 254;
const ALIAS = "holdfast-testkit";

/** Needs root. A network whose owner has died (a killed test run) is removed first. */
export async function createAgentNetwork(): Promise<AgentNetwork> {
  await removeAbandonedNetworks();
  const number = await reserveBridge();
  const bridge = `hf${number}br`;
  const prefix = `${FIRST_OCTETS}.${number}`;
  const address = `${prefix}.${BRIDGE_NUMBER}`;
  await command([
    "ip",
    "link",
    "set",
    bridge,
    "alias",
    `${ALIAS} ${process.pid} ${readProcess(process.pid)?.startTicks}`,
  ]);
  await command(["ip", "addr", "add", `${address}/24`, "dev", bridge]);
  // A bridge without an address of its own takes the lowest of its ports' and changes it as ports come and go; every
  // agent would then send to the old one until its ARP entry is doubted, a second or more later.
  await command(["ip", "link", "set", bridge, "address", linkAddress(number, BRIDGE_NUMBER)]);
  silenceIpv6(bridge);
  await command(["ip", "link", "set", bridge, "up"]);
  const agents = new Map<number, NetworkAgent | undefined>();
  let last = 0;
  let removal: Promise<void> | undefined;
  return {
    prefix,
    address,
    async addAgent() {
      // In turn, so that a number is used again as late as possible.
      const inTurn = Array.from({ length: AGENTS_MAX }, (_, index) => ((last + index) % AGENTS_MAX) + 1);
      const free = inTurn.find((candidate) => !agents.has(candidate));
      if (free === undefined) throw new Error(`a network has room for ${AGENTS_MAX} agents`);
      last = free;
      agents.set(free, undefined);
      const mac = linkAddress(number, free);
      const agent = await openAgent({ network: `hf${number}`, bridge, prefix, mac, number: free });
      agents.set(free, agent);
      return {
        ...agent,
        async remove() {
          await agent.remove();
          agents.delete(free);
        },
      };
    },
    remove() {
      removal ??= removeNetwork(number, agents.values());
      return removal;
    },
  };
}

/** The same for the same number: whoever remembers the one who had it before reaches the one who has it now. */
function linkAddress(network: number, number: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  return `02:00:0a:53:${hex(network)}:${hex(number)}`;
}

async function removeNetwork(number: number, agents: Iterable<NetworkAgent | undefined>): Promise<void> {
  for (const agent of agents) await agent?.remove();
  await command(["ip", "link", "del", `hf${number}br`]);
}

/** The bridge's name is the reservation: the kernel refuses a second one. */
async function reserveBridge(): Promise<number> {
  const start = process.pid % NETWORKS_MAX;
  for (let tried = 0; tried < NETWORKS_MAX; tried += 1) {
    const number = ((start + tried) % NETWORKS_MAX) + 1;
    try {
      await command(["ip", "link", "add", `hf${number}br`, "type", "bridge"]);
      return number;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("File exists"))) throw error;
    }
  }
  throw new Error(`all ${NETWORKS_MAX} test networks ${FIRST_OCTETS}.N.0/24 are in use; see ip link show type bridge`);
}

interface LinkInfo {
  readonly ifname: string;
  readonly ifalias?: string;
}

async function removeAbandonedNetworks(): Promise<void> {
  const { stdout } = await command(["ip", "-json", "link", "show", "type", "bridge"]);
  for (const link of JSON.parse(stdout || "[]") as LinkInfo[]) {
    const [mark, pid, startTicks] = (link.ifalias ?? "").split(" ");
    const number = /^hf(\d+)br$/.exec(link.ifname)?.[1];
    if (mark !== ALIAS || number === undefined) continue;
    if (readProcess(Number(pid))?.startTicks === startTicks) continue;
    // Of several test processes that start at once, each finds the same.
    await unlessGone(() => removeNamespaces(`hf${number}`));
    await unlessGone(() => command(["ip", "link", "del", link.ifname]));
  }
}

async function unlessGone(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    const gone = /No such file or directory|Cannot find device|ESRCH/;
    if (!(error instanceof Error && gone.test(error.message))) throw error;
  }
}

async function removeNamespaces(network: string): Promise<void> {
  const { stdout } = await command(["ip", "netns", "list"]);
  for (const name of stdout.split("\n").map((line) => line.split(" ")[0] ?? "")) {
    if (!new RegExp(`^${network}-\\d+$`).test(name)) continue;
    const { stdout: pids } = await command(["ip", "netns", "pids", name]);
    for (const pid of pids.split("\n").filter((line) => line !== "")) process.kill(Number(pid), "SIGKILL");
    await command(["ip", "netns", "del", name]);
  }
}

/** Interfaces, bridges and namespaces of test networks whose owner is this very process: what a leak check must not find. */
export async function networksLeft(): Promise<string[]> {
  const { stdout } = await command(["ip", "-json", "link", "show", "type", "bridge"]);
  const own = `${ALIAS} ${process.pid} `;
  return (JSON.parse(stdout || "[]") as LinkInfo[])
    .filter((link) => link.ifalias?.startsWith(own))
    .map((link) => link.ifname);
}

/** What keeps agents as namespaces from working here, in words; undefined when nothing does. */
export function namespacesUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const tool of ["ip", "nft", "nsenter"]) {
    if (!["/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((directory) => existsSync(`${directory}/${tool}`)))
      return `${tool} is not installed`;
  }
  return readFileSync("/proc/self/status", "utf8").includes("CapEff") && existsSync("/proc/self/ns/net")
    ? undefined
    : "no network namespaces in this kernel";
}
