import type { Op } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AgentTask, Launch, LocalAgent } from "./agent.js";
import { createLocalOrchestrator, type LocalOrchestrator, type RememberedService } from "./orchestrator.js";

/** An agent in memory that can be cut off: then its calls hang until their signal aborts, as a silent network does. */
class MemoryAgent implements LocalAgent {
  readonly launches: Launch[] = [];
  readonly kills: string[] = [];
  readonly running = new Map<string, AgentTask>();
  readonly id: string;
  cut = false;

  constructor(id: string) {
    this.id = id;
  }

  async tasks(signal: AbortSignal) {
    await this.#arrive(signal);
    return [...this.running.values()];
  }

  async launch(launch: Launch, signal: AbortSignal) {
    await this.#arrive(signal);
    this.launches.push(launch);
    const { id, version, definition } = launch;
    this.running.set(id, {
      ...{ id, service: definition.id, version, state: "running", exitCode: null, signal: null },
      ...{ healthFailures: 0, ageMs: 0, everHealthy: true, says: "unknown", run: null, epoch: null },
    });
  }

  async kill(task: string, signal: AbortSignal) {
    await this.#arrive(signal);
    this.kills.push(task);
    this.end(task, 143);
  }

  end(task: string, exitCode: number) {
    const entry = this.running.get(task);
    if (entry !== undefined) this.running.set(task, { ...entry, state: "ended", exitCode });
  }

  async #arrive(signal: AbortSignal) {
    if (!this.cut) return;
    await new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }
}

const definition = {
  v: 1,
  id: "orders-db",
  instances: 1,
  argv: ["holdfast", "run", "--service", "orders-db", "--store", "dir:///s", "--wait", "--", "redis-server"],
  killGraceMs: 2_000,
  backoff: { firstMs: 200 },
  health: {},
};
const compiled = { definition, reasons: {}, warnings: [] };

let agents: [MemoryAgent, MemoryAgent];
let orchestrator: LocalOrchestrator;
let stop: AbortController;
let ended: Promise<void>;
let nowMs: number;
const op = () => ({ signal: stop.signal }) as Op;

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  agents = [new MemoryAgent("agent-1"), new MemoryAgent("agent-2")];
  stop = new AbortController();
  orchestrator = createLocalOrchestrator({
    wrapper: ["holdfast"],
    store: "dir:///s",
    agents,
    detectMs: 500,
    pollMs: 50,
    logger: { log: () => undefined },
    clock: {
      now: () => ({ monoMs: nowMs, bootMs: nowMs }),
      wallTime: () => "2026-01-01T00:00:00Z",
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
  });
  // AbortSignal.timeout is not covered by fake timers.
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("timeout")), ms);
    return controller.signal;
  });
  ended = orchestrator.run(stop.signal);
});

afterEach(async () => {
  stop.abort();
  await pass(600);
  await ended;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets time pass in small steps, so that everything that became due in between happens. */
async function pass(ms: number) {
  for (let done = 0; done < ms; done += 10) {
    nowMs += 10;
    await vi.advanceTimersByTimeAsync(10);
  }
}

const launched = () => agents.map((agent) => agent.launches.length);
const only = (agent: MemoryAgent) => agent.launches.at(-1)?.id ?? "none";

describe("the control loop", () => {
  test("places one run and reports it", async () => {
    await orchestrator.apply(op(), compiled);
    await pass(300);
    expect(launched()).toEqual([1, 0]);
    expect(await orchestrator.observe(op(), "orders-db")).toMatchObject({
      exists: true,
      suspended: false,
      deployments: [],
      tasks: [{ agent: "agent-1", state: "running" }],
    });
  });

  test("replaces a run whose agent fell silent, only after the detection time, and kills the copy when it is back", async () => {
    await orchestrator.apply(op(), compiled);
    await pass(300);
    agents[0].cut = true;
    await pass(400);
    expect(launched()).toEqual([1, 0]);
    await pass(400);
    expect(launched()).toEqual([1, 1]);
    expect((await orchestrator.observe(op(), "orders-db")).tasks.map((t) => t.state)).toEqual([
      "unreachable",
      "running",
    ]);
    agents[0].cut = false;
    await pass(1_000);
    expect(agents[1].kills).toEqual([only(agents[1])]);
    expect(agents[0].kills).toEqual([]);
  });

  test("restarts what ended, on another agent, after a delay", async () => {
    await orchestrator.apply(op(), compiled);
    await pass(300);
    agents[0].end(only(agents[0]), 1);
    await pass(150);
    expect(launched()).toEqual([1, 0]);
    await pass(300);
    expect(launched()).toEqual([1, 1]);
  });

  test("forgets a run that went with its machine and starts it again without delay", async () => {
    await orchestrator.apply(op(), compiled);
    await pass(300);
    agents[0].running.clear();
    await pass(150);
    expect(launched()).toEqual([2, 0]);
    expect((await orchestrator.observe(op(), "orders-db")).tasks[0]?.state).toBe("lost");
  });

  test("stops and stays stopped until the next apply", async () => {
    await orchestrator.apply(op(), compiled);
    await pass(300);
    await orchestrator.stop(op(), "orders-db");
    await pass(500);
    expect(agents[0].kills).toHaveLength(1);
    expect(launched()).toEqual([1, 0]);
    await orchestrator.apply(op(), compiled);
    await pass(300);
    expect(launched()[0]).toBe(2);
  });

  test("one that begins anew with what was remembered takes over what runs, and starts and ends nothing", async () => {
    const kept: RememberedService[][] = [];
    const machine = new MemoryAgent("agent-1");
    const begin = (remembered: readonly RememberedService[]) =>
      createLocalOrchestrator({
        ...{ wrapper: ["holdfast"], store: "dir:///s", agents: [machine], detectMs: 500, pollMs: 50, remembered },
        ...{ logger: { log: () => undefined }, remember: async (services) => void kept.push([...services]) },
        clock: {
          now: () => ({ monoMs: nowMs, bootMs: nowMs }),
          wallTime: () => "2026-01-01T00:00:00Z",
          sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        },
      });
    const first = begin([]);
    const firstStop = new AbortController();
    const firstEnded = first.run(firstStop.signal);
    await first.apply(op(), compiled);
    await pass(300);
    firstStop.abort();
    await pass(100);
    await firstEnded;
    expect(kept.at(-1)).toMatchObject([{ definition: { id: "orders-db" }, suspended: false }]);
    const second = begin(kept.at(-1) ?? []);
    const secondEnded = second.run(stop.signal);
    await pass(500);
    expect(await second.observe(op(), "orders-db")).toMatchObject({ exists: true, tasks: [{ state: "running" }] });
    await second.apply(op(), compiled);
    await pass(300);
    expect([machine.launches.length, machine.kills.length]).toEqual([1, 0]);
    await second.stop(op(), "orders-db");
    expect(kept.at(-1)).toMatchObject([{ suspended: true }]);
    stop.abort();
    await pass(100);
    await secondEnded;
  });

  test("refuses a definition that could start two copies", async () => {
    const argv = definition.argv.filter((argument) => argument !== "--wait");
    await expect(orchestrator.apply(op(), { ...compiled, definition: { ...definition, argv } })).rejects.toMatchObject({
      code: "INVALID_SPEC",
    });
  });

  test("tells listeners to look from the start, then what changes", async () => {
    const seen: string[] = [];
    const listening = new AbortController();
    const listener = (async () => {
      for await (const event of orchestrator.events({ ...op(), signal: listening.signal })) {
        seen.push(`${event.kind} ${event.detail.state ?? ""}`.trim());
      }
    })();
    await orchestrator.apply(op(), compiled);
    await pass(300);
    listening.abort();
    await listener;
    expect(seen[0]).toBe("resync");
    expect(seen).toEqual(expect.arrayContaining(["task staging", "task running"]));
  });
});
