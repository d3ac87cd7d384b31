import type { ZooKeeperEnsemble } from "@holdfast/testkit";

/** A lock wrapper to be measured: a command line to which the child's is appended. */
export interface Wrapper {
  readonly name: string;
  readonly argv: (lock: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How it is ended, if it does not end on SIGTERM. */
  readonly endSignal?: NodeJS.Signals;
}

/** A library's hand-over among candidates: milliseconds of each. */
export interface HandoverPeer {
  readonly name: string;
  readonly handover: (candidates: number, times: number) => readonly number[];
}

/** `holdfast run …` up to and with `--`. */
export type HoldfastCommand = (
  service: string,
  leaseMs: number,
  agent: string,
  more?: readonly string[],
) => readonly string[];

export interface Section {
  readonly title: string;
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly load?: number;
}

export type { ZooKeeperEnsemble };
