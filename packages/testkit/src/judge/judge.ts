import type { DataRecord, Evidence, WriterLog } from "./evidence.js";

/** One run as it can be seen in the evidence. */
export interface RunSummary {
  readonly epoch: bigint;
  readonly run: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly acknowledged: number;
  readonly acknowledgedAfterFault: number;
  /** Longest time between two writes, and when it began. */
  readonly longestGapMs: number;
}

/** One change of the writer. */
export interface Succession {
  readonly from: RunSummary;
  readonly to: RunSummary;
  /** Time during which both could be seen to write; anything above 0 is the end of the product's promise. */
  readonly overlapMs: number;
  /** From the last write of the one to the first write of the other. */
  readonly downtimeMs: number;
}

export interface Verdict {
  /** In the order of their first writes. */
  readonly runs: readonly RunSummary[];
  readonly successions: readonly Succession[];
  /** The longest overlap of *any* two runs, neighbours or not. */
  readonly overlapMs: number;
  readonly acknowledged: number;
  readonly acknowledgedAfterFault: number;
  /** Acknowledged keys that are missing or hold another value. */
  readonly lost: number;
  /** Every breach of an invariant, in words; empty = one writer at a time and nothing lost. */
  readonly breaches: readonly string[];
}

const BREACHES_MAX = 5;

/** Pure. Decides from the writers' own logs and the data set alone whether there ever were two writers, or a loss. */
export function judge(evidence: Evidence): Verdict {
  const runs = summarise(evidence);
  const successions = runs.slice(1).map((to, index) => succession(runs[index] as RunSummary, to));
  const keys = compareKeys(evidence);
  const breaches = [
    ...epochBreaches(runs),
    ...orderBreaches(evidence.data),
    ...keys.breaches,
    ...overlapBreaches(runs),
  ];
  return {
    runs,
    successions,
    overlapMs: Math.max(0, ...pairs(runs).map(([a, b]) => overlap(a, b))),
    acknowledged: sum(runs, (run) => run.acknowledged),
    acknowledgedAfterFault: sum(runs, (run) => run.acknowledgedAfterFault),
    lost: keys.lost,
    breaches,
  };
}

function summarise(evidence: Evidence): RunSummary[] {
  const times = new Map<string, { epoch: bigint; run: string; at: number[]; acknowledgedAt: number[] }>();
  const of = (epoch: bigint, run: string) => {
    const key = `${epoch}/${run}`;
    const found = times.get(key) ?? { epoch, run, at: [], acknowledgedAt: [] };
    times.set(key, found);
    return found;
  };
  for (const record of evidence.data) of(record.epoch, record.run).at.push(record.atMs);
  for (const log of evidence.logs) {
    const run = of(log.epoch, log.run);
    for (const ack of log.acknowledgements) {
      run.at.push(ack.beforeMs, ack.afterMs);
      run.acknowledgedAt.push(ack.afterMs);
    }
  }
  const summaries = [...times.values()].map(({ epoch, run, at, acknowledgedAt }) => {
    at.sort((a, b) => a - b);
    return {
      epoch,
      run,
      firstMs: at[0] ?? Number.NaN,
      lastMs: at.at(-1) ?? Number.NaN,
      acknowledged: acknowledgedAt.length,
      acknowledgedAfterFault: acknowledgedAt.filter((ms) => ms > evidence.faultMs).length,
      longestGapMs: at.slice(1).reduce((longest, ms, index) => Math.max(longest, ms - (at[index] ?? ms)), 0),
    };
  });
  return summaries.filter((run) => Number.isFinite(run.firstMs)).sort((a, b) => a.firstMs - b.firstMs);
}

const overlap = (a: RunSummary, b: RunSummary) =>
  Math.max(0, Math.min(a.lastMs, b.lastMs) - Math.max(a.firstMs, b.firstMs));

function succession(from: RunSummary, to: RunSummary): Succession {
  return { from, to, overlapMs: overlap(from, to), downtimeMs: to.firstMs - from.lastMs };
}

/** Runs of one epoch, or epochs that do not grow with the first writes (I2). */
function epochBreaches(runs: readonly RunSummary[]): string[] {
  return runs.slice(1).flatMap((to, index) => {
    const from = runs[index] as RunSummary;
    return to.epoch > from.epoch ? [] : [`run ${to.run} has epoch ${to.epoch} after run ${from.run} had ${from.epoch}`];
  });
}

/** No record of an older epoch may follow the first one of a newer epoch (I4), in the file's own order. */
function orderBreaches(data: readonly DataRecord[]): string[] {
  let newest: DataRecord | undefined;
  let stale = 0;
  let example = "";
  for (const record of data) {
    if (newest === undefined || record.epoch > newest.epoch) newest = record;
    else if (record.epoch < newest.epoch || record.run !== newest.run) {
      stale += 1;
      example ||= `seq ${record.seq} of epoch ${record.epoch} after epoch ${newest.epoch} had begun`;
    }
  }
  return stale === 0 ? [] : [`${stale} records of a former run in the data after its successor's first (${example})`];
}

/** Every acknowledged key must be in the data set exactly once, with its value (I6). */
function compareKeys(evidence: Evidence): { readonly lost: number; readonly breaches: string[] } {
  const key = (log: Pick<WriterLog, "epoch" | "run" | "pid">, seq: number) =>
    `${log.epoch}/${log.run}/${log.pid}/${seq}`;
  const values = new Map<string, string>();
  const doubled: string[] = [];
  for (const record of evidence.data) {
    const name = key(record, record.seq);
    if (values.has(name)) doubled.push(`the key ${name} is there twice`);
    values.set(name, record.value);
  }
  const wrong: string[] = [];
  for (const log of evidence.logs) {
    for (const ack of log.acknowledgements) {
      const name = key(log, ack.seq);
      const value = values.get(name);
      if (value === undefined) wrong.push(`the acknowledged key ${name} is lost`);
      else if (value !== ack.value) wrong.push(`the key ${name} holds ${value} instead of ${ack.value}`);
    }
  }
  return { lost: wrong.length, breaches: shortened([...doubled, ...wrong]) };
}

function shortened(breaches: string[]): string[] {
  if (breaches.length <= BREACHES_MAX) return breaches;
  return [
    ...breaches.slice(0, BREACHES_MAX),
    `and ${breaches.length - BREACHES_MAX} more keys lost, doubled or changed`,
  ];
}

function overlapBreaches(runs: readonly RunSummary[]): string[] {
  return pairs(runs)
    .filter(([a, b]) => overlap(a, b) > 0)
    .map(([a, b]) => `epochs ${a.epoch} and ${b.epoch} wrote at the same time for ${overlap(a, b).toFixed(1)} ms`);
}

function pairs(runs: readonly RunSummary[]): [RunSummary, RunSummary][] {
  return runs.flatMap((a, index) => runs.slice(index + 1).map((b): [RunSummary, RunSummary] => [a, b]));
}

const sum = (runs: readonly RunSummary[], of: (run: RunSummary) => number) =>
  runs.reduce((total, run) => total + of(run), 0);
