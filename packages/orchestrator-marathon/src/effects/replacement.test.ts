import { describe, expect, test } from "vitest";
import { running, startOrchestrator } from "../server.fixture.js";
import { AGENT, APP_ID, makeEvidence, makeRecord, makeTask, RELEASED, RESIDENT, SERVICE } from "../view.fixture.js";
import type { ReplacementEntry } from "./replacement.js";

describe("replace", () => {
  const ranOut = makeEvidence({ ranOut: true });

  test("wipes the holder's task between two lines of the journal", async () => {
    const { small, compiled, replace, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    const journal: [ReplacementEntry, number][] = [];
    const plan = await replace(op, SERVICE, {
      evidence: ranOut,
      journal: async (entry) => void journal.push([entry, small.changes().length]),
    });
    expect(plan.kind).toBe("wipe");
    expect(small.changes()).toMatchObject([{ path: "/v2/tasks/delete", body: { ids: [makeTask().id] } }]);
    expect(Object.fromEntries(small.changes()[0]?.query ?? [])).toMatchObject({ wipe: "true", scale: "false" });
    expect(journal.map(([{ state }, changes]) => [state, changes])).toEqual([
      ["started", 0],
      ["done", 1],
    ]);
    expect(journal[0]?.[0]).toMatchObject({ tasks: [makeTask().id], evidence: expect.stringContaining("run out") });
    // Cut off before "done" and called again: there is nothing left to wipe.
    expect(await replace(op, SERVICE, { evidence: ranOut, journal: async () => undefined })).toMatchObject({
      kind: "nothing",
    });
  });

  test("a journal that cannot be written stops it before anything is sent", async () => {
    const { small, compiled, replace, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    const journal = async () => Promise.reject(new Error("the store is away"));
    await expect(replace(op, SERVICE, { evidence: ranOut, journal })).rejects.toThrow("the store is away");
    expect(small.changes()).toEqual([]);
  });

  test.each([
    ["resident", { container: RESIDENT }, RELEASED, "UNSUPPORTED"],
    ["pinned", { constraints: [["hostname", "IS", AGENT]] }, RELEASED, "UNSUPPORTED"],
    ["without proof", {}, makeEvidence(), "HELD_BY_OTHER"],
    [
      "without the receipt that the grade demands",
      {},
      { ...ranOut, grade: "storage-fenced" as const },
      "HELD_BY_OTHER",
    ],
    ["foreign", { labels: {} }, RELEASED, "RECORD_EXISTS"],
  ])("refuses %s, and the journal has no line", async (_, change, evidence, code) => {
    const { small, compiled, replace, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, change));
    const journal: ReplacementEntry[] = [];
    const refused = replace(op, SERVICE, { evidence, journal: async (entry) => void journal.push(entry) });
    await expect(refused).rejects.toMatchObject({ code, hint: expect.stringMatching(/./) });
    expect([journal, small.changes()]).toEqual([[], []]);
  });

  test("the answer is lost: done when the task is gone, failed when it is still there", async () => {
    const { small, compiled, replace, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    const states: string[] = [];
    const journal = async ({ state, code }: ReplacementEntry) => void states.push(`${state} ${code ?? ""}`.trim());
    small.intercept = ({ method }, response) => {
      if (method === "GET") return undefined;
      response.destroy();
      return "done";
    };
    await expect(replace(op, SERVICE, { evidence: ranOut, journal })).rejects.toMatchObject({
      code: "UNKNOWN_OUTCOME",
    });
    small.intercept = ({ method }) => (method === "GET" ? undefined : "lost");
    await replace(op, SERVICE, { evidence: ranOut, journal });
    expect(states).toEqual(["started", "failed UNKNOWN_OUTCOME", "started", "done"]);
  });

  test("the holder changed since: the task that has the lease now is left alone", async () => {
    const { small, compiled, replace, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    const record = makeRecord({ agent: "b.example", holder: { host: "b.example", pid: 1, task: "another" } });
    const plan = await replace(op, SERVICE, {
      evidence: makeEvidence({ record, ranOut: true }),
      journal: async () => undefined,
    });
    expect(plan.kind).toBe("nothing");
    expect(small.changes()).toEqual([]);
  });
});
