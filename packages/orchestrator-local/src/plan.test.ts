import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Action, type PlannedAgent, type PlannedTask, planService, type ServiceView } from "./plan.js";

const agentIds = ["agent-1", "agent-2", "agent-3"];
const agents: PlannedAgent[] = agentIds.map((id) => ({ id, reachable: true, allowed: true }));
const idle: ServiceView = {
  desiredVersion: "v1",
  agents,
  tasks: [],
  nowMs: 0,
  launchNotBeforeMs: 0,
  avoid: null,
};
const task = (over: Partial<PlannedTask>): PlannedTask => ({
  ...{ id: "t1", agent: "agent-1", version: "v1", state: "running", healthy: true, says: "unknown", order: 1 },
  ...over,
});
const kinds = (actions: readonly Action[]) => actions.map((action) => `${action.kind} ${action.agent}`);

describe("planService", () => {
  test("starts one instance, waiting for the lease", () => {
    expect(planService(idle).actions).toEqual([{ kind: "launch", agent: "agent-1", wait: true, why: "nothing runs" }]);
  });

  test("leaves a running instance alone", () => {
    expect(planService({ ...idle, tasks: [task({})] })).toEqual({ actions: [], waitsFor: null });
  });

  test("starts a replacement elsewhere when the agent cannot be reached, and does not ask it to kill", () => {
    expect(kinds(planService({ ...idle, tasks: [task({ state: "unreachable" })] }).actions)).toEqual([
      "launch agent-2",
    ]);
  });

  test("kills the younger copy when a lost agent returns", () => {
    const tasks = [task({ id: "old", order: 1 }), task({ id: "young", agent: "agent-2", order: 2 })];
    expect(kinds(planService({ ...idle, tasks }).actions)).toEqual(["kill agent-2"]);
  });

  test("keeps the copy that serves, also when it is the younger one", () => {
    const tasks = [
      task({ id: "old", order: 1, says: "waiting" }),
      task({ id: "young", agent: "agent-2", order: 2, says: "serving" }),
    ];
    expect(kinds(planService({ ...idle, tasks }).actions)).toEqual(["kill agent-1"]);
  });

  test("ends a run that does not answer and replaces it in the same step", () => {
    expect(kinds(planService({ ...idle, tasks: [task({ healthy: false })] }).actions)).toEqual([
      "kill agent-1",
      "launch agent-2",
    ]);
  });

  test("waits for the back-off and says how long", () => {
    const plan = planService({ ...idle, nowMs: 100, launchNotBeforeMs: 1_100 });
    expect(plan).toEqual({ actions: [], waitsFor: "back-off, 1000 ms left" });
  });

  test("leaves the agent where the last run failed, unless there is no other", () => {
    expect(kinds(planService({ ...idle, avoid: "agent-1" }).actions)).toEqual(["launch agent-2"]);
    const only = agents.map((agent) => ({ ...agent, reachable: agent.id === "agent-1" }));
    expect(kinds(planService({ ...idle, agents: only, avoid: "agent-1" }).actions)).toEqual(["launch agent-1"]);
  });

  test("says so when no permitted agent can be reached", () => {
    const none = agents.map((agent) => ({ ...agent, allowed: false }));
    expect(planService({ ...idle, agents: none }).waitsFor).toBe("no permitted agent can be reached");
  });
});

const taskArbitrary = fc.record({
  id: fc.uuid(),
  agent: fc.constantFrom(...agentIds),
  version: fc.constantFrom("v1", "v2"),
  state: fc.constantFrom<PlannedTask["state"]>("staging", "running", "unreachable", "killing"),
  healthy: fc.boolean(),
  says: fc.constantFrom<PlannedTask["says"]>("serving", "waiting", "unknown"),
  order: fc.nat(100),
});
const viewArbitrary: fc.Arbitrary<ServiceView> = fc.record({
  desiredVersion: fc.constantFrom("v1", "v2", null),
  agents: fc.tuple(
    ...agentIds.map((id) => fc.record({ id: fc.constant(id), reachable: fc.boolean(), allowed: fc.boolean() })),
  ),
  tasks: fc.uniqueArray(taskArbitrary, { maxLength: 6, selector: (item) => item.id }),
  nowMs: fc.nat(1_000),
  launchNotBeforeMs: fc.nat(1_000),
  avoid: fc.constantFrom(null, ...agentIds),
});

describe("every plan, for any view", () => {
  test("launches at most one run, waiting for the lease, where it is permitted and reachable, after the back-off", () => {
    fc.assert(
      fc.property(viewArbitrary, (view) => {
        const launches = planService(view).actions.filter((action) => action.kind === "launch");
        expect(launches.length).toBeLessThanOrEqual(view.desiredVersion === null ? 0 : 1);
        for (const launch of launches) {
          expect(launch.wait).toBe(true);
          expect(view.agents).toContainEqual({ id: launch.agent, reachable: true, allowed: true });
          expect(view.nowMs).toBeGreaterThanOrEqual(view.launchNotBeforeMs);
        }
      }),
    );
  });

  test("never ends the last good copy and never adds one beside it", () => {
    fc.assert(
      fc.property(viewArbitrary, (view) => {
        const { actions } = planService(view);
        const good = view.tasks.filter(
          (t) => ["staging", "running"].includes(t.state) && t.healthy && t.version === view.desiredVersion,
        );
        const killed = new Set(actions.flatMap((action) => (action.kind === "kill" ? [action.task] : [])));
        if (good.length === 0) return;
        expect(good.filter((t) => !killed.has(t.id))).toHaveLength(1);
        expect(actions.some((action) => action.kind === "launch")).toBe(false);
      }),
    );
  });

  test("is the same for the same view", () => {
    fc.assert(
      fc.property(viewArbitrary, (view) => {
        expect(planService(structuredClone(view))).toEqual(planService(view));
      }),
    );
  });
});

/** A small world in which the plan is carried out: tasks live on agents, and the view is what can be seen of them. */
class World {
  readonly reachable = new Map(agentIds.map((id) => [id, true]));
  tasks: PlannedTask[] = [];
  desired: string | null = "v1";
  nowMs = 0;
  launches = 0;

  view(): ServiceView {
    return {
      desiredVersion: this.desired,
      agents: agentIds.map((id) => ({ id, reachable: this.reachable.get(id) === true, allowed: true })),
      tasks: this.tasks.map((t) => (this.reachable.get(t.agent) === true ? t : { ...t, state: "unreachable" })),
      nowMs: this.nowMs,
      launchNotBeforeMs: 0,
      avoid: null,
    };
  }

  /** Carries out the first `count` actions; the rest is lost, as when the process dies in between. */
  act(count: number): number {
    const { actions } = planService(this.view());
    for (const action of actions.slice(0, count)) {
      if (action.kind === "launch") {
        this.launches += 1;
        const id = `t${this.launches}`;
        this.tasks.push(task({ id, agent: action.agent, version: this.desired ?? "", order: this.launches }));
      } else {
        this.tasks = this.tasks.map((t) => (t.id === action.task ? { ...t, state: "killing" } : t));
      }
    }
    return actions.length;
  }

  /** What was asked to end has ended, where anybody can see it. */
  finishKills(): void {
    this.tasks = this.tasks.filter((t) => t.state !== "killing" || this.reachable.get(t.agent) !== true);
  }
}

const eventArbitrary = fc.oneof(
  fc.record({ kind: fc.constantFrom("cut", "heal", "die", "exit", "stall"), agent: fc.constantFrom(...agentIds) }),
  fc.record({ kind: fc.constantFrom("stop", "new definition", "start"), agent: fc.constant("") }),
);

test("converges to one healthy run of the wanted version after any faults and any prefix of any plan", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(eventArbitrary, fc.nat(3)), { maxLength: 20 }), (steps) => {
      const world = new World();
      for (const [{ kind, agent }, prefix] of steps) {
        if (kind === "cut") world.reachable.set(agent, false);
        if (kind === "heal") world.reachable.set(agent, true);
        if (kind === "die" || kind === "exit") world.tasks = world.tasks.filter((t) => t.agent !== agent);
        if (kind === "stall") world.tasks = world.tasks.map((t) => (t.agent === agent ? { ...t, healthy: false } : t));
        if (kind === "stop") world.desired = null;
        if (kind === "start") world.desired = "v1";
        if (kind === "new definition") world.desired = "v2";
        world.act(prefix);
      }
      for (const id of agentIds) world.reachable.set(id, true);
      let rounds = 0;
      while (world.act(Number.POSITIVE_INFINITY) > 0) {
        world.finishKills();
        rounds += 1;
        expect(rounds).toBeLessThan(10);
      }
      world.finishKills();
      if (world.desired === null) expect(world.tasks).toEqual([]);
      else expect(world.tasks).toMatchObject([{ version: world.desired, healthy: true, state: "running" }]);
    }),
  );
});
