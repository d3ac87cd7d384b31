import { keyFor, valueFor, type WriteEvent } from "../writer/log.js";

/** A fault as the demo injected it. */
export interface InjectedFault {
  readonly name: string;
  readonly agent: string;
  /** CLOCK_MONOTONIC just before. */
  readonly atMs: number;
}

export interface Evidence {
  /** Per agent, its writer's whole log. */
  readonly logs: ReadonlyMap<string, readonly WriteEvent[]>;
  /** The data set, read back from the last holder. */
  readonly data: ReadonlyMap<string, string>;
  readonly faults: readonly InjectedFault[];
}

/** Everything that was written under one epoch. */
export interface EpochSummary {
  readonly epoch: bigint;
  readonly agents: readonly string[];
  /** When the first write was sent: it took effect then at the earliest. */
  readonly firstMs: number;
  /** Last moment at which a write is known to have taken effect: an acknowledgement, or a sent write that is in the data. */
  readonly lastMs: number;
  readonly firstAcknowledgedMs: number | null;
  readonly lastAcknowledgedMs: number | null;
  readonly acknowledged: number;
  /** Acknowledged keys that are missing or hold another value. */
  readonly lost: number;
}

export interface FaultRow {
  readonly name: string;
  readonly oldEpoch: bigint | null;
  readonly newEpoch: bigint | null;
  readonly oldAgent: string | null;
  readonly newAgent: string | null;
  /** After the fault; negative = before. Null = there was none. */
  readonly oldLastMs: number | null;
  readonly newFirstMs: number | null;
  readonly overlapMs: number;
  /** Writes acknowledged under later epochs between this fault and the next. */
  readonly acknowledged: number;
  /** Of the old epoch. */
  readonly lost: number;
  /** From the last acknowledgement of the old to the first of the new. */
  readonly downtimeMs: number | null;
}

export interface Verdict {
  readonly rows: readonly FaultRow[];
  readonly epochs: readonly EpochSummary[];
  readonly acknowledged: number;
  readonly lost: number;
  readonly overlapMs: number;
  /** Everything that breaks the promise or makes the table worthless; empty = passed. */
  readonly breaches: readonly string[];
}

/** Fewer prove nothing. */
export const ACKNOWLEDGED_MIN = 1_000;

/** Pure. Decides from the writers' own logs and the data set alone. */
export function judge(evidence: Evidence): Verdict {
  const epochs = summarise(evidence);
  const rows = evidence.faults.map((fault, index) => rowOf(fault, evidence.faults[index + 1], evidence, epochs));
  const overlapMs = Math.max(0, ...epochs.map((epoch) => overlapWithLater(epoch, epochs)));
  const lost = sum(epochs, (epoch) => epoch.lost);
  const breaches = [
    ...epochs
      .filter((e) => e.agents.length > 1)
      .map((e) => `epoch ${e.epoch} was written on ${e.agents.join(" and ")}`),
    ...epochs
      .filter((epoch) => overlapWithLater(epoch, epochs) > 0)
      .map(
        (e) => `epoch ${e.epoch} still wrote ${overlapWithLater(e, epochs).toFixed(1)} ms after a later one had begun`,
      ),
    ...epochs.filter((e) => e.lost > 0).map((e) => `${e.lost} acknowledged writes of epoch ${e.epoch} are lost`),
    ...strangers(evidence),
    ...rows.flatMap(problemsOf),
  ];
  return { rows, epochs, acknowledged: sum(epochs, (epoch) => epoch.acknowledged), lost, overlapMs, breaches };
}

function summarise({ logs, data }: Evidence): EpochSummary[] {
  const byEpoch = new Map<bigint, { agent: string; event: WriteEvent }[]>();
  for (const [agent, events] of logs) {
    for (const event of events) {
      const list = byEpoch.get(event.epoch) ?? [];
      list.push({ agent, event });
      byEpoch.set(event.epoch, list);
    }
  }
  const summaries = [...byEpoch].map(([epoch, entries]): EpochSummary => {
    const times = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
    const acknowledgements: number[] = [];
    let lost = 0;
    for (const { agent, event } of entries) {
      const key = keyFor({ ...event, agent });
      const there = data.get(key) === valueFor(key);
      times.first = Math.min(times.first, event.atMs);
      if (event.kind === "acknowledged") {
        acknowledgements.push(event.atMs);
        if (!there) lost += 1;
      }
      if (event.kind === "acknowledged" || there) times.last = Math.max(times.last, event.atMs);
    }
    acknowledgements.sort((a, b) => a - b);
    return {
      epoch,
      agents: [...new Set(entries.map((entry) => entry.agent))],
      firstMs: times.first,
      lastMs: times.last,
      firstAcknowledgedMs: acknowledgements[0] ?? null,
      lastAcknowledgedMs: acknowledgements.at(-1) ?? null,
      acknowledged: acknowledgements.length,
      lost,
    };
  });
  return summaries.sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
}

/** How long an epoch went on writing after any later one had sent its first write. */
function overlapWithLater(epoch: EpochSummary, epochs: readonly EpochSummary[]): number {
  const laterFirstMs = Math.min(...epochs.filter((later) => later.epoch > epoch.epoch).map((later) => later.firstMs));
  return Math.max(0, epoch.lastMs - laterFirstMs);
}

function rowOf(
  fault: InjectedFault,
  next: InjectedFault | undefined,
  { logs }: Evidence,
  epochs: readonly EpochSummary[],
): FaultRow {
  const acknowledging = epochs.filter((epoch) => epoch.firstAcknowledgedMs !== null);
  const old = acknowledging.filter((epoch) => (epoch.firstAcknowledgedMs ?? 0) <= fault.atMs).at(-1);
  const untilMs = next?.atMs ?? Number.POSITIVE_INFINITY;
  const successor = acknowledging.find(
    (epoch) => (epoch.firstAcknowledgedMs ?? 0) > fault.atMs && (epoch.firstAcknowledgedMs ?? 0) <= untilMs,
  );
  const after = [...logs.values()].flat().filter((event) => {
    const later = old === undefined || event.epoch > old.epoch;
    return event.kind === "acknowledged" && later && event.atMs > fault.atMs && event.atMs <= untilMs;
  });
  const oldEndMs = old?.lastAcknowledgedMs ?? null;
  const newBeginMs = successor?.firstAcknowledgedMs ?? null;
  return {
    name: fault.name,
    oldEpoch: old?.epoch ?? null,
    newEpoch: successor?.epoch ?? null,
    oldAgent: old?.agents[0] ?? null,
    newAgent: successor?.agents[0] ?? null,
    oldLastMs: old === undefined ? null : old.lastMs - fault.atMs,
    newFirstMs: successor === undefined ? null : successor.firstMs - fault.atMs,
    overlapMs: old === undefined ? 0 : overlapWithLater(old, epochs),
    acknowledged: after.length,
    lost: old?.lost ?? 0,
    downtimeMs: oldEndMs === null || newBeginMs === null ? null : newBeginMs - oldEndMs,
  };
}

/** Keys that nobody ever sent, and keys of our form with the wrong value. */
function strangers({ logs, data }: Evidence): string[] {
  const sent = new Set<string>();
  for (const [agent, events] of logs) {
    for (const event of events) if (event.kind === "sent") sent.add(keyFor({ ...event, agent }));
  }
  const unknown = [...data.keys()].filter((key) => !sent.has(key));
  const wrong = [...data].filter(([key, value]) => sent.has(key) && value !== valueFor(key));
  return [
    ...(unknown.length === 0 ? [] : [`${unknown.length} keys in the data set were never sent (${unknown[0]})`]),
    ...(wrong.length === 0 ? [] : [`${wrong.length} keys hold another value than was sent (${wrong[0]?.[0]})`]),
  ];
}

function problemsOf(row: FaultRow): string[] {
  const problems: string[] = [];
  if (row.oldEpoch === null) problems.push(`${row.name}: nothing was acknowledged before it`);
  if (row.newEpoch === null) problems.push(`${row.name}: nothing took over`);
  if (row.acknowledged < ACKNOWLEDGED_MIN) {
    problems.push(
      `${row.name}: only ${row.acknowledged} writes were acknowledged after it, ${ACKNOWLEDGED_MIN} are needed`,
    );
  }
  return problems;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
