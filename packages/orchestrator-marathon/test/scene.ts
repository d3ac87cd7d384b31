import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LeaseRecord, Op } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { createMarathonClient } from "@holdfast/marathon";
import { type MarathonSim, type MarathonSimOptions, startMarathonSim } from "@holdfast/marathon-sim";
import { createFakeOp, findContracts, until } from "@holdfast/testkit";
import { expect, onTestFinished } from "vitest";
import {
  createMarathonOrchestrator,
  type MarathonOrchestrator,
  type MarathonOrchestratorOptions,
  type MarathonTaskView,
  type RunEvidence,
} from "../src/index.js";
import { makeOptions, makeService } from "../src/service.fixture.js";
import { makeRecord } from "../src/view.fixture.js";

export const SERVICE = "orders-db";
export const LIMIT = { timeoutMs: 15_000 };

/**
 * Stands in for `holdfast run`: waits for a lease, which here is a directory, writes its name for as long as it has it, and
 * releases it when it is stopped. Killed, it leaves the lease behind, as a lost machine does.
 */
const RUN = `stop=; trap 'stop=1' TERM
until mkdir "$LEASE" 2>/dev/null; do test -z "$stop" || exit 0; sleep 0.05; done
echo "$MESOS_TASK_ID" > "$LEASE/task"
while test -z "$stop"; do echo "$MESOS_TASK_ID" >> "$WRITES"; sleep 0.02; done
rm -rf "$LEASE"`;

export interface Scene {
  readonly sim: MarathonSim;
  readonly orchestrator: MarathonOrchestrator;
  readonly op: Op;
  /** The compiled definition, with the stand-in as its command and what the double's agents have. */
  compiled(change?: Record<string, unknown>): { readonly definition: Record<string, unknown> };
  /** What the lease directory says: held by a task, or released. */
  evidence(change?: Partial<RunEvidence>): RunEvidence;
  /** The lease of a holder that is dead has run out: the next one may have it. */
  runOut(): void;
  /** Names of tasks, one per write, in their order. */
  writes(): readonly string[];
  /** Waits until this task writes, after all writes so far. */
  writesAgain(task: Pick<MarathonTaskView, "id">): Promise<void>;
  /** Waits for a task that Marathon lists. */
  task(what?: (task: MarathonTaskView) => boolean): Promise<MarathonTaskView>;
  /** From now on a check that looks for the file `$WRITES.ill` fails. */
  fallIll(): void;
  /** As an operator would, past us. */
  byHand(method: string, path: string, body?: object): Promise<Response>;
  /** No task wrote after another one had begun: a second writer would come back in the middle. */
  expectOneWriterAtATime(): void;
}

export async function startScene(
  options: Partial<MarathonSimOptions> = {},
  ours: Partial<MarathonOrchestratorOptions> = {},
  clientOptions: Partial<Parameters<typeof createMarathonClient>[0]> = {},
): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), "orchestrator-marathon-"));
  const [file, lease] = [join(directory, "writes"), join(directory, "lease")];
  writeFileSync(file, "");
  const contracts = findContracts();
  const sim = await startMarathonSim({
    ...{ agents: [{ id: "agent-1" }, { id: "agent-2" }], directory, env: { WRITES: file, LEASE: lease } },
    ...(contracts.found ? { contract: join(contracts.directory, "marathon") } : {}),
    timeScale: { flags: 0.01, app: 0.1 },
    ...options,
  });
  const abort = new AbortController();
  onTestFinished(async () => {
    abort.abort(new Error("the test is over"));
    await sim.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const marathon = createMarathonClient({ endpoints: [...sim.urls], timeoutMs: 5_000, ...clientOptions });
  const orchestrator = createMarathonOrchestrator({
    ...{ ...makeOptions(), marathon, settleMs: 2_000, pollMs: 50 },
    ...ours,
  });
  const op: Op = { ...createFakeOp({ signal: abort.signal }), clock: systemClock };
  const writes = () => readFileSync(file, "utf8").split("\n").slice(0, -1);
  return {
    ...{ sim, orchestrator, op, writes },
    compiled(change = {}) {
      const { definition } = orchestrator.compile(makeService(), { kind: "any" });
      const { args: _, user: __, ...kept } = definition;
      const check = { protocol: "COMMAND", command: { value: "true" }, gracePeriodSeconds: 300, intervalSeconds: 1 };
      const here = { cmd: RUN, fetch: [], portDefinitions: [], requirePorts: false, healthChecks: [check] };
      return { definition: { ...kept, ...here, taskKillGracePeriodSeconds: 3, ...change } };
    },
    evidence: (change = {}) => evidenceOf(lease, change),
    runOut: () => rmSync(lease, { recursive: true, force: true }),
    async writesAgain({ id }) {
      const before = writes().length;
      await until(`${id} to write`, () => writes().slice(before).includes(id), LIMIT);
    },
    task: (what = ({ state }) => state === "running") =>
      until("a task", async () => (await orchestrator.observe(op, SERVICE)).tasks.find(what), LIMIT),
    fallIll: () => writeFileSync(`${file}.ill`, ""),
    byHand: (method, path, body) =>
      fetch(new URL(path, sim.urls[0]), { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
    expectOneWriterAtATime() {
      const turns = writes().filter((task, index, all) => task !== all[index - 1]);
      expect(turns).toEqual([...new Set(turns)]);
      // The double's answers and our requests are what the published contract allows.
      expect([sim.control.contractViolations(), sim.control.requestFindings()]).toEqual([[], []]);
    },
  };
}

/** What makes the definition that of a service with a Mesos persistent volume; its mount path is not this machine's. */
export function residentChange(): Record<string, unknown> {
  const volumes = [{ containerPath: "data", mode: "RW", persistent: { type: "root", size: 10 } }];
  return { container: { type: "MESOS", volumes }, unreachableStrategy: "disabled" };
}

function evidenceOf(lease: string, change: Partial<RunEvidence>): RunEvidence {
  const file = join(lease, "task");
  const state: LeaseRecord["state"] = existsSync(file) ? { kind: "held" } : { kind: "released" };
  const task = state.kind === "held" ? readFileSync(file, "utf8").trim() : "nobody";
  const record = makeRecord({ state, holder: { host: "?", pid: 1, task } });
  return { record, ranOut: false, receipts: [], grade: "lease-only", roles: ["data"], ...change };
}

/** The first run, writing. */
export async function startFirst(scene: Scene, change: Record<string, unknown> = {}) {
  await scene.orchestrator.apply(scene.op, scene.compiled(change));
  const first = await scene.task();
  await scene.writesAgain(first);
  await settled(scene);
  return first;
}

/** Waits until no deployment is under way. */
export async function settled({ orchestrator, op }: Scene) {
  const isSettled = async () => (await orchestrator.observe(op, SERVICE)).deployments.length === 0;
  await until("deployments to end", isSettled, LIMIT);
}
