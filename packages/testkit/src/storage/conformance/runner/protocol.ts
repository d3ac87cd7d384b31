import { HoldfastError, type MountEntry, type StorageErrorCode } from "@holdfast/core";
import type { StrategyReference } from "../strategy-reference.js";

/*
 * Lines of JSON between the suite, the launcher and the runner. The launcher stands outside the tree and passes on
 * what is not meant for it.
 */

/** What the launcher is started with, as its only argument. */
export interface LauncherOptions {
  /** `pid-namespace`: as a run's storage tree. `none`: outside of any, where `cut` is called. */
  readonly tree: "pid-namespace" | "none";
  /** Path of `holdfast-init` on the agent. */
  readonly init: string;
  readonly strategy: StrategyReference;
}

export interface RunnerOptions {
  readonly init: string;
  readonly strategy: StrategyReference;
  readonly workDirectory: string;
}

export type LauncherCommand = { readonly launcher: "kill" | "stop" | "resume" };

export type LauncherEvent =
  | { readonly launcher: "started"; readonly initHostPid: number | null }
  | { readonly launcher: "stopped" | "resumed"; readonly processes: number }
  /** Nothing of the tree is left. */
  | { readonly launcher: "gone"; readonly how: string }
  /** SIGKILL was sent and something of the tree does not end: it hangs in the kernel. */
  | { readonly launcher: "stuck"; readonly processes: readonly string[] }
  | { readonly launcher: "failed"; readonly why: string };

/** Where in its effects a call shall end as if its process had been killed there. */
export interface CrashPoint {
  /** So many effects take place; the next one and all after it do not. */
  readonly afterEffects: number;
}

export interface Request {
  readonly id: number;
  readonly verb: string;
  readonly arguments: readonly unknown[];
  readonly crash?: CrashPoint;
}

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Where a stranger's error came from; not for comparison. */
  readonly stack?: string | undefined;
}

export type Response =
  | { readonly id: number; readonly result: unknown; readonly effects: readonly string[] }
  | { readonly id: number; readonly error: WireError; readonly effects: readonly string[] };

export type RunnerEvent =
  | { readonly event: "ready" }
  | { readonly event: "log"; readonly level: string; readonly message: string; readonly fields: unknown }
  | { readonly event: "application"; readonly application: number; readonly ended: string };

/** How an error is known that the suite made itself by ending a call at a crash point. */
export const CRASHED = "CRASHED";
/** The code that a stranger's error is given: an answer outside the closed set. */
export const FOREIGN = "FOREIGN_ERROR";

const EPOCH_KEY = "$epoch";

/** One line. Epochs, which JSON has no number for, as `{"$epoch": "7"}`; a grant's signal stays where it is. */
export function encodeLine(value: unknown): string {
  return `${JSON.stringify(value, (_, field: unknown) => {
    if (typeof field === "bigint") return { [EPOCH_KEY]: field.toString() };
    return field instanceof AbortSignal ? undefined : field;
  })}\n`;
}

export function decodeLine(line: string): unknown {
  return JSON.parse(line, (_, field: unknown) => {
    if (typeof field !== "object" || field === null || !(EPOCH_KEY in field)) return field;
    return BigInt(String(field[EPOCH_KEY]));
  });
}

/** Looks at the shape and not at the class: the strategy may have another copy of core. */
export function toWireError(error: unknown): WireError {
  const seen = typeof error === "object" && error !== null ? (error as Partial<HoldfastError>) : {};
  const message = error instanceof Error ? error.message : String(error);
  const ours = typeof seen.code === "string" && typeof seen.hint === "string";
  return {
    code: ours ? String(seen.code) : FOREIGN,
    message: ours ? message : `${error instanceof Error ? error.name : "thrown"}: ${message}`,
    hint: seen.hint ?? "",
    retryable: seen.retryable ?? false,
    detail: plain(seen.detail ?? {}),
    ...(ours ? {} : { stack: error instanceof Error ? error.stack : undefined }),
  };
}

export function fromWireError(error: WireError): HoldfastError {
  const { hint, retryable, detail } = error;
  return new HoldfastError(error.code as StorageErrorCode, error.message, {
    hint,
    retryable,
    detail,
    ...(error.stack === undefined ? {} : { cause: new Error(error.stack) }),
  });
}

/** Detail that cannot be written down is no detail. */
function plain(detail: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return decodeLine(encodeLine(detail)) as Readonly<Record<string, unknown>>;
}

/** What the helper verbs take and give; they run in the tree, where the volume is mounted. */
export interface HelperVerbs {
  /** Opens and keeps a descriptor; `direct` is O_DIRECT. */
  open: { argument: { path: string; direct?: boolean; create?: boolean }; result: number };
  /** Fills `length` bytes at `position` with `pattern`, repeated. */
  write: { argument: { file: number; position: number; pattern: string; length: number }; result: null };
  fsync: { argument: { file: number }; result: null };
  close: { argument: { file: number }; result: null };
  /** As text; by path, so that another descriptor than the writer's sees it. `drop`: not from this machine's cache. */
  read: { argument: { path: string; position: number; length: number; drop?: boolean }; result: string };
  list: { argument: { path: string }; result: readonly string[] | null };
  makeDirectory: { argument: { path: string }; result: null };
  /** flock(2), exclusive, not waiting. The lock is a number to give back, or null: held by another. */
  lock: { argument: { path: string }; result: number | null };
  unlock: { argument: { lock: number }; result: null };
  /** Starts a program and leaves it running in the tree. */
  start: {
    argument: { argv: readonly string[]; env?: Readonly<Record<string, string>>; cwd?: string };
    result: { application: number; pid: number };
  };
  signal: { argument: { application: number; signal: NodeJS.Signals }; result: null };
  /** How it ended, or null; with the end of what it printed. */
  look: { argument: { application: number }; result: { ended: string | null; output: string } };
  exec: {
    argument: { argv: readonly string[]; input?: string; timeoutMs: number };
    result: { exitCode: number; stdout: string; stderr: string };
  };
  mounts: { argument: Record<string, never>; result: readonly MountEntry[] };
  /** Marks a mounted volume as a service's, as `holdfast volume init` does. */
  mark: { argument: { path: string; service: string; role: string }; result: null };
  /** `.holdfast/epoch.json`, as a run writes it once it has verified the volume. */
  recordEpoch: { argument: { path: string; epoch: bigint; run: string; agent: string; leaseMs: number }; result: null };
}
export type HelperVerb = keyof HelperVerbs;

/** Those that a process of its own does. */
export type FileVerb = "open" | "write" | "fsync" | "close" | "read" | "list" | "makeDirectory";
export interface FileRequest {
  readonly id: number;
  readonly verb: FileVerb;
  readonly argument: HelperVerbs[FileVerb]["argument"];
}
export type FileResponse =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError };

export const HELPER_PREFIX = "helper.";
