import { describe, expect, test } from "vitest";
import {
  type Acknowledgement,
  type DataRecord,
  formatDataRecord,
  parseData,
  parseWriterLog,
  type WriterLog,
} from "./evidence.js";
import { judge } from "./judge.js";

interface Spell {
  readonly epoch: bigint;
  readonly fromMs: number;
  readonly toMs: number;
  readonly run?: string;
}

/** One write every 10 ms from `fromMs` to `toMs`, each taking 1 ms. */
function spell({ epoch, fromMs, toMs, run = `run-${epoch}` }: Spell): { log: WriterLog; data: DataRecord[] } {
  const acknowledgements: Acknowledgement[] = [];
  for (let ms = fromMs, seq = 0; ms < toMs; ms += 10, seq += 1) {
    acknowledgements.push({ seq, beforeMs: ms, afterMs: ms + 1, value: `v${epoch}-${seq}` });
  }
  const pid = Number(epoch);
  const data = acknowledgements.map(({ seq, beforeMs, value }) => ({ epoch, run, pid, seq, atMs: beforeMs, value }));
  return { log: { epoch, run, pid, acknowledgements }, data };
}

function evidenceOf(spells: readonly Spell[], faultMs = 0) {
  const parts = spells.map(spell);
  return {
    logs: parts.map((part) => part.log),
    data: parts.flatMap((part) => part.data).sort((a, b) => a.atMs - b.atMs),
    faultMs,
  };
}

describe("judge", () => {
  test("finds nothing wrong with two runs one after the other, and measures the time between them", () => {
    const verdict = judge(
      evidenceOf(
        [
          { epoch: 1n, fromMs: 0, toMs: 1_000 },
          { epoch: 2n, fromMs: 1_500, toMs: 2_500 },
        ],
        995,
      ),
    );
    expect(verdict.breaches).toEqual([]);
    expect(verdict.overlapMs).toBe(0);
    expect(verdict.successions).toHaveLength(1);
    expect(verdict.successions[0]?.downtimeMs).toBe(1_500 - 991);
    expect(verdict.acknowledged).toBe(200);
    expect(verdict.acknowledgedAfterFault).toBe(100);
  });

  test("sees an overlap of two writers, in the clocks and in the order of the data", () => {
    const verdict = judge(
      evidenceOf([
        { epoch: 1n, fromMs: 0, toMs: 1_000 },
        { epoch: 2n, fromMs: 805, toMs: 2_000 },
      ]),
    );
    expect(verdict.overlapMs).toBe(991 - 805);
    expect(verdict.breaches.join("\n")).toContain("wrote at the same time");
    expect(verdict.breaches.join("\n")).toContain("records of a former run");
  });

  test("sees an overlap of runs that are not neighbours", () => {
    const verdict = judge(
      evidenceOf([
        { epoch: 1n, fromMs: 0, toMs: 3_000 },
        { epoch: 2n, fromMs: 1_000, toMs: 1_500 },
        { epoch: 3n, fromMs: 2_000, toMs: 4_000 },
      ]),
    );
    expect(verdict.overlapMs).toBe(991);
  });

  test("sees an overlap that only the data set shows, since the old writer was killed before it could log", () => {
    const evidence = evidenceOf([
      { epoch: 1n, fromMs: 0, toMs: 1_000 },
      { epoch: 2n, fromMs: 1_500, toMs: 2_000 },
    ]);
    const late: DataRecord = { epoch: 1n, run: "run-1", pid: 1, seq: 100, atMs: 1_600, value: "late" };
    const verdict = judge({
      ...evidence,
      data: [...evidence.data.filter((r) => r.atMs <= 1_600), late, ...evidence.data.filter((r) => r.atMs > 1_600)],
    });
    expect(verdict.overlapMs).toBe(100);
    expect(verdict.breaches).toHaveLength(2);
  });

  test("sees a write of the old run that carries an old stamp but reached the data late", () => {
    const evidence = evidenceOf([
      { epoch: 1n, fromMs: 0, toMs: 1_000 },
      { epoch: 2n, fromMs: 1_500, toMs: 2_000 },
    ]);
    const late: DataRecord = { epoch: 1n, run: "run-1", pid: 1, seq: 100, atMs: 995, value: "late" };
    const verdict = judge({ ...evidence, data: [...evidence.data, late] });
    expect(verdict.overlapMs).toBe(0);
    expect(verdict.breaches).toEqual([expect.stringContaining("1 records of a former run")]);
  });

  test("sees epochs that stand still or fall", () => {
    const same = judge(
      evidenceOf([
        { epoch: 1n, fromMs: 0, toMs: 100 },
        { epoch: 1n, run: "other", fromMs: 200, toMs: 300 },
      ]),
    );
    expect(same.breaches.join("\n")).toContain("has epoch 1 after run");
    const falling = judge(
      evidenceOf([
        { epoch: 2n, fromMs: 0, toMs: 100 },
        { epoch: 1n, fromMs: 200, toMs: 300 },
      ]),
    );
    expect(falling.breaches.join("\n")).toContain("has epoch 1 after run");
  });

  test("sees acknowledged keys that are lost, doubled or hold another value", () => {
    const evidence = evidenceOf([{ epoch: 1n, fromMs: 0, toMs: 100 }]);
    const [first, second, third, ...rest] = evidence.data as [DataRecord, DataRecord, DataRecord, ...DataRecord[]];
    const verdict = judge({ ...evidence, data: [{ ...first, value: "other" }, third, third, ...rest] });
    expect(verdict.breaches).toEqual([
      "the key 1/run-1/1/2 is there twice",
      `the key 1/run-1/1/0 holds other instead of ${first.value}`,
      `the acknowledged key 1/run-1/1/${second.seq} is lost`,
    ]);
  });

  test("does not hide how many keys are wrong", () => {
    const evidence = evidenceOf([{ epoch: 1n, fromMs: 0, toMs: 1_000 }]);
    const verdict = judge({ ...evidence, data: [] });
    expect(verdict.lost).toBe(100);
    expect(verdict.breaches.at(-1)).toBe("and 95 more keys lost, doubled or changed");
  });

  test("measures the longest pause of a run that was left alone", () => {
    const evidence = evidenceOf([{ epoch: 1n, fromMs: 0, toMs: 1_000 }]);
    const paused = {
      ...evidence,
      logs: evidence.logs.map((log) => ({
        ...log,
        acknowledgements: log.acknowledgements.filter((a) => a.seq < 20 || a.seq > 60),
      })),
      data: evidence.data.filter((r) => r.seq < 20 || r.seq > 60),
    };
    const [run] = judge(paused).runs;
    expect(run?.longestGapMs).toBe(610 - 191);
  });
});

describe("evidence", () => {
  const record = {
    epoch: "7",
    run: "0190a1f2-0000-7000-8000-000000000000",
    pid: 4_194_304,
    seq: 3,
    beforeNs: 1_500_000_000n,
    value: "abcd",
  };

  test("a record survives its own file format, and has a length that divides a page", () => {
    const text = formatDataRecord(record);
    expect(4_096 % text.length).toBe(0);
    expect(parseData(text + text)).toEqual(
      [1, 2].map(() => ({ epoch: 7n, run: record.run, pid: record.pid, seq: 3, atMs: 1_500, value: "abcd" })),
    );
  });

  test("half a line or a foreign line in the data file is damage", () => {
    const text = formatDataRecord(record);
    expect(() => parseData(text + text.slice(0, 50))).toThrow("half a line");
    expect(() => parseData(`${text.slice(0, 50)}${text}`)).toThrow("line 1 of the data file is damaged");
  });

  test("a writer killed while it logged leaves a last line that does not count", () => {
    const log = parseWriterLog("7 run 42\n0 1000000 2000000 aa\n1 3000000 40000");
    expect(log).toEqual({
      epoch: 7n,
      run: "run",
      pid: 42,
      acknowledgements: [{ seq: 0, beforeMs: 1, afterMs: 2, value: "aa" }],
    });
  });
});
