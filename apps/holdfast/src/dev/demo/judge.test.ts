import { describe, expect, test } from "vitest";
import { keyFor, valueFor, type WriteEvent } from "../writer/log.js";
import { ACKNOWLEDGED_MIN, type Evidence, type InjectedFault, judge } from "./judge.js";

/** Writes one per millisecond, each acknowledged half a millisecond after it was sent. */
function writes(epoch: bigint, fromMs: number, count: number, firstSeq = 1): WriteEvent[] {
  return Array.from({ length: count }, (_, index) => index).flatMap((index): WriteEvent[] => [
    { kind: "sent", epoch, seq: firstSeq + index, atMs: fromMs + index },
    { kind: "acknowledged", epoch, seq: firstSeq + index, atMs: fromMs + index + 0.5 },
  ]);
}

function dataOf(logs: ReadonlyMap<string, readonly WriteEvent[]>): Map<string, string> {
  const data = new Map<string, string>();
  for (const [agent, events] of logs) {
    for (const event of events) {
      if (event.kind !== "acknowledged") continue;
      const key = keyFor({ ...event, agent });
      data.set(key, valueFor(key));
    }
  }
  return data;
}

const killed: InjectedFault = { name: "agent killed", agent: "agent-1", atMs: 1_200 };

/** Epoch 5 on agent-1 until shortly after the fault, epoch 6 on agent-2 from four seconds later. */
function goodRun(): Evidence & { logs: Map<string, readonly WriteEvent[]>; data: Map<string, string> } {
  const logs = new Map([
    ["agent-1", writes(5n, 0, ACKNOWLEDGED_MIN + 210)],
    ["agent-2", writes(6n, 5_200, ACKNOWLEDGED_MIN + 50)],
  ]);
  return { logs, data: dataOf(logs), faults: [killed] };
}

describe("judge", () => {
  test("passes a clean failover and measures it", () => {
    const { breaches, rows, acknowledged, lost, overlapMs } = judge(goodRun());
    expect(breaches).toEqual([]);
    expect({ acknowledged, lost, overlapMs }).toEqual({ acknowledged: 2_260, lost: 0, overlapMs: 0 });
    expect(rows).toEqual([
      {
        name: "agent killed",
        oldEpoch: 5n,
        newEpoch: 6n,
        oldAgent: "agent-1",
        newAgent: "agent-2",
        oldLastMs: 9.5,
        newFirstMs: 4_000,
        overlapMs: 0,
        acknowledged: 1_050,
        lost: 0,
        downtimeMs: 3_991,
      },
    ]);
  });

  test("finds a lost acknowledged write", () => {
    const run = goodRun();
    run.data.delete("5:agent-1:700");
    const { breaches, lost, rows } = judge(run);
    expect(lost).toBe(1);
    expect(rows[0]?.lost).toBe(1);
    expect(breaches).toEqual(["1 acknowledged writes of epoch 5 are lost"]);
  });

  test("counts a wrong value as a loss, and names it", () => {
    const run = goodRun();
    run.data.set("6:agent-2:3", "v-00000000");
    const { breaches, lost } = judge(run);
    expect(lost).toBe(1);
    expect(breaches).toContain("1 keys hold another value than was sent (6:agent-2:3)");
  });

  test("finds two writers at once", () => {
    const run = goodRun();
    run.logs.set("agent-2", writes(6n, 1_100, 2_000));
    const { breaches, overlapMs } = judge({ ...run, data: dataOf(run.logs) });
    expect(overlapMs).toBe(109.5);
    expect(breaches).toContain("epoch 5 still wrote 109.5 ms after a later one had begun");
  });

  test("finds a late write that was never acknowledged but is in the data", () => {
    const run = goodRun();
    const late: WriteEvent = { kind: "sent", epoch: 5n, seq: 9_999, atMs: 5_300 };
    run.logs.set("agent-1", [...(run.logs.get("agent-1") ?? []), late]);
    expect(judge(run).overlapMs).toBe(0);
    run.data.set("5:agent-1:9999", valueFor("5:agent-1:9999"));
    expect(judge(run).overlapMs).toBe(100);
  });

  test("finds an overlap with a run that is not the next one", () => {
    const run = goodRun();
    run.logs.set("agent-3", writes(7n, 600, 1, 1));
    expect(judge({ ...run, data: dataOf(run.logs) }).overlapMs).toBeGreaterThan(600);
  });

  test("finds one epoch on two agents", () => {
    const run = goodRun();
    run.logs.set("agent-3", writes(6n, 8_000, 5));
    expect(judge({ ...run, data: dataOf(run.logs) }).breaches).toContain("epoch 6 was written on agent-2 and agent-3");
  });

  test("finds keys that nobody sent", () => {
    const run = goodRun();
    run.data.set("6:agent-9:1", valueFor("6:agent-9:1"));
    expect(judge(run).breaches).toEqual(["1 keys in the data set were never sent (6:agent-9:1)"]);
  });

  test("accepts a write that took effect without being acknowledged", () => {
    const run = goodRun();
    const sent: WriteEvent = { kind: "sent", epoch: 5n, seq: 9_999, atMs: 1_211 };
    run.logs.set("agent-1", [...(run.logs.get("agent-1") ?? []), sent]);
    run.data.set("5:agent-1:9999", valueFor("5:agent-1:9999"));
    expect(judge(run)).toMatchObject({ breaches: [], rows: [{ oldLastMs: 11 }] });
  });

  test("calls a fault with too few writes after it worthless", () => {
    const run = goodRun();
    run.logs.set("agent-2", writes(6n, 5_200, ACKNOWLEDGED_MIN - 1));
    expect(judge({ ...run, data: dataOf(run.logs) }).breaches).toEqual([
      "agent killed: only 999 writes were acknowledged after it, 1000 are needed",
    ]);
  });

  test("says so when nothing took over", () => {
    const run = goodRun();
    run.logs.delete("agent-2");
    const { breaches, rows } = judge({ ...run, data: dataOf(run.logs) });
    expect(rows[0]).toMatchObject({ newEpoch: null, downtimeMs: null, acknowledged: 0 });
    expect(breaches).toContain("agent killed: nothing took over");
  });

  test("counts for each fault only what came before the next one", () => {
    const run = goodRun();
    run.logs.set("agent-2", writes(6n, 5_200, 1_500));
    run.logs.set("agent-3", writes(7n, 10_000, 1_001));
    const faults = [killed, { name: "wrapper killed", agent: "agent-2", atMs: 6_600 }];
    const { rows, breaches } = judge({ faults, logs: run.logs, data: dataOf(run.logs) });
    expect(breaches).toEqual([]);
    expect(rows.map((row) => row.acknowledged)).toEqual([1_400, 1_001]);
    expect(rows[1]).toMatchObject({ oldEpoch: 6n, newEpoch: 7n, oldLastMs: 99.5 });
  });
});
