import type { CutKind, Grade, PluginReference, Volume } from "@holdfast/core";
import type { StoreCredentials } from "@holdfast/supervisor";

/** What `holdfast run` asks the program that knows strategies, on its standard input. */
export interface ResolveRequest {
  /** Service file; null with `strategy`. */
  readonly file: string | null;
  readonly strategy: {
    readonly type: string;
    readonly optionsFile: string | null;
    readonly service: string;
    readonly mountPath: string;
    readonly plugins: readonly PluginReference[];
  } | null;
  readonly pluginDirs: readonly string[];
  readonly agent: string;
}

/** A volume with the strategy that brings it, by name: this travels between processes. */
export interface SpecVolume {
  readonly strategy: string;
  readonly volume: Volume;
}

/** The answer: everything of a service that the guard needs, without a schema library. */
export interface ResolvedService {
  readonly service: string;
  readonly timing: {
    readonly leaseMs: number;
    readonly renewMs: number;
    readonly stopBudgetMs: number;
    readonly marginMs: number;
    readonly guardMs: number;
  } | null;
  readonly attachTimeoutMs: number | null;
  readonly controllerSide: "inline" | "controller";
  /** Null: the command line must bring it. */
  readonly command: readonly [string, ...string[]] | null;
  readonly volumes: readonly [SpecVolume, ...SpecVolume[]];
  readonly plugins: readonly PluginReference[];
  readonly description: string;
  readonly mounts: boolean;
  readonly cut: CutKind;
  readonly cutMsMax: number;
  readonly claimFenceMs: number | null;
  readonly grade: Grade;
  readonly gradeWhy: string;
  readonly minimumGrade: Grade;
  readonly statements: readonly string[];
}

/** `storage.json` in a run's own directory: what the storage process and the cut program work from. No secret. */
export interface StorageSpec {
  readonly service: string;
  readonly agent: string;
  readonly store: string;
  readonly credentials: StoreCredentials;
  readonly leaseMs: number;
  readonly attachTimeoutMs: number;
  readonly controllerSide: "inline" | "controller";
  readonly pluginDirs: readonly string[];
  readonly plugins: readonly PluginReference[];
  readonly volumes: readonly [SpecVolume, ...SpecVolume[]];
  readonly volumeTimeoutMs: number;
  readonly initialise: boolean;
  readonly format: boolean;
  readonly initPath: string;
}

export const SPEC_FILE = "storage.json";
