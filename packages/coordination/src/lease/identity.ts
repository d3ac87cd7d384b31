import type { Clock, CoordinationStore, LeaseRecord, LeaseTiming } from "@holdfast/core";

/** Who asks for a lease. Everything but `agent` and `service` is for messages and for telling kernels apart. */
export interface LeaseIdentity {
  readonly service: string;
  readonly agent: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly host: string;
  readonly pid: number;
  readonly task: string | null;
}

export interface LeasePaths {
  readonly lease: string;
  readonly history: string;
  readonly queue: string;
}

/** What every part of the lease needs. */
export interface LeaseContext {
  readonly store: CoordinationStore;
  readonly paths: LeasePaths;
  readonly identity: LeaseIdentity;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
}

export function describeHolder(record: LeaseRecord): string {
  const task = record.holder.task === undefined ? "" : `, task ${record.holder.task}`;
  return `run ${record.run} on ${record.agent} (host ${record.holder.host}, pid ${record.holder.pid}${task}) since ${record.since}`;
}
