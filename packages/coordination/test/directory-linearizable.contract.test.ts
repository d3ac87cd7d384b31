import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { monotonicMs } from "@holdfast/effects";
import { linearize, type Program, type ProgramStep, StoreWorker } from "@holdfast/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeScratch, recipe } from "./directory-backend.js";

/*
 * Several processes run random programs against one record, starting at the same instant; what they were told must
 * have an order in which a plain register would have told them the same, reads included.
 */

const PROCESSES = 3;
const RUNS = 250;
/** Enough for every process to have taken its program. */
const START_IN_MS = 3;

let scratch: string;
let workers: StoreWorker[] = [];

beforeAll(async () => {
  scratch = await makeScratch();
  workers = Array.from({ length: PROCESSES }, () => new StoreWorker());
  for (const worker of workers) await worker.open(recipe(join(scratch, "store")));
});

afterAll(async () => {
  for (const worker of workers) await worker.kill();
  await rm(scratch, { recursive: true });
});

const expectation = fc.constantFrom("newest" as const, "newest" as const, "older" as const);
const step: fc.Arbitrary<ProgramStep> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<ProgramStep>({ op: "get" }) },
  { weight: 6, arbitrary: expectation.map((expect): ProgramStep => ({ op: "put", expect })) },
  { weight: 2, arbitrary: fc.constant<ProgramStep>({ op: "create" }) },
  { weight: 1, arbitrary: expectation.map((expect): ProgramStep => ({ op: "delete", expect })) },
);
const program: fc.Arbitrary<Program> = fc.array(step, { minLength: 2, maxLength: 9 });

async function run(programs: readonly Program[]) {
  const path = `services/${randomUUID()}/lease`;
  const startAtMs = monotonicMs() + START_IN_MS;
  const histories = await Promise.all(
    programs.map((steps, index) => {
      // A first step that sees or makes the record, so that puts have a version to expect.
      const first: ProgramStep = index === 0 ? { op: "create" } : { op: "get" };
      return (workers[index] as StoreWorker).ask("program", { path, program: [first, ...steps], startAtMs });
    }),
  );
  return histories.flat();
}

test("random concurrent programs of several processes are linearizable", async () => {
  let overlapping = 0;
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.tuple(program, program, program), async (programs) => {
      const history = await run(programs);
      if (history.some((a) => history.some((b) => a !== b && a.startMs < b.endMs && b.startMs < a.endMs)))
        overlapping += 1;
      for (const operation of history) {
        const kind = `${operation.op} ${"result" in operation ? operation.result.kind : operation.found === null ? "nothing" : "found"}`;
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
      }
      expect(linearize(history), JSON.stringify(history)).not.toBeNull();
    }),
    { numRuns: RUNS },
  );
  // A property that never met a collision has shown nothing.
  expect(overlapping).toBeGreaterThan(RUNS / 2);
  for (const kind of ["put done", "put conflict", "get found", "create done", "create exists", "delete done"]) {
    expect(outcomes.get(kind) ?? 0, kind).toBeGreaterThan(20);
  }
  expect([...outcomes.keys()].filter((kind) => kind.endsWith("unknown") || kind.endsWith("unreachable"))).toEqual([]);
});
