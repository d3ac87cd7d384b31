import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AgentId, hasCode, type LeaseTiming, type Logger, type Op, type OrchestratorEvent } from "@holdfast/core";
import { resolveUser, systemClock } from "@holdfast/effects";
import { createLocalOrchestrator, isOver, type LocalOrchestrator } from "@holdfast/orchestrator-local";
import { type AgentServer, startAgentServer } from "./agent/server.js";
import { AgentMachine, markedEnvironment } from "./agent-machine.js";
import { Cleanup } from "./cleanup.js";
import { initializeDataSet, markVolume } from "./data-set.js";
import { createFaults, type Faults } from "./faults.js";
import { killCluster } from "./kill-cluster.js";
import { claimDirectory, type Layout, releaseDirectory, removeAllButLogs, requireSearchable } from "./layout.js";
import { createLoopbackNetwork } from "./network/loopback.js";
import { createNamespaceNetwork } from "./network/namespaces.js";
import type { DevNetwork } from "./network/types.js";
import { devOp } from "./op.js";
import { type Requirement, requireInstalled } from "./requirements.js";
import { devService, engineContext, SERVICE_NAME, type Workload } from "./service.js";
import { createDirectoryDevStore } from "./store/directory.js";
import type { DevStore } from "./store/types.js";
import { startZooKeeper, ZOOKEEPER_REQUIREMENTS } from "./store/zookeeper.js";
import { until } from "./until.js";

export interface ClusterOptions {
  readonly directory: string;
  readonly agents: number;
  readonly network: "namespaces" | "loopback";
  readonly zookeeper: boolean;
  readonly workload: Workload;
  readonly timing: LeaseTiming;
  /** How this program is started again. */
  readonly own: readonly [string, ...string[]];
  /** What stands in the place of this program for `run`; a test's control wrapper. */
  readonly wrapper: readonly [string, ...string[]];
  /** A client per agent that writes all the time; null = none. */
  readonly writesPerSecond: number | null;
  /** Ends the setting up; a cluster that is up is ended by `close`. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** The cluster cannot go on; the caller closes it. */
  readonly onFailure: (error: unknown) => void;
}

export interface Cluster {
  readonly layout: Layout;
  readonly network: DevNetwork;
  readonly store: DevStore;
  readonly machines: ReadonlyMap<AgentId, AgentMachine>;
  readonly orchestrator: LocalOrchestrator;
  readonly faults: Faults;
  events(): AsyncIterable<OrchestratorEvent>;
  /** Ends everything and leaves the directory's logs. Idempotent. */
  close(): Promise<void>;
}

/** Silence after which an agent counts as lost: a development cluster's faults should not be waited for long. */
const DETECT_MS = 1_000;
const HEALTH = { graceMs: 20_000, intervalMs: 400, timeoutMs: 400, failuresMax: 2 };
const AGENTS_UP_MS = 20_000;
const STOP_MS = 15_000;

/** Builds everything, in order; whatever fails, what was made before is undone. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const cleanup = new Cleanup();
  try {
    return await build(options, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function build(options: ClusterOptions, cleanup: Cleanup): Promise<Cluster> {
  const { workload, timing, own, signal, log } = options;
  requireInstalled(requirements(options), "This cluster");
  const id = randomBytes(6).toString("hex");
  const agents = Array.from({ length: options.agents }, (_, index) => `agent-${index + 1}`);
  const layout = claimDirectory(options.directory, id);
  cleanup.add("the claim on the directory", () => releaseDirectory(layout, id));
  cleanup.add("data, sockets and links", () => removeAllButLogs(layout));
  const op = devOp(new AbortController().signal, layout.directory);
  await makeDirectories(layout, agents, workload);
  if (workload.kind === "engine" && workload.user !== null) requireSearchable(layout.volume, workload.user);

  const network =
    options.network === "namespaces" ? await createNamespaceNetwork(op, agents) : createLoopbackNetwork(agents);
  cleanup.add("the network", () => network.remove());
  for (const cannot of network.cannot) log(`this cluster cannot ${cannot}`);
  const env = markedEnvironment(id);
  cleanup.add("the processes", () => killCluster(id, layout));
  signal.throwIfAborted();
  const store = options.zookeeper
    ? await startZooKeeper({ directory: layout.zookeeper, host: network.hostAddress, env, signal })
    : createDirectoryDevStore(layout, agents);
  cleanup.add("the store", () => store.close());
  log(`store: ${store.kind === "zookeeper" ? store.url : `directory ${layout.store}`}`);

  await markVolume({ own, layout, workload, env, signal });
  const server = await startServer(layout, network, agents);
  cleanup.add("the agents' server", () => server.close());
  const machines = new Map<AgentId, AgentMachine>();
  const writer =
    workload.kind === "engine" && options.writesPerSecond !== null
      ? { engine: workload.engine.type, writesPerSecond: options.writesPerSecond }
      : null;
  for (const agent of agents) {
    machines.set(
      agent,
      new AgentMachine({ id: agent, clusterId: id, layout, network, own, port: server.port, writer }),
    );
  }
  cleanup.add("the agents", async () => {
    for (const machine of machines.values()) await machine.kill();
  });
  for (const machine of machines.values()) await machine.boot();

  const orchestrator = createLocalOrchestrator({
    agents: agents.map((agent) => server.agent(agent)),
    clock: systemClock,
    logger: silent,
    detectMs: DETECT_MS,
    wrapper: options.wrapper,
    store: store.url,
    health: HEALTH,
    command: () => {
      if (workload.kind === "command") throw new Error("a plain command needs no engine");
      return workload.engine.command(engineContext(workload.engine, workload.user));
    },
  });
  const running = new AbortController();
  const ended = orchestrator.run(running.signal).catch(options.onFailure);
  cleanup.add("the orchestrator", async () => {
    running.abort();
    await ended;
  });
  await until("every agent to report", () => silentAgents(orchestrator).length === 0, {
    timeoutMs: AGENTS_UP_MS,
    signal,
    seen: () => whySilent(silentAgents(orchestrator), layout),
  });
  log(
    `${agents.length} agents up, ${network.kind === "namespaces" ? "each a network namespace" : "each an address of the loopback"}`,
  );
  await initializeDataSet({
    own: options.wrapper,
    layout,
    workload,
    env,
    signal,
    network,
    store,
    agent: agents[0] ?? "",
    timing,
    log,
  });
  const compiled = orchestrator.compile(devService(workload, timing, layout), { kind: "any" });
  await orchestrator.apply(op, compiled);
  cleanup.add("the service", () => stopService(orchestrator, op, log));

  return {
    ...{ layout, network, store, machines, orchestrator },
    faults: createFaults({ machines, network, store, server, tasks: orchestrator.tasks }),
    events: () => orchestrator.events({ ...op, signal: running.signal }),
    close: () => cleanup.run(),
  };
}

function requirements({ network, zookeeper, workload }: ClusterOptions): Requirement[] {
  return [
    ...(network === "namespaces"
      ? [
          { needs: "ip", debianPackage: "iproute2" },
          { needs: "nsenter", debianPackage: "util-linux" },
        ]
      : []),
    ...(zookeeper ? ZOOKEEPER_REQUIREMENTS : []),
    ...(workload.kind === "engine" ? workload.engine.requirements : []),
  ];
}

async function makeDirectories(layout: Layout, agents: readonly AgentId[], workload: Workload): Promise<void> {
  const user = workload.kind === "engine" && workload.user !== null ? await resolveUser(workload.user) : null;
  // The databases run as users of their own and must find their way, whatever our umask.
  const open = (path: string) => {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  };
  for (const path of [layout.directory, `${layout.directory}/agents`, layout.volume, layout.writers]) open(path);
  for (const agent of agents) {
    const { directory, run, tasks } = layout.agent(agent);
    for (const path of [directory, run, tasks]) open(path);
    if (user !== null) chownSync(run, user.uid, user.gid);
  }
}

async function startServer(layout: Layout, network: DevNetwork, agents: readonly AgentId[]): Promise<AgentServer> {
  const token = randomBytes(24).toString("hex");
  writeFileSync(layout.token, token, { mode: 0o600, flag: "wx" });
  return startAgentServer(network.hostAddress, token, agents);
}

function silentAgents(orchestrator: LocalOrchestrator): AgentId[] {
  return orchestrator.agents().flatMap(({ id, reachable }) => (reachable ? [] : [id]));
}

/** An agent that could not start says why in its log; one that says nothing could not get through. */
function whySilent(silent: readonly AgentId[], layout: Layout): string {
  const words = silent.map((id) => readFileSync(layout.agent(id).log, "utf8").trim()).find((log) => log !== "");
  return `${silent.join(", ")} silent: ${words?.slice(-500) ?? "nothing in their logs; is there a firewall?"}`;
}

/** The clean way first: a database that was stopped cleanly needs no recovery. What does not end is killed later. */
async function stopService(orchestrator: LocalOrchestrator, op: Op, log: (line: string) => void): Promise<void> {
  await orchestrator.stop(op, SERVICE_NAME);
  const left = () => {
    const reachable = orchestrator.agents().flatMap(({ id, reachable }) => (reachable ? [id] : []));
    return orchestrator.tasks().filter((task) => reachable.includes(task.agent) && !isOver(task));
  };
  try {
    await until("the service to stop", () => left().length === 0, { timeoutMs: STOP_MS });
  } catch (error) {
    if (!hasCode(error, "WAIT_LIMIT")) throw error;
    log(`the service did not stop within ${STOP_MS} ms and is killed`);
  }
}

/** What matters is told by events and errors. */
const silent: Logger = { log: () => undefined };
