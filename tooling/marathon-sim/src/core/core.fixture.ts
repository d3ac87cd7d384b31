import { createApp, updateApp } from "./api.js";
import { defaultFlags, type Flags } from "./flags.js";
import { addAgent, agentReport } from "./mesos.js";
import { createSim, type Effect, type Instance, instancesOf, type MarathonEvent, type Sim } from "./model.js";
import type { Problem } from "./problem.js";
import type { MesosState } from "./states.js";
import { nextDueMs, step, tick } from "./tick.js";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");

/** The state machine with a clock that the test moves, and agents that obey at once unless told otherwise. */
export class TestCluster {
  readonly sim: Sim;
  readonly events: MarathonEvent[] = [];
  readonly effects: Effect[] = [];
  /** Tasks whose process goes on although it was told to end. */
  readonly stubborn = new Set<string>();
  /** Whether launched tasks come up by themselves. */
  startsTasks = true;

  constructor(agents = 2, flags: Partial<Flags> = {}) {
    let next = 0;
    const uuid = () => `00000000-0000-4000-8000-${String(++next).padStart(12, "0")}`;
    this.sim = createSim({ ...defaultFlags(), ...flags }, START_MS, uuid);
    for (let number = 1; number <= agents; number += 1) this.addAgent(`agent-${number}`);
  }

  addAgent(id: string): void {
    this.do((sim) =>
      addAgent(sim, {
        id,
        hostname: `host-${id}`,
        ...{ region: "primary", zone: "a", attributes: {} },
        resources: { cpus: 8, mem: 16_384, disk: 100_000, gpus: 0 },
        ports: [31_000, 31_010],
      }),
    );
  }

  /** One input, and what follows from it until nothing moves any more. */
  do<T>(change: (sim: Sim) => T): T {
    const { value, effects } = step(this.sim, this.sim.nowMs, () => change(this.sim));
    this.#follow(effects);
    return value;
  }

  #follow(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.kind === "event") this.events.push(effect.event);
      if (effect.kind === "launch" && this.startsTasks) this.report(effect.launch.taskId, "TASK_RUNNING");
      if (effect.kind === "kill" && !this.stubborn.has(effect.taskId)) this.report(effect.taskId, "TASK_KILLED");
    }
  }

  /** Also while nobody hears it. */
  report(taskId: string, state: MesosState, healthy: boolean | null = null): void {
    const agent = [...this.sim.agents.values()].find(({ tasks }) => tasks.has(taskId));
    if (agent === undefined) return;
    this.do((sim) => agentReport(sim, agent.id, { taskId, state, message: "", healthy }));
  }

  /** Lets time pass, timer by timer. */
  pass(seconds: number): void {
    const endMs = this.sim.nowMs + seconds * 1_000;
    while (nextDueMs(this.sim) <= endMs) this.#follow(tick(this.sim, nextDueMs(this.sim)));
    this.#follow(tick(this.sim, endMs));
  }

  create(app: object): void {
    this.do((sim) => createApp(sim, app));
  }

  put(id: string, app: object, { force = false, partial = true } = {}): void {
    this.do((sim) => updateApp(sim, id, app, { force, partial, mayCreate: true }));
  }

  instances(appId = "/db"): Instance[] {
    return instancesOf(this.sim, appId);
  }

  only(appId = "/db"): Instance {
    const [instance, ...more] = this.instances(appId);
    if (instance === undefined || more.length > 0) throw new Error(`${appId} has ${more.length + 1} instances`);
    return instance;
  }

  /** Tasks that run on agents: the truth, whatever anybody believes. */
  alive(): string[] {
    return [...this.sim.agents.values()].flatMap(({ tasks }) =>
      [...tasks.values()].filter(({ state }) => state === "TASK_RUNNING").map(({ taskId }) => taskId),
    );
  }

  conditions(appId = "/db"): string[] {
    return this.instances(appId).map(({ condition }) => condition);
  }

  types(): string[] {
    return this.events.map(({ eventType }) => eventType);
  }
}

export const COPY = { id: "/db", cmd: "exec sleep 1000", portDefinitions: [] };
/** As facts 1 wants it. */
export const SINGLE = {
  ...COPY,
  labels: { MARATHON_SINGLE_INSTANCE_APP: "true" },
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
  unreachableStrategy: "disabled",
};
export const RESIDENT = {
  ...SINGLE,
  container: {
    type: "MESOS",
    volumes: [{ containerPath: "data", mode: "RW", persistent: { size: 100 } }],
  },
};
export const CHECKED = { ...SINGLE, healthChecks: [{ protocol: "COMMAND", command: { value: "true" } }] };

/** The refusal of a call. */
export function refusal(call: () => unknown): Problem {
  try {
    call();
  } catch (error) {
    if (error instanceof Error && error.name === "Problem") return error as Problem;
    throw error;
  }
  throw new Error("the call was accepted");
}
