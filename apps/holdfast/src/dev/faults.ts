import { type AgentId, HoldfastError } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { isOver, type TaskEntry } from "@holdfast/orchestrator-local";
import type { AgentServer } from "./agent/server.js";
import type { AgentMachine } from "./agent-machine.js";
import type { DevNetwork } from "./network/types.js";
import { isWrapper, killLikeMachine, type SeenProcess, signalProcess, stateOf } from "./processes.js";
import type { DevStore } from "./store/types.js";
import { until } from "./until.js";

/** What was done to the cluster, and how it was seen from outside that it had happened. */
export interface Injected {
  /** CLOCK_MONOTONIC just before. */
  readonly atMs: number;
  readonly observed: string;
}

export interface Faults {
  /** The machine dies: SIGKILL to everything of that agent. */
  kill(agent: AgentId): Promise<Injected>;
  /** Off the network and away from the store; its processes live on. */
  cut(agent: AgentId): Promise<Injected>;
  /** Undoes everything: boots, reconnects, continues. */
  heal(agent: AgentId): Promise<Injected>;
  /** SIGSTOP of all wrapper processes of the runs there, not of the database. */
  pause(agent: AgentId): Promise<Injected>;
  /** SIGKILL of all wrapper processes of the runs there. */
  killWrapper(agent: AgentId): Promise<Injected>;
  hangStore(): Promise<Injected>;
  resumeStore(): Promise<Injected>;
}

export interface FaultTargets {
  readonly machines: ReadonlyMap<AgentId, AgentMachine>;
  readonly network: DevNetwork;
  readonly store: DevStore;
  readonly server: AgentServer;
  readonly tasks: () => readonly TaskEntry[];
}

const OBSERVE_MS = 10_000;

export function createFaults({ machines, network, store, server, tasks }: FaultTargets): Faults {
  const machineOf = (agent: AgentId) => {
    const machine = machines.get(agent);
    if (machine !== undefined) return machine;
    throw new HoldfastError("USAGE", `There is no agent "${agent}".`, {
      hint: `Use ${[...machines.keys()].join(", ")}.`,
    });
  };

  /** Wrapper and application of every run on that agent. */
  const runsOn = (agent: AgentId) => {
    const machine = machineOf(agent);
    const live = tasks().filter((task) => task.agent === agent && !isOver(task));
    const runs = live.flatMap((task) => splitRun(machine.processesOfTask(task.id)) ?? []);
    if (runs.length > 0) return { wrapper: runs.flatMap((run) => run.wrapper), app: runs.flatMap((run) => run.app) };
    throw new HoldfastError("NOT_RUNNING", `Nothing runs on ${agent}.`, { hint: "See `holdfast dev status`." });
  };

  const cutOff = new Set<AgentId>();
  return {
    async kill(agent) {
      const machine = machineOf(agent);
      const { atMs, killed } = await machine.kill();
      return { atMs, observed: `${killed.length} processes gone, nothing of ${agent} is left` };
    },
    async cut(agent) {
      machineOf(agent);
      const atMs = monotonicMs();
      cutOff.add(agent);
      await store.cut(agent);
      if (network.kind === "loopback") {
        // Nothing stands between these agents and ZooKeeper that could be taken away: this says so by failing.
        if (store.kind === "zookeeper") await network.cut(agent);
        server.refuse(agent, true);
        return { atMs, observed: "store and orchestrator taken away (its network cannot be cut without root)" };
      }
      await network.cut(agent);
      await until(`${agent} to be off the network`, async () => !(await network.answers(agent)), {
        timeoutMs: OBSERVE_MS,
      });
      const more = store.kind === "directory" ? ", its way to the store leads nowhere" : "";
      return { atMs, observed: `packets to ${agent} are not answered${more}` };
    },
    async heal(agent) {
      const machine = machineOf(agent);
      const atMs = monotonicMs();
      const undone: string[] = [];
      server.refuse(agent, false);
      await store.heal(agent);
      await network.heal(agent);
      if (cutOff.delete(agent)) undone.push("back on the network");
      const stopped = machine.processes().filter((seen) => seen.state === "T");
      for (const seen of stopped) signalProcess(seen, "SIGCONT");
      if (stopped.length > 0) undone.push(`${stopped.length} processes continued`);
      if (!machine.isUp) {
        await machine.boot();
        undone.push("booted");
      }
      await until(`${agent} to be on the network`, () => network.answers(agent), { timeoutMs: OBSERVE_MS });
      return { atMs, observed: undone.length === 0 ? "needed nothing" : undone.join(", ") };
    },
    async pause(agent) {
      const { wrapper, app } = runsOn(agent);
      const atMs = monotonicMs();
      for (const seen of wrapper) signalProcess(seen, "SIGSTOP");
      await until("every wrapper process to be stopped", () => wrapper.every((seen) => stateOf(seen) === "T"), {
        timeoutMs: OBSERVE_MS,
        intervalMs: 2,
        seen: () => describeStates(wrapper),
      });
      return { atMs, observed: `stopped: ${describeStates(wrapper)}; running: ${describeStates(app)}` };
    },
    async killWrapper(agent) {
      const { wrapper, app } = runsOn(agent);
      const { atMs } = await killLikeMachine(
        () => wrapper.filter((seen) => stateOf(seen) !== "gone" && stateOf(seen) !== "Z"),
        OBSERVE_MS,
      );
      await until("the application to be gone with its wrapper", () => app.every(isDead), {
        timeoutMs: OBSERVE_MS,
        intervalMs: 2,
        seen: () => describeStates(app),
      });
      return {
        atMs,
        observed: `${wrapper.map(nameOf).join(", ")} killed; ${app.map(nameOf).join(", ")} gone with them`,
      };
    },
    async hangStore() {
      const atMs = monotonicMs();
      await store.hang();
      return {
        atMs,
        observed: store.kind === "directory" ? "every agent's link to the store dangles" : "ZooKeeper stopped",
      };
    },
    async resumeStore() {
      const atMs = monotonicMs();
      await store.resume();
      return { atMs, observed: "the store answers again" };
    },
  };
}

/** The guard is the one whose parent is not of the run itself. Undefined when nothing is left. */
function splitRun(processes: readonly SeenProcess[]) {
  const own = new Set(processes.map((seen) => seen.pid));
  // A lock process that outlives its guard has lost its parent too.
  const isLock = (seen: SeenProcess) => seen.argv.includes("__lock") || seen.argv[0] === "holdfast-lock";
  const guard = processes.find((seen) => !own.has(seen.ppid) && !isLock(seen));
  if (guard === undefined) return undefined;
  const wrapper = processes.filter((seen) => isWrapper(seen, guard.pid));
  return { wrapper, app: processes.filter((seen) => !wrapper.includes(seen)) };
}

const isDead = (seen: SeenProcess) => ["gone", "Z", "X"].includes(stateOf(seen));

function describeStates(processes: readonly SeenProcess[]): string {
  return processes.map((seen) => `${nameOf(seen)} ${stateOf(seen)}`).join(", ");
}

function nameOf({ pid, argv }: SeenProcess): string {
  if (argv.includes("__lock") || argv[0] === "holdfast-lock") return `lock process ${pid}`;
  if (argv.includes("run")) return `guard ${pid}`;
  // Servers write more than their name there ("redis-server 127.0.0.1:6379 epoch-3").
  const [program = ""] = (argv[0] ?? "").split(" ");
  return `${program.split("/").at(-1)} ${pid}`;
}
