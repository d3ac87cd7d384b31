import { existsSync, readdirSync } from "node:fs";
import { type AgentId, HoldfastError, type Op } from "@holdfast/core";
import { readProcess } from "@holdfast/effects";
import { findProcesses, isInNetwork, killAll } from "../processes.js";
import { hostAnswers } from "./probe.js";
import type { DevNetwork } from "./types.js";

const NETWORKS_MAX = 250;
const FIRST_OCTETS = "10.84";
const OWNER = "holdfast-dev";
const COMMAND_MS = 10_000;
const NAMESPACES = "/run/netns";

/**
 * As root: every agent is a network namespace with a link to one bridge and no route to anywhere else. `nsenter --net`
 * and not `ip netns exec`: the latter copies all mounts, which would pin volumes.
 */
export async function createNamespaceNetwork(op: Op, agents: readonly AgentId[]): Promise<DevNetwork> {
  await removeAbandoned(op);
  const number = await reserve(op);
  const network = describeNetwork(op, number, agents);
  try {
    const prefix = `${FIRST_OCTETS}.${number}`;
    await ipBatch(op, [`addr add ${prefix}.254/24 dev ${bridge(number)}`, `link set ${bridge(number)} up`]);
    for (const [index, agent] of agents.entries()) {
      const name = namespaceName(number, agent);
      const port = portName(number, index);
      await ip(op, "netns", "add", name);
      await ipBatch(op, [
        `link add ${port} type veth peer name eth0 netns ${name}`,
        `link set ${port} master ${bridge(number)}`,
        `link set ${port} up`,
      ]);
      await op.exec("ip", ["-n", name, "-batch", "-"], {
        timeoutMs: COMMAND_MS,
        input: `addr add ${prefix}.${index + 1}/24 dev eth0\nlink set lo up\nlink set eth0 up\n`,
      });
    }
    return network;
  } catch (error) {
    await removeNetwork(op, number);
    throw error;
  }
}

const bridge = (number: number) => `hd${number}br`;
const portName = (number: number, index: number) => `hd${number}v${index + 1}`;
const namespaceName = (number: number, agent: AgentId) => `hd${number}-${agent}`;
const namespaceFile = (number: number, agent: AgentId) => `${NAMESPACES}/${namespaceName(number, agent)}`;

function describeNetwork(op: Op, number: number, agents: readonly AgentId[]): DevNetwork {
  const indexOf = (agent: AgentId) => {
    const index = agents.indexOf(agent);
    if (index < 0) throw new Error(`no such agent: ${agent}`);
    return index;
  };
  const enter = (agent: AgentId) => ["nsenter", `--net=${namespaceFile(number, agent)}`, "--"];
  return {
    kind: "namespaces",
    cannot: [],
    hostAddress: `${FIRST_OCTETS}.${number}.254`,
    // Inside its own namespace only: nobody else on this machine can reach the databases.
    bindOf: () => "127.0.0.1",
    enter,
    describeEnter: (agent) => enter(agent).slice(0, -1).join(" "),
    processes: (agent) => findProcesses(isInNetwork(namespaceFile(number, agent))),
    cut: async (agent) => ip(op, "link", "set", portName(number, indexOf(agent)), "nomaster"),
    heal: async (agent) => ip(op, "link", "set", portName(number, indexOf(agent)), "master", bridge(number)),
    answers: (agent) => hostAnswers(`${FIRST_OCTETS}.${number}.${indexOf(agent) + 1}`),
    remove: () => removeNetwork(op, number),
  };
}

async function ip(op: Op, ...args: readonly string[]): Promise<void> {
  await op.exec("ip", args, { timeoutMs: COMMAND_MS });
}

async function ipBatch(op: Op, lines: readonly string[]): Promise<void> {
  await op.exec("ip", ["-batch", "-"], { timeoutMs: COMMAND_MS, input: `${lines.join("\n")}\n` });
}

/** Locally administered, one per network. */
function bridgeAddress(number: number): string {
  return `02:48:46:00:00:${number.toString(16).padStart(2, "0")}`;
}

/** The bridge's name is the reservation: the kernel refuses a second one. Its alias says whose it is. */
async function reserve(op: Op): Promise<number> {
  const used = await addressesInUse(op);
  for (let tried = 0; tried < NETWORKS_MAX; tried += 1) {
    const number = ((process.pid + tried) % NETWORKS_MAX) + 1;
    if (used.some((address) => address.startsWith(`${FIRST_OCTETS}.${number}.`))) continue;
    // Its own address from the start: without one a bridge takes the lowest of its ports' and changes it as they come and
    // go, and agents then send to the old one for seconds.
    const made = await op.exec(
      "ip",
      ["link", "add", bridge(number), "address", bridgeAddress(number), "type", "bridge"],
      {
        timeoutMs: COMMAND_MS,
        okExitCodes: [0, 2],
      },
    );
    if (made.exitCode === 0) {
      const owner = `${OWNER} ${process.pid} ${readProcess(process.pid)?.startTicks ?? ""}`;
      await ip(op, "link", "set", bridge(number), "alias", owner);
      return number;
    }
    if (!made.stderr.includes("File exists")) {
      throw new HoldfastError("DENIED", `A bridge cannot be made here: ${made.stderr.trim()}`, {
        hint: "Network namespaces need CAP_NET_ADMIN and CAP_SYS_ADMIN; --network loopback works without.",
      });
    }
  }
  throw new HoldfastError(
    "NO_CAPACITY",
    `All ${NETWORKS_MAX} development networks ${FIRST_OCTETS}.N.0/24 are in use.`,
    {
      hint: "See `ip link show type bridge`, and end clusters with `holdfast dev down`.",
    },
  );
}

async function addressesInUse(op: Op): Promise<string[]> {
  const { stdout } = await op.exec("ip", ["-json", "route", "show", "table", "all"], { timeoutMs: COMMAND_MS });
  return (JSON.parse(stdout || "[]") as { dst?: string }[]).flatMap((route) => route.dst ?? []);
}

interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
}

/** Networks whose owner died without cleaning up, of whatever directory they were. */
export async function removeAbandoned(op: Op): Promise<void> {
  const { stdout } = await op.exec("ip", ["-json", "link", "show", "type", "bridge"], { timeoutMs: COMMAND_MS });
  for (const link of JSON.parse(stdout || "[]") as Link[]) {
    const [mark, pid, startTicks] = (link.ifalias ?? "").split(" ");
    const number = /^hd(\d+)br$/.exec(link.ifname)?.[1];
    if (mark !== OWNER || number === undefined) continue;
    if (readProcess(Number(pid))?.startTicks !== startTicks) await removeNetwork(op, Number(number));
  }
}

async function removeNetwork(op: Op, number: number): Promise<void> {
  const mine = new RegExp(`^hd${number}-`);
  const names = existsSync(NAMESPACES) ? readdirSync(NAMESPACES).filter((name) => mine.test(name)) : [];
  for (const name of names) {
    await killAll(() => findProcesses(isInNetwork(`${NAMESPACES}/${name}`)), COMMAND_MS);
  }
  // The kernel takes a namespace's links away some time after its last reference; the names must be free at once.
  const ports = readdirSync("/sys/class/net").filter((name) => new RegExp(`^hd${number}(v\\d+|br)$`).test(name));
  for (const port of ports.sort().reverse()) await ip(op, "link", "del", port);
  for (const name of names) await ip(op, "netns", "del", name);
}
