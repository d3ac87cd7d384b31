import type { AgentId, ObservedTask, RunId } from "@holdfast/core";
import type { AgentTask } from "./agent.js";
import type { LocalDefinition } from "./definition.js";
import type { PlannedTask } from "./plan.js";

/** What the orchestrator believes of a task: its last word about it, and when. */
export interface TaskEntry {
  readonly id: string;
  readonly service: string;
  readonly agent: AgentId;
  readonly version: string;
  /** `staging`: asked for, not reported yet. */
  readonly state: "staging" | "running" | "killing" | "ended" | "lost";
  readonly order: number;
  readonly healthFailures: number;
  readonly ageMs: number;
  readonly everHealthy: boolean;
  readonly says: PlannedTask["says"];
  readonly run: RunId | null;
  readonly epoch: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Wall time of the last change, for people. */
  readonly since: string;
}

export type TaskChange = { readonly entry: TaskEntry; readonly from: TaskEntry["state"] | null };

/** Ended tasks kept per service, so that `observe` can say why the last ones ended. */
const ENDED_KEPT = 10;

/** As far as anybody knows: nothing that an agent reports proves that a run can write no more. */
export function isOver(entry: TaskEntry): boolean {
  return entry.state === "ended" || entry.state === "lost";
}

/**
 * Pure. Takes over what an agent reported. A task that it does not know is `lost` (the machine started anew), unless
 * the launch may still be on its way; a task that only the agent knows is adopted, because this table is memory and
 * may itself have been lost.
 */
export function mergeReport(
  table: readonly TaskEntry[],
  agent: AgentId,
  reports: readonly AgentTask[],
  inFlight: ReadonlySet<string>,
  wallTime: string,
): { readonly table: readonly TaskEntry[]; readonly changes: readonly TaskChange[] } {
  const changes: TaskChange[] = [];
  const byId = new Map(reports.map((report) => [report.id, report]));
  const merged = table.map((entry) => {
    if (entry.agent !== agent || isOver(entry)) return entry;
    const report = byId.get(entry.id);
    if (report === undefined && inFlight.has(entry.id)) return entry;
    const next: TaskEntry =
      report === undefined ? { ...entry, state: "lost" } : { ...entry, ...fromReport(report), state: report.state };
    if (next.state === entry.state) return next;
    const changed = { ...next, since: wallTime };
    changes.push({ entry: changed, from: entry.state });
    return changed;
  });
  const known = new Set(table.map((entry) => entry.id));
  let order = Math.max(0, ...table.map((entry) => entry.order));
  for (const report of reports) {
    if (known.has(report.id) || report.state === "ended") continue;
    order += 1;
    const { id, service, version, state } = report;
    const adopted: TaskEntry = { ...fromReport(report), id, service, agent, version, state, order, since: wallTime };
    merged.push(adopted);
    changes.push({ entry: adopted, from: null });
  }
  return { table: forgetOld(merged), changes };
}

function fromReport(report: AgentTask) {
  const { healthFailures, ageMs, everHealthy, says, run, epoch, exitCode, signal } = report;
  return { healthFailures, ageMs, everHealthy, says, run, epoch, exitCode, signal };
}

function forgetOld(table: readonly TaskEntry[]): TaskEntry[] {
  const ended = new Map<string, number>();
  const kept: TaskEntry[] = [];
  for (const entry of [...table].reverse()) {
    if (isOver(entry)) {
      const count = (ended.get(entry.service) ?? 0) + 1;
      ended.set(entry.service, count);
      if (count > ENDED_KEPT) continue;
    }
    kept.push(entry);
  }
  return kept.reverse();
}

/** Pure. What the planner is told; tasks that are over are none of its business. */
export function toPlanned(
  entry: TaskEntry,
  reachable: boolean,
  health: LocalDefinition["health"] | undefined,
): PlannedTask {
  const { id, agent, version, order, says } = entry;
  const state = reachable ? (entry.state as PlannedTask["state"]) : "unreachable";
  return { id, agent, version, state, healthy: isHealthy(entry, health), says, order };
}

function isHealthy(entry: TaskEntry, health: LocalDefinition["health"] | undefined): boolean {
  if (health === undefined) return true;
  if (!entry.everHealthy && entry.ageMs < health.graceMs) return true;
  return entry.healthFailures < health.failuresMax;
}

/** Pure. The same for people and for other parts of Holdfast. */
export function toObserved(entry: TaskEntry, reachable: boolean): ObservedTask {
  const { id, agent, run, since, exitCode } = entry;
  return { id, agent, run, state: observedState(entry, reachable), since, exitCode };
}

function observedState(entry: TaskEntry, reachable: boolean): ObservedTask["state"] {
  if (entry.state === "lost") return "lost";
  if (entry.state === "ended") return entry.exitCode === 0 ? "finished" : "failed";
  return reachable ? entry.state : "unreachable";
}
