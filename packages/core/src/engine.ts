import type * as z from "zod";
import type { Op, SecretReference } from "./op.js";

/** How an application is started and stopped under the wrapper. */
export interface EngineCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly stopSignal: "SIGTERM" | "SIGINT" | "SIGQUIT";
  /** User to run as; null = as the wrapper. */
  readonly user: string | null;
}

export interface EngineContext {
  readonly service: string;
  readonly dataDir: string;
  /** For sockets and pid files: never on the volume. */
  readonly sandboxDir: string;
  readonly port: number;
  readonly bind: string;
  readonly secrets: Readonly<Record<string, SecretReference>>;
  readonly options: unknown;
}

export type Readiness =
  | { readonly kind: "ready" }
  /** Recovering, replaying: with what is known of the progress. */
  | { readonly kind: "starting"; readonly detail: string; readonly progress: number | null }
  | { readonly kind: "failed"; readonly detail: string };

export type BackupLevel = "disk" | "snapshot" | "physical" | "logical" | "archive";

export interface BackupStream {
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Settles after the stream ended: every stage's exit status and the content checks. */
  readonly verdict: Promise<ContentVerdict>;
}

/** A backup counts when its content was checked. */
export interface ContentVerdict {
  readonly good: boolean;
  readonly checks: readonly { readonly name: string; readonly passed: boolean; readonly detail: string }[];
  /** GTID, LSN, oplog time: where this copy stands. */
  readonly position: string | null;
  readonly sizeBytes: number;
}

/** What a drill compares. */
export interface Fingerprint {
  readonly schema: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly checksums: Readonly<Record<string, string>>;
  readonly newestCanary: string | null;
}

/** Held for as long as a snapshot takes; a session, because a forgotten lock stops the service. */
export interface QuiesceSession {
  readonly position: string | null;
  /** False when the engine let go by itself meanwhile: the snapshot is worthless. */
  held(): Promise<boolean>;
  release(): Promise<void>;
}

/** Replication verbs, for engines that have them. */
export interface EngineReplication {
  role(op: Op, context: EngineContext): Promise<"primary" | "replica" | "unknown">;
  position(op: Op, context: EngineContext): Promise<string>;
  lagMs(op: Op, context: EngineContext): Promise<number | null>;
  promote(op: Op, context: EngineContext): Promise<void>;
  demote(op: Op, context: EngineContext): Promise<void>;
  follow(op: Op, context: EngineContext, primary: { host: string; port: number }): Promise<void>;
}

/** An application plugin. Every effect through `op`; every call bounded by `op.signal`. */
export interface Engine {
  readonly apiVersion: 1;
  readonly type: string;
  readonly optionsSchema: z.ZodType;
  /** What an acknowledged write means with these settings, and what may be lost by *choice* (invariant I6). */
  durability(context: EngineContext): { readonly losesNothing: boolean; readonly explanation: string };
  /** Creates an empty data set; refuses a directory that is not empty. */
  initialize?(op: Op, context: EngineContext): Promise<void>;
  command(context: EngineContext): EngineCommand;
  /** Really serving, not a TCP accept. */
  readiness(op: Op, context: EngineContext): Promise<Readiness>;
  /** Longest plausible crash recovery, milliseconds; bounds health-check grace. */
  recoveryMsMax(context: EngineContext): number;
  quiesce?(op: Op, context: EngineContext): Promise<QuiesceSession>;
  readonly backupLevels: readonly BackupLevel[];
  backup?(op: Op, context: EngineContext, level: BackupLevel): Promise<BackupStream>;
  restore?(op: Op, context: EngineContext, level: BackupLevel, stream: AsyncIterable<Uint8Array>): Promise<void>;
  fingerprint?(op: Op, context: EngineContext): Promise<Fingerprint>;
  readonly replication?: EngineReplication;
  metrics?(op: Op, context: EngineContext): Promise<Readonly<Record<string, number>>>;
}
